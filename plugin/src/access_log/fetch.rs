//! Access logs of pods, through the API.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow};
use k8s_openapi::api::core::v1::Pod;
use kube::api::LogParams;
use kube::client::Body;
use kube::core::{Request, Status};
use kube::{Api, Resource as _};
use meshsniff::capture::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use super::entry::Entry;
use super::log::{OFF, Room};
use super::{Log, Logs, Span};
use crate::cluster::{self, Cluster, Forbidden, Kind, Wanted, containers};
use crate::talk::say;

/// Containers that are an Envoy: Istio's, and what one that stands alone is mostly called.
const NAMES: [&str; 2] = ["istio-proxy", "envoy"];
/// Envoy writes its log when 10 s have passed or a buffer is full: so long after the capture's end
/// the last exchange is in it.
const FLUSH: Duration = Duration::from_secs(12);
/// What an answer may take beyond that.
const SLACK: Duration = Duration::from_secs(5);
/// Requests that began so long before the capture may end in it.
const BEFORE: Duration = Duration::from_secs(60);
/// Logs that are in memory at a time.
const AT_ONCE: usize = 4;
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

/// The callers whose logs are wanted.
#[derive(Debug, Default)]
pub(crate) struct Callers {
    pub(crate) pods: Vec<Of>,
    /// Names that the user may not look up, and why.
    pub(crate) unread: Vec<(String, String)>,
}

/// The pods that are named: NAME, KIND/NAME, NAMESPACE/NAME, NAMESPACE/KIND/NAME.
///
/// # Errors
/// Those of names on the command line of a capture. That the user may not look a name up is none:
/// the verdict does not need its log.
pub(crate) async fn resolve(cluster: &Cluster, names: &[String]) -> Result<Callers> {
    let mut callers = Callers::default();
    for given in names {
        let (namespace, name) = match given.split_once('/') {
            Some((first, rest)) if Kind::parse(first).is_none() => (first, rest),
            _ => (cluster.namespace.as_str(), given.as_str()),
        };
        let cluster = Cluster { namespace: namespace.into(), ..cluster.clone() };
        let names = vec![name.to_owned()];
        let wanted =
            Wanted { names, max_pods: usize::MAX, host_network: true, ..Wanted::default() };
        match cluster::resolve(&cluster, &wanted).await {
            Ok(targets) => callers.pods.extend(
                targets.into_iter().map(|it| Of { namespace: it.namespace, name: it.name }),
            ),
            Err(error) if error.is::<Forbidden>() => {
                let why = error.to_string();
                say(&format!("no access log of {given}: {why}"));
                callers.unread.push((given.clone(), why));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(callers)
}

/// What is asked of all pods.
pub(crate) struct Asked {
    pub(crate) cluster: Cluster,
    /// When the capture began. The kubelet compares times with its own clock: it is asked for as
    /// much as has passed since.
    pub(crate) begun: Instant,
    /// That of the exchanges.
    pub(crate) span: Span,
}

/// Reads the logs of these pods, when they have what happened at the end of the span; not longer
/// when `stop` is set (again).
pub(crate) async fn fetch(asked: Asked, pods: Vec<Of>, mut stop: watch::Receiver<bool>) -> Logs {
    let mut logs = Logs::default();
    if pods.is_empty() {
        return logs;
    }
    say("Reading access logs: Envoy writes them up to 12 s late.");
    stop.mark_unchanged();
    let mut room = Room::of(asked.span.0, asked.span.1);
    let until = Instant::now() + FLUSH;
    let (asked, turns) = (Arc::new(asked), Arc::new(Semaphore::new(AT_ONCE)));
    let mut reading = JoinSet::new();
    for (place, pod) in pods.iter().cloned().enumerate() {
        let (asked, turns) = (Arc::clone(&asked), Arc::clone(&turns));
        reading.spawn(async move { (place, one(&asked, &pod, turns, until).await) });
    }
    let mut all: Vec<Option<Result<Log>>> = pods.iter().map(|_| None).collect();
    loop {
        let next = tokio::select! {
            next = reading.join_next() => next,
            Ok(()) = stop.changed() => None,
        };
        match next {
            Some(Ok((place, read))) => {
                let name = &pods[place].name;
                // The turn ends when the bytes are gone.
                let log = read.and_then(|(bytes, _turn)| whole(name, bytes.as_ref(), &mut room));
                all[place] = Some(log);
            }
            Some(Err(_)) => {}
            None => break,
        }
    }
    for (pod, read) in pods.into_iter().zip(all) {
        match read.unwrap_or_else(|| Err(anyhow!("it was not waited for"))) {
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

/// The log of these bytes.
fn whole(name: &str, bytes: &[u8], room: &mut Room) -> Result<Log> {
    let log = Log::read(name.to_owned(), bytes, room)?;
    if bytes.len() as i64 >= BYTES {
        say(&format!("the log of {name} is longer than 64 MiB: the end was not read"));
    }
    anyhow::ensure!(!bytes.is_empty(), "no line since the capture began: {OFF}");
    anyhow::ensure!(!log.is_empty(), log.nothing());
    Ok(log)
}

/// The bytes of the log, when it is this pod's turn.
async fn one(
    asked: &Asked,
    pod: &Of,
    turns: Arc<Semaphore>,
    until: Instant,
) -> Result<(impl AsRef<[u8]> + Send + use<>, OwnedSemaphorePermit)> {
    let silent = |_| anyhow!("the API server or the node's kubelet does not answer in time");
    let container =
        timeout_at(until + SLACK, flushed(asked, pod, until)).await.map_err(silent)??;
    let turn = turns.acquire_owned().await?;
    let params = asked.params(container);
    let bytes = timeout(FLUSH + SLACK, text(&asked.cluster, pod, &params)).await;
    Ok((bytes.map_err(silent)??, turn))
}

/// Waits until the log has the last exchange, or cannot be expected to get it; answers the container.
async fn flushed(asked: &Asked, pod: &Of, until: Instant) -> Result<&'static str> {
    let api: Api<Pod> = Api::namespaced(asked.cluster.client.clone(), &pod.namespace);
    let found = api.get_opt(&pod.name).await;
    let found = found.map_err(|error| cluster::explain(error, "getting the pod"))?;
    let found = found.ok_or_else(|| anyhow!("the pod is gone, and its log with it"))?;
    let names = containers(&found);
    let container = NAMES.into_iter().find(|name| names.contains(name)).ok_or_else(|| {
        anyhow!("it has no container istio-proxy or envoy; its callers may: --access-log-of NAME")
    })?;
    loop {
        let tail = LogParams { tail_lines: Some(TAIL), ..asked.params(container) };
        let lines = text(&asked.cluster, pod, &tail).await?;
        let lines = lines.as_ref().split(|byte| *byte == b'\n');
        let entries = lines.filter_map(|line| Entry::parse(std::str::from_utf8(line).ok()?));
        let latest = entries.map(|entry| entry.end()).max();
        // The log's times are cut to the millisecond.
        let after = |latest: Timestamp| latest.after(Duration::from_millis(5)) >= asked.span.1;
        if latest.is_some_and(after) || Instant::now() >= until {
            return Ok(container);
        }
        tokio::time::sleep(LOOK).await;
    }
}

impl Asked {
    fn params(&self, container: &str) -> LogParams {
        let since = self.begun.elapsed() + BEFORE;
        LogParams {
            container: Some(container.into()),
            since_seconds: Some(since.as_secs() as i64),
            limit_bytes: Some(BYTES),
            ..LogParams::default()
        }
    }
}

/// A part of the log, whatever its bytes are.
async fn text(
    cluster: &Cluster,
    pod: &Of,
    params: &LogParams,
) -> Result<impl AsRef<[u8]> + Send + use<>> {
    let doing = "reading its log";
    let explain = |error| cluster::explain(error, doing);
    let request = Request::new(Pod::url_path(&(), Some(&pod.namespace)));
    let request = request.logs(&pod.name, params).map_err(|error| anyhow!("{doing}: {error}"))?;
    let answer = cluster.client.send(request.map(Body::from)).await.map_err(explain)?;
    let status = answer.status();
    let bytes = answer.into_body().collect_bytes().await.map_err(explain)?;
    if status.is_success() {
        return Ok(bytes);
    }
    match serde_json::from_slice::<Status>(&bytes) {
        Ok(refused) => Err(explain(kube::Error::Api(refused.boxed()))),
        Err(_) => Err(anyhow!("{doing}: the API server answered {status}")),
    }
}
