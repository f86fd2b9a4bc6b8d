//! What those who took part in an exchange logged of it.

use std::collections::HashMap;

use serde::Deserialize;

use crate::cluster::Cluster;

/// An exchange as the application saw it: the server of `catalog`, the client elsewhere.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Truth {
    pub(crate) request_id: String,
    /// When it began, in epoch seconds.
    pub(crate) t: f64,
    pub(crate) total_ms: f64,
    /// Of a server: whether its client had left when it answered.
    pub(crate) client_left: Option<bool>,
    /// Of a client.
    pub(crate) status: Option<u16>,
    pub(crate) error: Option<String>,
}

/// An exchange as Envoy logged it.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) request_id: String,
    pub(crate) status: u16,
    pub(crate) flags: String,
    pub(crate) duration_ms: f64,
    /// `inbound|9080||` or `outbound|...`.
    pub(crate) cluster: String,
}

impl Cluster {
    #[track_caller]
    pub(crate) fn truth(&self, pod: &str) -> Vec<Truth> {
        let text = self.truth_text(pod);
        let lines = text.lines().filter(|line| line.starts_with('{'));
        lines
            .map(|line| {
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
            })
            .collect()
    }

    /// The access log of the pod's Envoy by request.
    #[track_caller]
    pub(crate) fn access_log(&self, pod: &str) -> HashMap<String, Access> {
        let lines = self.access_lines(pod).into_iter();
        lines.map(|access| (access.request_id.clone(), access)).collect()
    }

    /// All lines of it: a request that was tried again has several.
    #[track_caller]
    pub(crate) fn access_lines(&self, pod: &str) -> Vec<Access> {
        let text = self.kubectl(&["-n", "shop", "logs", pod, "-c", "istio-proxy"]);
        text.lines().filter_map(access).collect()
    }
}

/// A line of Istio's default format.
fn access(line: &str) -> Option<Access> {
    let words = words(line);
    if !words.first()?.starts_with('[') {
        return None;
    }
    // [time] "request" status flags details termination "failure" received sent duration ...
    Some(Access {
        status: words.get(2)?.parse().ok()?,
        flags: (*words.get(3)?).to_owned(),
        duration_ms: words.get(9)?.parse().ok()?,
        request_id: (*words.get(13)?).to_owned(),
        cluster: (*words.get(16)?).to_owned(),
    })
}

/// Words separated by spaces; what is in quotes is one word, without them.
fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_once(' ').unwrap_or((rest, "")),
        };
        words.push(word);
        rest = after.trim_start();
    }
    words
}
