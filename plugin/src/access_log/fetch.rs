//! Access logs of pods, through the API.

use std::time::Duration;

use anyhow::{Result, anyhow};
use k8s_openapi::api::core::v1::Pod;
use kube::api::LogParams;
use kube::client::Body;
use kube::core::{Request, Status};
use kube::{Api, Resource as _};
use meshsniff::capture::Timestamp;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::entry::Entry;
use super::{Log, Logs};
use crate::cluster::{self, Cluster, Kind, Wanted, containers};
use crate::talk::say;

/// Containers that are an Envoy: Istio's, and what one that stands alone is mostly called.
const NAMES: [&str; 2] = ["istio-proxy", "envoy"];
/// Envoy writes its log when 10 s have passed or a buffer is full: so long after the capture's end
/// the last exchange is in it.
const FLUSH: Duration = Duration::from_secs(12);
/// How often it is looked whether it is.
const LOOK: Duration = Duration::from_secs(1);
/// Lines looked at for that.
const TAIL: i64 = 100;
/// Bytes of one log.
const BYTES: i64 = 64 << 20;

/// A pod whose proxy logs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Of {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// The pods that are named: NAME, KIND/NAME, NAMESPACE/NAME, NAMESPACE/KIND/NAME.
///
/// # Errors
/// Those of names on the command line of a capture.
pub(crate) async fn resolve(cluster: &Cluster, names: &[String]) -> Result<Vec<Of>> {
    let mut all = Vec::new();
    for given in names {
        let (namespace, name) = match given.split_once('/') {
            Some((first, rest)) if Kind::parse(first).is_none() => (first, rest),
            _ => (cluster.namespace.as_str(), given.as_str()),
        };
        let cluster = Cluster { namespace: namespace.into(), ..cluster.clone() };
        let names = vec![name.to_owned()];
        let wanted =
            Wanted { names, max_pods: usize::MAX, host_network: true, ..Wanted::default() };
        let targets = cluster::resolve(&cluster, &wanted).await?;
        all.extend(targets.into_iter().map(|it| Of { namespace: it.namespace, name: it.name }));
    }
    Ok(all)
}

/// Reads the logs of these pods since then, when they have what happened at `last`.
pub(crate) async fn fetch(
    cluster: &Cluster,
    pods: Vec<Of>,
    since: jiff::Timestamp,
    last: Timestamp,
) -> Logs {
    let until = Instant::now() + FLUSH;
    say("Reading access logs, at most 12 s: Envoy writes them late.");
    let mut reading = JoinSet::new();
    for (place, pod) in pods.into_iter().enumerate() {
        let cluster = cluster.clone();
        reading.spawn(async move {
            let read = one(&cluster, &pod, since, last, until).await;
            (place, pod, read)
        });
    }
    let mut all = reading.join_all().await;
    all.sort_by_key(|(place, ..)| *place);
    let mut logs = Logs::default();
    for (_, pod, read) in all {
        match read {
            Ok(log) => logs.read.push(log),
            Err(error) => {
                let why = format!("{error:#}");
                say(&format!("no access log of {}/{}: {why}", pod.namespace, pod.name));
                logs.unread.push((pod.name, why));
            }
        }
    }
    logs
}

async fn one(
    cluster: &Cluster,
    pod: &Of,
    since: jiff::Timestamp,
    last: Timestamp,
    until: Instant,
) -> Result<Log> {
    let api: Api<Pod> = Api::namespaced(cluster.client.clone(), &pod.namespace);
    let found = api.get_opt(&pod.name).await;
    let found = found.map_err(|error| cluster::explain(error, "getting the pod"))?;
    let found = found.ok_or_else(|| anyhow!("the pod is gone, and its log with it"))?;
    let names = containers(&found);
    let container = NAMES.into_iter().find(|name| names.contains(name)).ok_or_else(|| {
        anyhow!("it has no container istio-proxy or envoy; its callers may: --access-log-of NAME")
    })?;
    let params = LogParams {
        container: Some(container.into()),
        since_time: Some(since),
        limit_bytes: Some(BYTES),
        ..LogParams::default()
    };
    let tail = LogParams { tail_lines: Some(TAIL), ..params.clone() };
    loop {
        let lines = text(cluster, pod, &tail).await?;
        let entries =
            lines.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
        let latest = entries.filter_map(Entry::parse).map(|entry| entry.end()).max();
        // The log's times are cut to the millisecond.
        let whole = latest.is_some_and(|latest| latest.after(Duration::from_millis(5)) >= last);
        if whole || Instant::now() >= until {
            break;
        }
        tokio::time::sleep(LOOK).await;
    }
    let bytes = text(cluster, pod, &params).await?;
    let log = Log::read(pod.name.clone(), &bytes[..])?;
    if bytes.len() as i64 >= BYTES {
        say(&format!("the log of {} is longer than 64 MiB: the end was not read", pod.name));
    }
    anyhow::ensure!(!log.is_empty(), log.nothing());
    Ok(log)
}

/// A part of the log, whatever its bytes are.
async fn text(cluster: &Cluster, pod: &Of, params: &LogParams) -> Result<Vec<u8>> {
    let doing = "reading its log";
    let explain = |error| cluster::explain(error, doing);
    let request = Request::new(Pod::url_path(&(), Some(&pod.namespace)));
    let request = request.logs(&pod.name, params).map_err(|error| anyhow!("{doing}: {error}"))?;
    let answer = cluster.client.send(request.map(Body::from)).await.map_err(explain)?;
    let status = answer.status();
    let bytes = answer.into_body().collect_bytes().await.map_err(explain)?;
    if status.is_success() {
        return Ok(bytes.to_vec());
    }
    match serde_json::from_slice::<Status>(&bytes) {
        Ok(refused) => Err(explain(kube::Error::Api(refused.boxed()))),
        Err(_) => Err(anyhow!("{doing}: the API server answered {status}")),
    }
}
