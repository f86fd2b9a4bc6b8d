//! From names and selectors to pods that can be captured.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::time::Duration;

use anyhow::{Result, bail};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::api::ListParams;
use kube::{Api, ResourceExt as _};

use super::target::{State, Target, containers, state};
use super::wanted::{Kind, Reference, Wanted};
use super::{Cluster, absent, explain, node};
use crate::exit::Usage;

/// How often a pod that does not run yet is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Finds the pods that are wanted and waits until at least one of them runs; all of them, if they
/// were named one by one. Says on stderr what it waits for.
///
/// # Errors
/// [`Usage`] where the command line names nothing, or too much; otherwise what is wrong with the
/// pods that it names, and what to do.
pub(crate) async fn resolve(cluster: &Cluster, wanted: &Wanted) -> Result<Vec<Target>> {
    let references = wanted.references()?;
    match (&wanted.selector, references.is_empty()) {
        (None, true) => return Err(absent::no_name(cluster).await?.into()),
        (Some(_), false) => {
            return Err(Usage("names and -l exclude each other: give one of them".into()).into());
        }
        (None, false) if wanted.all_namespaces => {
            return Err(Usage("-A goes with -l: a name is of one namespace (-n)".into()).into());
        }
        _ => {}
    }
    let mut waiting = Waiting::default();
    loop {
        let found = look(cluster, wanted, &references).await?;
        if let Some(targets) = judge(found, wanted, &mut waiting)? {
            return accept(cluster, wanted, targets).await;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Pods that belong to `wanted` and run now, without those whose UID is in `known`: to be called
/// again and again while a capture runs. Pods that were named one by one are not looked for.
///
/// # Errors
/// Where the cluster cannot be asked. The next call may succeed.
pub(crate) async fn poll_new(
    cluster: &Cluster,
    wanted: &Wanted,
    known: &BTreeSet<String>,
) -> Result<Vec<Target>> {
    if !wanted.grows() {
        return Ok(Vec::new());
    }
    let mut references = wanted.references()?;
    references.retain(|reference| reference.kind != Kind::Pod);
    let found = look(cluster, wanted, &references).await?;
    let mut targets: Vec<Target> = ready(found.pods.iter(), wanted)
        .filter(|target| !known.contains(&target.uid))
        .filter(|target| wanted.host_network || !target.host_network)
        .collect();
    if !targets.is_empty() {
        node::learn(cluster, &mut targets).await;
        targets.retain(|target| node::check(target).is_ok());
    }
    Ok(targets)
}

/// What one look at the cluster found.
#[derive(Debug, Default)]
struct Found {
    /// In the order of their names, each once.
    pods: Vec<Pod>,
    /// UIDs of pods that were named themselves.
    named: BTreeSet<String>,
    /// How to call it in messages: `deploy/catalog`, `-l app=catalog`.
    what: String,
}

async fn look(cluster: &Cluster, wanted: &Wanted, references: &[Reference]) -> Result<Found> {
    let mut found = Found::default();
    let mut pods = BTreeMap::new();
    if let Some(selector) = &wanted.selector {
        found.what = format!("-l {selector}");
        let api: Api<Pod> =
            if wanted.all_namespaces { cluster.everywhere() } else { cluster.here() };
        collect(&mut pods, list(&api, selector).await?);
    }
    for reference in references {
        if reference.kind == Kind::Pod {
            let pod = absent::pod(cluster, &reference.name).await?;
            if pod.metadata.deletion_timestamp.is_some() {
                bail!("pod {} is being deleted: choose another", reference.name);
            }
            if let Some(name) = &wanted.container
                && !containers(&pod).contains(&name.as_str())
            {
                bail!(
                    "pod {} has no container {name:?}; it has {}",
                    reference.name,
                    containers(&pod).join(", ")
                );
            }
            found.named.extend(pod.uid());
            collect(&mut pods, vec![pod]);
        } else {
            let selector = selector(cluster, reference).await?;
            collect(&mut pods, list(&cluster.here(), &selector).await?);
        }
    }
    if !references.is_empty() {
        let all: Vec<String> = references.iter().map(Reference::to_string).collect();
        found.what = all.join(", ");
    }
    found.pods = pods.into_values().collect();
    Ok(found)
}

/// Pods that are being deleted are left out, unless they were named.
fn collect(pods: &mut BTreeMap<(String, String), Pod>, more: Vec<Pod>) {
    for pod in more {
        if pod.metadata.deletion_timestamp.is_none() {
            pods.insert((pod.namespace().unwrap_or_default(), pod.name_any()), pod);
        }
    }
}

async fn list(api: &Api<Pod>, selector: &str) -> Result<Vec<Pod>> {
    let pods = api.list(&ListParams::default().labels(selector)).await;
    Ok(pods.map_err(|error| explain(error, "listing pods"))?.items)
}

/// What the workload selects its pods by.
async fn selector(cluster: &Cluster, reference: &Reference) -> Result<String> {
    let name = &reference.name;
    let labels = match reference.kind {
        Kind::Pod => None,
        Kind::Deployment => {
            let found: Deployment = absent::workload(cluster, reference).await?;
            found.spec.map(|spec| spec.selector)
        }
        Kind::StatefulSet => {
            let found: StatefulSet = absent::workload(cluster, reference).await?;
            found.spec.map(|spec| spec.selector)
        }
        Kind::DaemonSet => {
            let found: DaemonSet = absent::workload(cluster, reference).await?;
            found.spec.map(|spec| spec.selector)
        }
        Kind::ReplicaSet => {
            let found: ReplicaSet = absent::workload(cluster, reference).await?;
            found.spec.map(|spec| spec.selector)
        }
        Kind::Job => {
            let found: Job = absent::workload(cluster, reference).await?;
            found.spec.and_then(|spec| spec.selector)
        }
        Kind::Service => {
            let found: Service = absent::workload(cluster, reference).await?;
            let match_labels = found.spec.and_then(|spec| spec.selector);
            match_labels
                .map(|labels| LabelSelector { match_labels: Some(labels), match_expressions: None })
        }
    };
    match labels.as_ref().map(written).filter(|written| !written.is_empty()) {
        Some(written) => Ok(written),
        None => bail!("{reference} selects no pods by labels: name them, or give -l ({name})"),
    }
}

/// A selector as `-l` takes it.
fn written(selector: &LabelSelector) -> String {
    let labels = selector.match_labels.iter().flatten();
    let mut parts: Vec<String> = labels.map(|(key, value)| format!("{key}={value}")).collect();
    for one in selector.match_expressions.iter().flatten() {
        let (key, values) = (&one.key, one.values.clone().unwrap_or_default().join(","));
        parts.push(match one.operator.as_str() {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "DoesNotExist" => format!("!{key}"),
            _ => key.clone(),
        });
    }
    parts.join(",")
}

/// Those that can be captured now.
fn ready<'a>(pods: impl Iterator<Item = &'a Pod>, wanted: &Wanted) -> impl Iterator<Item = Target> {
    pods.filter_map(|pod| match state(pod, wanted.container.as_deref()) {
        State::Ready(target) => Some(*target),
        _ => None,
    })
}

/// Targets, or none yet.
fn judge(found: Found, wanted: &Wanted, waiting: &mut Waiting) -> Result<Option<Vec<Target>>> {
    let mut targets = Vec::new();
    let mut over = Vec::new();
    let mut late = Vec::new();
    for pod in &found.pods {
        let name = pod.name_any();
        let named = pod.uid().is_some_and(|uid| found.named.contains(&uid));
        match state(pod, wanted.container.as_deref()) {
            State::Ready(target) => targets.push(*target),
            State::Over(how) if named => {
                bail!(
                    "pod {name} has ended ({how}): nothing is sent by it any more; \
                     choose one that runs"
                );
            }
            State::Over(how) => over.push(how),
            State::Waiting(why) => late.push((name, why, named)),
        }
    }
    let must_wait = late.iter().any(|(_, _, named)| *named);
    if !targets.is_empty() && !must_wait {
        return Ok(Some(targets));
    }
    match late.first() {
        Some((name, why, _)) => waiting.say(&format!("pod {name} does not run yet ({why})")),
        None if over.is_empty() => waiting.say(&format!("{} has no pods yet", found.what)),
        None => waiting.say(&format!(
            "{} has no pod that runs ({} ended: {})",
            found.what,
            over.len(),
            over[0]
        )),
    }
    Ok(None)
}

/// What is said while waiting: each reason once.
#[derive(Debug, Default)]
struct Waiting {
    last: String,
}

impl Waiting {
    fn say(&mut self, why: &str) {
        if self.last == why {
            return;
        }
        self.last = why.into();
        // Nobody to tell is no reason to stop.
        let _ = writeln!(std::io::stderr(), "{why}; waiting, Ctrl-C ends");
    }
}

/// What no waiting changes.
async fn accept(
    cluster: &Cluster,
    wanted: &Wanted,
    mut targets: Vec<Target>,
) -> Result<Vec<Target>> {
    if !wanted.host_network && targets.iter().any(|target| target.host_network) {
        let (hosts, others): (Vec<_>, Vec<_>) =
            targets.into_iter().partition(|target| target.host_network);
        let names: Vec<String> = hosts.iter().map(Target::full_name).collect();
        if others.is_empty() || !wanted.grows() {
            bail!(
                "{} {} in the node's own network (hostNetwork), where everything on the node is \
                 seen: if that is meant, give --host-network",
                names.join(", "),
                if names.len() == 1 { "is" } else { "are" }
            );
        }
        let _ = writeln!(
            std::io::stderr(),
            "left out, in the node's own network (--host-network takes them): {}",
            names.join(", ")
        );
        targets = others;
    }
    if targets.len() > wanted.max_pods {
        let count = targets.len();
        return Err(Usage(format!(
            "{count} pods are meant, and --max-pods is {}: choose fewer with -l, or give \
             --max-pods {count}",
            wanted.max_pods
        ))
        .into());
    }
    node::learn(cluster, &mut targets).await;
    for target in &targets {
        node::check(target)?;
    }
    Ok(targets)
}
