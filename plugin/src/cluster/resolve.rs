//! From names and selectors to pods that can be captured.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Result, bail};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::api::ListParams;
use kube::{Api, ResourceExt as _};

use super::absent::Absent;
use super::target::{State, Target, containers, state};
use super::wanted::{Kind, Reference, Wanted};
use super::{Cluster, absent, explain, node};
use crate::exit::Usage;
use crate::talk::say;

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

/// What a later look at the cluster finds of what is wanted.
#[derive(Debug, Default)]
pub(crate) struct Later {
    /// Pods that run now and were not known.
    pub(crate) new: Vec<Target>,
    /// How many of the known run.
    pub(crate) known: usize,
    /// Why no pod can come any more.
    pub(crate) over: Option<String>,
}

/// Looks again, while a capture runs, for pods of workloads and selectors; `known` has the UIDs of
/// those that were found before. Pods that were named one by one are not looked for.
///
/// # Errors
/// Where the cluster cannot be asked. The next call may succeed.
pub(crate) async fn later(
    cluster: &Cluster,
    wanted: &Wanted,
    known: &BTreeSet<String>,
) -> Result<Later> {
    let mut later = Later::default();
    let mut pods = BTreeMap::new();
    let mut sources = 0;
    if let Some(selector) = &wanted.selector {
        sources += 1;
        collect(&mut pods, list(&wanted.api(cluster), selector).await?);
    }
    for reference in wanted.references()?.iter().filter(|one| one.kind != Kind::Pod) {
        match selector(cluster, reference).await {
            Ok(selector) => {
                sources += 1;
                collect(&mut pods, list(&cluster.here(), &selector).await?);
            }
            Err(error) if error.is::<Absent>() => {
                later.over = Some(format!("{reference} is no longer there"));
            }
            Err(error) if error.is::<Over>() => later.over = Some(error.to_string()),
            Err(error) => return Err(error),
        }
    }
    later.over = later.over.filter(|_| sources == 0);
    let run =
        ready(pods.values(), wanted).filter(|target| wanted.host_network || !target.host_network);
    let (old, mut new): (Vec<_>, Vec<_>) = run.partition(|target| known.contains(&target.uid));
    if !new.is_empty() {
        node::learn(cluster, &mut new).await;
        new.retain(|target| node::check(target).is_ok());
    }
    Ok(Later { new, known: old.len(), ..later })
}

/// Whether the pod is still there, and runs. Where that cannot be asked it is believed to.
pub(crate) async fn runs(cluster: &Cluster, target: &Target) -> bool {
    let api: Api<Pod> = Api::namespaced(cluster.client.clone(), &target.namespace);
    let Ok(found) = api.get_opt(&target.name).await else { return true };
    found.is_some_and(|pod| {
        pod.uid().as_ref() == Some(&target.uid)
            && pod.metadata.deletion_timestamp.is_none()
            && matches!(state(&pod, None), State::Ready(_))
    })
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
        collect(&mut pods, list(&wanted.api(cluster), selector).await?);
    }
    for reference in references {
        if reference.kind == Kind::Pod {
            let pod = absent::pod(cluster, &reference.name).await?;
            found.named.extend(pod.uid());
            pods.insert((pod.namespace().unwrap_or_default(), pod.name_any()), pod);
        } else {
            let selector = selector(cluster, reference).await?;
            collect(&mut pods, list(&cluster.here(), &selector).await?);
        }
    }
    found.what = wanted.what();
    found.pods = pods.into_values().collect();
    if let Some(name) = &wanted.container {
        has_container(&found, name)?;
    }
    Ok(found)
}

/// Refuses the name of a container that no pod has: it is a slip of the finger.
fn has_container(found: &Found, name: &str) -> Result<()> {
    let mut all: Vec<&str> = found.pods.iter().flat_map(containers).collect();
    all.sort_unstable();
    all.dedup();
    if all.is_empty() || all.contains(&name) {
        return Ok(());
    }
    bail!("{} has no container {name}: it has {}", found.what, all.join(", "))
}

/// Pods that are being deleted are left out: their like has come already. One that was named is not.
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
            if let Some(how) = ended(&found) {
                let why = format!("{reference} has ended ({how}): its pods send nothing any more");
                return Err(Over(why).into());
            }
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
        None => bail!("{reference} selects no pods by labels: name the pods, or give -l SELECTOR"),
    }
}

/// No pod of it will ever send anything again.
#[derive(Debug)]
struct Over(String);

impl std::fmt::Display for Over {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Over {}

/// How a Job ended, if it has: `Complete`, `Failed`.
fn ended(job: &Job) -> Option<&str> {
    let conditions = job.status.as_ref()?.conditions.as_ref()?;
    let end = conditions
        .iter()
        .find(|one| one.status == "True" && matches!(one.type_.as_str(), "Complete" | "Failed"))?;
    Some(&end.type_)
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
        None if wanted.selector.is_some() && over.is_empty() => {
            bail!("no pod has labels that match {}: kubectl get pods --show-labels", found.what)
        }
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
        say(&format!("{why}; waiting, Ctrl-C ends"));
    }
}

/// What no waiting changes.
async fn accept(cluster: &Cluster, wanted: &Wanted, targets: Vec<Target>) -> Result<Vec<Target>> {
    let (mut targets, left_out) = on_hosts(wanted, targets)?;
    if !left_out.is_empty() {
        say(&format!(
            "left out, in the node's own network (--host-network takes them): {}",
            names(&left_out)
        ));
    }
    limit(wanted, targets.len())?;
    node::learn(cluster, &mut targets).await;
    for target in &targets {
        node::check(target)?;
    }
    Ok(targets)
}

/// Parts those that share their node's network from the others, unless they are wanted. Refuses if
/// there are no others, or if they were named themselves.
fn on_hosts(wanted: &Wanted, targets: Vec<Target>) -> Result<(Vec<Target>, Vec<Target>)> {
    if wanted.host_network {
        return Ok((targets, Vec::new()));
    }
    let (hosts, others): (Vec<_>, Vec<_>) =
        targets.into_iter().partition(|target| target.host_network);
    if !hosts.is_empty() && (others.is_empty() || !wanted.grows()) {
        bail!(
            "{} {} in the node's own network (hostNetwork), where everything on the node is seen: \
             if that is meant, give --host-network",
            names(&hosts),
            if hosts.len() == 1 { "is" } else { "are" }
        );
    }
    Ok((others, hosts))
}

fn names(targets: &[Target]) -> String {
    targets.iter().map(Target::full_name).collect::<Vec<_>>().join(", ")
}

fn limit(wanted: &Wanted, count: usize) -> Result<(), Usage> {
    if count <= wanted.max_pods {
        return Ok(());
    }
    Err(Usage(format!(
        "{count} pods are meant, and --max-pods is {}: choose fewer with -l, or give \
         --max-pods {count}",
        wanted.max_pods
    )))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str, phase: &str, host_network: bool) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": name, "namespace": "shop", "uid": format!("uid-{name}")},
            "spec": {"nodeName": "node1", "hostNetwork": host_network,
                     "containers": [{"name": "app", "image": "shop:1"}]},
            "status": {"phase": phase}
        }))
        .unwrap()
    }

    fn judged(pods: Vec<Pod>, named: &[&str]) -> Result<Option<Vec<String>>> {
        let named = named.iter().map(|name| format!("uid-{name}")).collect();
        let found = Found { pods, named, what: "deploy/catalog".into() };
        let targets = judge(found, &Wanted::default(), &mut Waiting::default())?;
        Ok(targets.map(|all| all.into_iter().map(|one| one.name).collect()))
    }

    #[test]
    fn a_container_that_no_pod_has_is_refused() {
        let pods = vec![pod("a", "Running", false)];
        let found = Found { pods, what: "deploy/catalog".into(), ..Default::default() };
        assert!(has_container(&found, "app").is_ok());
        let error = has_container(&found, "ap").unwrap_err().to_string();
        assert_eq!(error, "deploy/catalog has no container ap: it has app");
        assert!(has_container(&Found::default(), "ap").is_ok());
    }

    #[test]
    fn a_workload_starts_with_the_pods_that_run() {
        let pods = vec![pod("a", "Pending", false), pod("b", "Running", false)];
        assert_eq!(judged(pods, &[]).unwrap(), Some(vec!["b".into()]));
        assert_eq!(judged(vec![pod("a", "Pending", false)], &[]).unwrap(), None);
        assert_eq!(judged(Vec::new(), &[]).unwrap(), None);
    }

    #[test]
    fn all_pods_that_were_named_are_waited_for() {
        let pods = vec![pod("a", "Pending", false), pod("b", "Running", false)];
        assert_eq!(judged(pods, &["a", "b"]).unwrap(), None);
    }

    #[test]
    fn a_pod_that_has_ended_is_refused_if_named_and_passed_over_otherwise() {
        let pods = || vec![pod("a", "Succeeded", false), pod("b", "Running", false)];
        assert_eq!(judged(pods(), &[]).unwrap(), Some(vec!["b".into()]));
        let error = judged(pods(), &["a"]).unwrap_err().to_string();
        assert!(error.starts_with("pod a has ended (Succeeded)"), "{error}");
    }

    #[test]
    fn a_selector_without_pods_is_a_mistake() {
        let wanted = Wanted { selector: Some("app=nope".into()), ..Default::default() };
        let found = Found { what: "-l app=nope".into(), ..Default::default() };
        let error = judge(found, &wanted, &mut Waiting::default()).unwrap_err().to_string();
        assert!(error.contains("-l app=nope"), "{error}");
    }

    fn targets(pods: &[Pod]) -> Vec<Target> {
        ready(pods.iter(), &Wanted::default()).collect()
    }

    #[test]
    fn the_nodes_network_is_entered_on_request_only() {
        let named = Wanted { names: vec!["a".into()], ..Default::default() };
        let host = || targets(&[pod("a", "Running", true)]);
        let error = on_hosts(&named, host()).unwrap_err().to_string();
        assert!(error.contains("shop/a is in the node's own network"), "{error}");
        let wanted = Wanted { host_network: true, ..named };
        assert_eq!(on_hosts(&wanted, host()).unwrap().0.len(), 1);
    }

    #[test]
    fn a_selector_leaves_pods_in_the_nodes_network_out() {
        let wanted = Wanted { selector: Some("a=b".into()), ..Default::default() };
        let both = targets(&[pod("a", "Running", true), pod("b", "Running", false)]);
        let (kept, left_out) = on_hosts(&wanted, both).unwrap();
        assert_eq!((names(&kept), names(&left_out)), ("shop/b".into(), "shop/a".into()));
    }

    #[test]
    fn too_many_pods_are_counted() {
        let wanted = Wanted { max_pods: 20, ..Default::default() };
        assert!(limit(&wanted, 20).is_ok());
        let error = limit(&wanted, 24).unwrap_err().to_string();
        assert!(error.starts_with("24 pods are meant, and --max-pods is 20"), "{error}");
    }

    #[test]
    fn selectors_are_written_as_kubectl_takes_them() {
        let selector: LabelSelector = serde_json::from_value(json!({
            "matchLabels": {"app": "catalog"},
            "matchExpressions": [
                {"key": "tier", "operator": "In", "values": ["a", "b"]},
                {"key": "old", "operator": "DoesNotExist"},
                {"key": "new", "operator": "Exists"}
            ]
        }))
        .unwrap();
        assert_eq!(written(&selector), "app=catalog,tier in (a,b),!old,new");
    }
}
