//! Brings an agent to its node and takes it away again.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Pod};
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::json;

use super::manifest::{LEASE, Plan};
use super::parcel::Parcel;
use crate::cluster::{Cluster, explain};
use crate::talk::{note, say};

/// How often the lease is extended.
const RENEWAL: Duration = Duration::from_secs(60);
/// A Job's controller makes its pod within this ...
const CREATION: Duration = Duration::from_secs(3);
/// ... or, on a cluster with much to do, within this.
const NO_CREATION: Duration = Duration::from_secs(20);
/// How often an agent's pod is looked at while it starts.
const LOOK: Duration = Duration::from_millis(100);
/// How long the API server may take to answer: where packets are lost it never does.
const ANSWER: Duration = Duration::from_secs(5);
/// Between two attempts to delete, or to learn why nothing happens.
const PAUSE: Duration = Duration::from_secs(1);
/// How long an agent's pod may take to run.
const PATIENCE: Duration = Duration::from_secs(60);

/// An agent on a node, as the cluster knows it.
#[derive(Clone)]
pub(super) struct Deployed {
    cluster: Cluster,
    pub(super) plan: Plan,
    since: Instant,
}

/// Why an agent could not be brought.
pub(super) struct Unmade {
    /// The API server refused the Job: there is nothing to remove.
    pub(super) refused: bool,
    pub(super) why: anyhow::Error,
}

/// What an agent's pod does.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Life {
    Running,
    /// Not yet, or not known.
    Pending,
    /// It has ended, or is gone: why.
    Over(String),
}

/// Asks admission about the agent's pod before anything is made.
pub(super) async fn admitted(cluster: &Cluster, plan: &Plan) -> Result<()> {
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    let made = pods(cluster, plan).create(&dry, &plan.pod()).await;
    made.map(drop).map_err(|error| {
        explain(error, &format!("create the agent's pod in namespace {}", plan.namespace))
    })
}

fn pods(cluster: &Cluster, plan: &Plan) -> Api<Pod> {
    Api::namespaced(cluster.client.clone(), &plan.namespace)
}

impl Deployed {
    /// Nothing is made yet.
    pub(super) fn new(cluster: Cluster, plan: Plan) -> Self {
        Self { cluster, plan, since: Instant::now() }
    }

    /// Makes the Job, and the ConfigMaps that it owns.
    pub(super) async fn make(&self, parcel: &Parcel) -> Result<(), Unmade> {
        let made = self.jobs().create(&PostParams::default(), &self.plan.job()).await;
        let job = made.map_err(|error| Unmade {
            refused: matches!(error, kube::Error::Api(_)),
            why: explain(error, &format!("create a job in namespace {}", self.plan.namespace)),
        })?;
        self.note("created");
        let brought = self.bring(parcel, job.metadata.uid.as_deref().unwrap_or_default()).await;
        brought.map_err(|why| Unmade { refused: false, why })
    }

    fn jobs(&self) -> Api<Job> {
        Api::namespaced(self.cluster.client.clone(), &self.plan.namespace)
    }

    fn note(&self, done: &str) {
        let Plan { name, namespace, node, .. } = &self.plan;
        let took = self.since.elapsed().as_millis();
        note(|| format!("{done} job {name} in namespace {namespace} for node {node} ({took} ms)"));
    }

    async fn bring(&self, parcel: &Parcel, job_uid: &str) -> Result<()> {
        let maps: Api<ConfigMap> =
            Api::namespaced(self.cluster.client.clone(), &self.plan.namespace);
        let mut making = tokio::task::JoinSet::new();
        for map in self.plan.config_maps(parcel, job_uid) {
            let maps = maps.clone();
            making.spawn(async move { maps.create(&PostParams::default(), &map).await });
        }
        while let Some(made) = making.join_next().await {
            made?.map_err(|error| {
                let place = format!("create a configmap in namespace {}", self.plan.namespace);
                explain(error, &place)
            })?;
        }
        Ok(())
    }

    /// Waits until the agent's pod runs and answers its name.
    pub(super) async fn running(&self) -> Result<String> {
        loop {
            let waited = self.since.elapsed();
            let pod = match self.pod().await {
                Ok(pod) => pod,
                Err(error) if matches!(error, kube::Error::Api(_)) || waited > PATIENCE => {
                    return Err(explain(error, "list the agent's pods"));
                }
                // The API server may be back in a moment.
                Err(_) => {
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            if let Some(pod) = pod {
                let name = pod.metadata.name.clone().unwrap_or_default();
                match life(&pod) {
                    Life::Running => {
                        self.note("runs:");
                        return Ok(name);
                    }
                    Life::Over(why) => {
                        bail!("the agent on node {} ended at once: {why}", self.plan.node)
                    }
                    Life::Pending => {}
                }
                if let Some(why) = self.stuck(&pod) {
                    bail!("the agent on node {} cannot start: {why}", self.plan.node);
                }
            } else if waited > CREATION {
                tokio::time::sleep(PAUSE).await;
                let why = self.not_created().await?;
                // Without the right to know it is waited for longer, not for ever.
                if why.is_some() || waited > NO_CREATION {
                    let why = why.unwrap_or_else(|| self.where_it_is_said());
                    bail!(
                        "the cluster makes no pod for the agent on node {}: {why}",
                        self.plan.node
                    );
                }
            }
            if waited > PATIENCE {
                bail!(
                    "the agent on node {} did not start within {} s: is the node Ready? kubectl get nodes",
                    self.plan.node,
                    PATIENCE.as_secs()
                );
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn pod(&self) -> kube::Result<Option<Pod>> {
        let of = ListParams::default()
            .labels(&format!("batch.kubernetes.io/job-name={}", self.plan.name));
        let listed = pods(&self.cluster, &self.plan).list(&of).await?;
        Ok(listed.items.into_iter().next())
    }

    /// Why a container that waits will go on waiting.
    fn stuck(&self, pod: &Pod) -> Option<String> {
        let (reason, message) = waiting(pod)?;
        let hopeless = [
            "ErrImagePull",
            "ImagePullBackOff",
            "ErrImageNeverPull",
            "InvalidImageName",
            "CreateContainerConfigError",
            "CreateContainerError",
            "RunContainerError",
        ];
        let own = self.plan.targets.iter().any(|target| target.image == self.plan.image);
        let advice = match (reason.contains("Image"), own) {
            (false, _) => "",
            (true, true) => {
                "; --agent-image IMAGE runs it in another image, which the node has or may pull"
            }
            (true, false) => "; without --agent-image it runs in the pod's own image",
        };
        hopeless.contains(&reason).then(|| format!("{reason}: {message}{advice}"))
    }

    /// Why the Job's controller could make no pod: admission may answer otherwise now, or to it. Its
    /// events tell, to those who may read them.
    async fn not_created(&self) -> Result<Option<String>> {
        admitted(&self.cluster, &self.plan).await?;
        let events: Api<Event> = Api::namespaced(self.cluster.client.clone(), &self.plan.namespace);
        let of = format!("involvedObject.name={},reason=FailedCreate", self.plan.name);
        let listed = events.list(&ListParams::default().fields(&of)).await;
        Ok(listed.ok().and_then(|list| list.items.into_iter().find_map(|event| event.message)))
    }

    fn where_it_is_said(&self) -> String {
        let Plan { name, namespace, .. } = &self.plan;
        format!(
            "why is in its events, which you may not list: kubectl -n {namespace} get events \
             --field-selector involvedObject.name={name}"
        )
    }

    /// What became of the pod; `Pending` if the API server does not say.
    pub(super) async fn life(&self) -> Life {
        match soon(self.pod()).await {
            Some(Ok(Some(pod))) => life(&pod),
            Some(Ok(None)) => Life::Over("its pod is gone".into()),
            Some(Err(_)) | None => Life::Pending,
        }
    }

    /// Whether somebody else ended it: an agent that is told to end does so in good order.
    pub(super) async fn taken_away(&self) -> Option<String> {
        let Plan { name, node, .. } = &self.plan;
        let Some(pod) = soon(self.pod()).await?.ok()? else {
            // One that ended by itself stays a while.
            return Some(format!("somebody deleted job {name}"));
        };
        let deleted = pod.metadata.deletion_timestamp.is_some();
        let reason = pod.status.and_then(|status| status.reason);
        match (deleted, reason) {
            (_, Some(reason)) => Some(format!("the agent on node {node} had to leave: {reason}")),
            (true, None) => Some(format!("somebody deleted the agent's pod on node {node}")),
            (false, None) => None,
        }
    }

    /// Extends the lease for as long as this is polled; ends when the Job is gone, and says so.
    pub(super) async fn keep(&self) -> String {
        let Plan { name, node, .. } = &self.plan;
        let mut said = false;
        loop {
            tokio::time::sleep(RENEWAL).await;
            let deadline = self.since.elapsed().as_secs() as i64 + LEASE;
            let patch = json!({"spec": {"activeDeadlineSeconds": deadline}});
            let (jobs, params) = (self.jobs(), PatchParams::default());
            let patch = Patch::Merge(patch);
            let patched = jobs.patch(name, &params, &patch);
            let Some(patched) = soon(patched).await else { continue };
            match patched {
                Err(kube::Error::Api(status)) if status.is_not_found() => {
                    return format!("somebody deleted job {name}");
                }
                Err(error) if !said => {
                    said = true;
                    let why = explain(error, "extending the lease");
                    let left = LEASE / 60 - 1;
                    say(&format!("{why:#}. The agent on node {node} ends in {left} min like this"));
                }
                patched => said &= patched.is_err(),
            }
        }
    }

    /// Removes the Job, and with it everything that it owns. Says what could not be.
    pub(super) async fn remove(&self) {
        let params = DeleteParams::background().grace_period(0);
        let mut error = None;
        for _ in 0..10 {
            let jobs = self.jobs();
            let deleting = jobs.delete(&self.plan.name, &params);
            match soon(deleting).await {
                Some(Ok(_)) => return self.note("deleted"),
                Some(Err(kube::Error::Api(status))) if status.is_not_found() => return,
                Some(Err(kube::Error::Api(status))) if matches!(status.code, 401 | 403) => {
                    error = Some(kube::Error::Api(status));
                    break;
                }
                Some(Err(other)) => error = Some(other),
                None => break,
            }
            tokio::time::sleep(PAUSE).await;
        }
        let doing = format!("delete job {} in namespace {}", self.plan.name, self.plan.namespace);
        let why = match error {
            Some(error) => explain(error, &doing),
            None => anyhow::anyhow!("{doing}: the API server does not answer"),
        };
        say(&format!(
            "{why:#}. The agent leaves by itself within 30 s and the job 10 s later; \
             `kubectl meshsniff clean` removes what stays"
        ));
    }
}

/// The answer, if it comes in time.
pub(super) async fn soon<T>(answer: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(ANSWER, answer).await.ok()
}

fn life(pod: &Pod) -> Life {
    let status = pod.status.as_ref();
    let phase = status.and_then(|status| status.phase.as_deref());
    match phase {
        Some("Failed" | "Succeeded") => Life::Over(end(pod)),
        _ if pod.metadata.deletion_timestamp.is_some() => {
            Life::Over("its pod is being deleted".into())
        }
        Some("Running") => Life::Running,
        _ => Life::Pending,
    }
}

/// How a pod ended, in kubelet's words.
fn end(pod: &Pod) -> String {
    let status = pod.status.as_ref();
    let terminated = status.and_then(|status| {
        status.container_statuses.as_ref()?.first()?.state.as_ref()?.terminated.as_ref()
    });
    let reason = status.and_then(|status| status.reason.clone());
    let container = terminated.map(|state| {
        let reason = state.reason.as_deref().unwrap_or("ended");
        let message = state.message.as_deref().unwrap_or_default();
        format!("{reason}, exit code {} {message}", state.exit_code).trim_end().to_owned()
    });
    match (reason, container) {
        (Some(reason), Some(container)) => format!("{reason} ({container})"),
        (reason, container) => reason.or(container).unwrap_or_else(|| "ended".into()),
    }
}

/// What the container waits for, and its kubelet's words.
fn waiting(pod: &Pod) -> Option<(&str, &str)> {
    let status = pod.status.as_ref()?;
    let waiting = status.container_statuses.as_ref()?.first()?.state.as_ref()?.waiting.as_ref()?;
    Some((waiting.reason.as_deref()?, waiting.message.as_deref().unwrap_or_default()))
}
