//! `clean`: removes what captures have left on the cluster, whoever began them.
//!
//! The cluster itself removes what a capture made, minutes after it ended at the latest. This is for
//! those who do not want to wait, and for what somebody deleted half of.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, ListParams};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

use crate::args::Clean;
use crate::capture::{BY, LABEL};
use crate::cluster::{Cluster, connect, explain};
use crate::exit::{Exit, Usage};

/// How long the cluster may take to remove what was deleted; it needs about a second.
const GONE: Duration = Duration::from_secs(30);

/// Something that is left.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Leftover {
    kind: Kind,
    namespace: String,
    name: String,
    uid: String,
    /// Of the Job it goes with.
    owner: Option<String>,
    by: Option<String>,
    /// Seconds since it was made.
    age: i64,
    /// Of a Job: what it does.
    state: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Job,
    Pod,
    ConfigMap,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Job => "job",
            Self::Pod => "pod",
            Self::ConfigMap => "configmap",
        }
    }
}

/// Lists what is left, asks, and removes it.
pub(crate) async fn run(args: &Clean) -> Result<Exit> {
    let cluster = connect(&args.connection).await?;
    let place = match args.all_namespaces {
        true => "the cluster".to_owned(),
        false => format!("namespace {}", cluster.namespace),
    };
    let all = list(&cluster, args.all_namespaces).await?;
    let left = roots(&all);
    if left.is_empty() {
        say(&format!("Nothing of meshsniff's is in {place}."))?;
        return Ok(Exit::Done);
    }
    say(table(&left).trim_end())?;
    if !args.yes && !agreed(left.len())? {
        say("Nothing deleted.")?;
        return Ok(Exit::Done);
    }
    for one in &left {
        delete(&cluster, one).await?;
    }
    gone(&cluster, args.all_namespaces, &all).await?;
    say(&format!("Deleted; nothing of it is left in {place}."))?;
    Ok(Exit::Done)
}

async fn list(cluster: &Cluster, everywhere: bool) -> Result<Vec<Leftover>> {
    let jobs = api::<Job>(cluster, everywhere).list(&params()).await;
    let jobs = jobs.map_err(|error| explain(error, "listing jobs"))?.items;
    let mut all: Vec<Leftover> = jobs
        .iter()
        .map(|job| Leftover { state: state(job), ..leftover(Kind::Job, &job.metadata) })
        .collect();
    all.extend(metadata::<Pod>(cluster, everywhere, Kind::Pod).await?);
    all.extend(metadata::<ConfigMap>(cluster, everywhere, Kind::ConfigMap).await?);
    Ok(all)
}

/// Without the contents: a ConfigMap's is a megabyte.
async fn metadata<K>(cluster: &Cluster, everywhere: bool, kind: Kind) -> Result<Vec<Leftover>>
where
    K: Resource<Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    K::DynamicType: Default,
{
    let list = api::<K>(cluster, everywhere).list_metadata(&params()).await;
    let list = list.map_err(|error| explain(error, &format!("listing {}s", kind.name())))?;
    Ok(list.items.iter().map(|one| leftover(kind, &one.metadata)).collect())
}

fn api<K>(cluster: &Cluster, everywhere: bool) -> Api<K>
where
    K: Resource<Scope = NamespaceResourceScope>,
    K::DynamicType: Default,
{
    if everywhere { cluster.everywhere() } else { cluster.here() }
}

fn params() -> ListParams {
    ListParams::default().labels(&format!("{}={}", LABEL.0, LABEL.1))
}

fn leftover(kind: Kind, metadata: &ObjectMeta) -> Leftover {
    let created = metadata.creation_timestamp.as_ref().map_or(0, |time| time.0.as_second());
    let mut owners = metadata.owner_references.iter().flatten();
    Leftover {
        kind,
        namespace: metadata.namespace.clone().unwrap_or_default(),
        name: metadata.name.clone().unwrap_or_default(),
        uid: metadata.uid.clone().unwrap_or_default(),
        owner: owners.find(|owner| owner.kind == "Job").map(|owner| owner.uid.clone()),
        by: metadata.annotations.as_ref().and_then(|all| all.get(BY).cloned()),
        age: now().saturating_sub(created).max(0),
        state: String::new(),
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Whether a Job still captures, and until when it may.
fn state(job: &Job) -> String {
    let status = job.status.as_ref();
    if status.and_then(|status| status.active).unwrap_or(0) == 0 {
        return "ended".into();
    }
    let lease = job.spec.as_ref().and_then(|spec| spec.active_deadline_seconds);
    let start = status.and_then(|status| status.start_time.as_ref());
    match (start, lease) {
        (Some(start), Some(lease)) => {
            let left = start.0.as_second().saturating_add(lease).saturating_sub(now());
            format!("captures, at most {} more", span(left.max(0)))
        }
        _ => "captures".into(),
    }
}

/// Jobs, and what belongs to no Job that is there: the rest goes with its Job.
fn roots(all: &[Leftover]) -> Vec<Leftover> {
    let jobs: BTreeSet<&str> =
        all.iter().filter(|one| one.kind == Kind::Job).map(|one| one.uid.as_str()).collect();
    let is_root = |one: &&Leftover| !one.owner.as_deref().is_some_and(|job| jobs.contains(job));
    all.iter().filter(is_root).cloned().collect()
}

fn table(left: &[Leftover]) -> String {
    let mut text = String::new();
    for one in left {
        let name = format!("{}/{}", one.kind.name(), one.name);
        let state = match one.kind {
            Kind::Job => one.state.as_str(),
            _ => "without its job",
        };
        let by = one.by.as_deref().map(|by| format!("  by {by}")).unwrap_or_default();
        text += &format!("{}  {name}  {} old  {state}{by}\n", one.namespace, span(one.age));
    }
    text
}

/// `45 s`, `12 min`, `3 h`, `2 d`.
fn span(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

fn agreed(count: usize) -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Err(
            Usage("nobody to ask, since stdin is no terminal: give -y to delete".into()).into()
        );
    }
    let mut err = std::io::stderr();
    let what = if count == 1 { "it" } else { "them" };
    write!(err, "Delete {what}? A capture that still runs ends. [y/N] ")?;
    err.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// With its pods and ConfigMaps: without a propagation policy a Job's would be orphaned.
async fn delete(cluster: &Cluster, one: &Leftover) -> Result<()> {
    let client = cluster.client.clone();
    let params = DeleteParams::background().grace_period(0);
    let (name, namespace) = (&one.name, &one.namespace);
    let deleted = match one.kind {
        Kind::Job => {
            // The grace period is the pod's, not the Job's.
            let params = DeleteParams::background();
            Api::<Job>::namespaced(client, namespace).delete(name, &params).await.map(drop)
        }
        Kind::Pod => {
            Api::<Pod>::namespaced(client, namespace).delete(name, &params).await.map(drop)
        }
        Kind::ConfigMap => {
            Api::<ConfigMap>::namespaced(client, namespace).delete(name, &params).await.map(drop)
        }
    };
    match deleted {
        // The cluster was faster.
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        other => other.map_err(|error| {
            explain(error, &format!("deleting {} {namespace}/{name}", one.kind.name()))
        }),
    }
}

/// Waits until everything in `before` is gone.
async fn gone(cluster: &Cluster, everywhere: bool, before: &[Leftover]) -> Result<()> {
    let uids: BTreeSet<&str> = before.iter().map(|one| one.uid.as_str()).collect();
    let since = Instant::now();
    loop {
        let mut still = list(cluster, everywhere).await?;
        still.retain(|one| uids.contains(one.uid.as_str()));
        let Some(first) = still.first() else { return Ok(()) };
        if since.elapsed() > GONE {
            bail!(
                "{} of them are deleted and still there after {} s, as {} {}/{}: \
                 is its node up? kubectl get nodes",
                still.len(),
                GONE.as_secs(),
                first.kind.name(),
                first.namespace,
                first.name
            );
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

fn say(words: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{words}")?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(kind: Kind, uid: &str, owner: Option<&str>) -> Leftover {
        Leftover {
            kind,
            namespace: "shop".into(),
            name: format!("meshsniff-{uid}"),
            uid: uid.into(),
            owner: owner.map(str::to_owned),
            by: Some("jane".into()),
            age: 5400,
            state: "ended".into(),
        }
    }

    #[test]
    fn what_a_job_owns_goes_with_it_and_orphans_go_alone() {
        let all = [
            one(Kind::Job, "a", None),
            one(Kind::Pod, "b", Some("a")),
            one(Kind::ConfigMap, "c", Some("a")),
            one(Kind::ConfigMap, "d", Some("deleted")),
            one(Kind::Pod, "e", None),
        ];
        let names: Vec<String> = roots(&all).into_iter().map(|one| one.uid).collect();
        assert_eq!(names, ["a", "d", "e"]);
    }

    #[test]
    fn age_and_maker_are_shown() {
        assert_eq!(
            table(&[one(Kind::Job, "a", None)]),
            "shop  job/meshsniff-a  90 min old  ended  by jane\n"
        );
        assert_eq!(span(90_000), "25 h");
    }

    #[test]
    fn a_job_that_captures_says_until_when() {
        let job: Job = serde_json::from_value(serde_json::json!({
            "spec": {"activeDeadlineSeconds": 600, "template": {}},
            "status": {"active": 1, "startTime": "2020-01-01T00:00:00Z"}
        }))
        .unwrap();
        assert_eq!(state(&job), "captures, at most 0 s more");
        assert_eq!(state(&Job::default()), "ended");
    }
}
