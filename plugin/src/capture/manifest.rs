//! What is created on the cluster: a Job, and the ConfigMaps that it owns.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{
    Capabilities, ConfigMap, ConfigMapProjection, Container, EmptyDirVolumeSource, KeyToPath,
    LocalObjectReference, Pod, PodSpec, PodTemplateSpec, ProjectedVolumeSource,
    ResourceRequirements, SeccompProfile, SecurityContext, Toleration, Volume, VolumeMount,
    VolumeProjection,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use super::parcel::Parcel;
use crate::cluster::Target;

/// By this label everything of ours is found again, whoever made it.
pub(crate) const LABEL: (&str, &str) = ("app.kubernetes.io/name", "meshsniff-agent");
/// Who made it, for `clean`.
pub(crate) const BY: &str = "meshsniff.dev/by";
/// The agent's container.
pub(super) const CONTAINER: &str = "agent";
/// Where the agent becomes a file and its socket is.
pub(super) const RUN: &str = "/meshsniff-run";
/// The agent's file.
pub(super) const AGENT: &str = "/meshsniff-run/agent";
/// Where the first stage looks for the parts; it knows no other place.
const PARTS: &str = "/meshsniff";
/// How long a Job lives if nobody extends it: the last resort against leftovers.
pub(super) const LEASE: i64 = 600;
/// What is left of a finished Job this long after its end, in seconds.
const AFTERLIFE: i32 = 10;

/// One agent: for the targets of one node.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Of the Job, its ConfigMaps and its pods: begins with `meshsniff-`.
    pub(super) name: String,
    /// Where they are made.
    pub(super) namespace: String,
    pub(super) node: String,
    /// An image that the node has: only its file system's root is used, nothing in it.
    pub(super) image: String,
    pub(super) pull_secrets: Vec<String>,
    pub(super) targets: Vec<Target>,
    /// Of its targets' interfaces, `namespace/pod:interface`, in their order.
    pub(super) names: Vec<String>,
    /// `serve` and its options.
    pub(super) arguments: Vec<String>,
    pub(super) least_privilege: bool,
    pub(super) cpu: String,
    pub(super) memory: String,
    /// Who does it, from where.
    pub(super) by: String,
}

impl Plan {
    /// A target and the name of its interface.
    pub(super) fn interface(&self, place: usize) -> Option<(&Target, &str)> {
        Some((self.targets.get(place)?, self.names.get(place)?))
    }

    pub(super) fn job(&self) -> Job {
        Job {
            metadata: self.metadata(self.name.clone()),
            spec: Some(JobSpec {
                backoff_limit: Some(0),
                ttl_seconds_after_finished: Some(AFTERLIFE),
                active_deadline_seconds: Some(LEASE),
                template: self.template(),
                ..JobSpec::default()
            }),
            ..Job::default()
        }
    }

    /// The Job's pod as it will be, to ask admission about it.
    pub(super) fn pod(&self) -> Pod {
        let template = self.template();
        let mut metadata = template.metadata.unwrap_or_default();
        metadata.name = Some(self.name.clone());
        metadata.namespace = Some(self.namespace.clone());
        Pod { metadata, spec: template.spec, ..Pod::default() }
    }

    /// The agent in parts, owned by the Job: they go when it goes.
    pub(super) fn config_maps(&self, parcel: &Parcel, job_uid: &str) -> Vec<ConfigMap> {
        let owner = OwnerReference {
            api_version: "batch/v1".into(),
            kind: "Job".into(),
            name: self.name.clone(),
            uid: job_uid.into(),
            ..OwnerReference::default()
        };
        let first_stage = (FIRST_STAGE, parcel.first_stage);
        let parts = parcel.parts().map(|part| ("part", part));
        let contents = std::iter::once(first_stage).chain(parts);
        contents
            .enumerate()
            .map(|(place, (key, bytes))| {
                let mut metadata = self.metadata(self.config_map(place));
                metadata.owner_references = Some(vec![owner.clone()]);
                ConfigMap {
                    metadata,
                    immutable: Some(true),
                    binary_data: Some([(key.to_owned(), ByteString(bytes.into()))].into()),
                    ..ConfigMap::default()
                }
            })
            .collect()
    }

    fn config_map(&self, place: usize) -> String {
        format!("{}-{place}", self.name)
    }

    fn metadata(&self, name: String) -> ObjectMeta {
        ObjectMeta {
            name: Some(name),
            namespace: Some(self.namespace.clone()),
            labels: Some(strings(&[LABEL, ("app.kubernetes.io/managed-by", "kubectl-meshsniff")])),
            annotations: Some(strings(&[(BY, &self.by)])),
            ..ObjectMeta::default()
        }
    }

    fn template(&self) -> PodTemplateSpec {
        let mut metadata = self.metadata(String::new());
        metadata.name = None;
        metadata.namespace = None;
        // No mesh may put a sidecar beside the agent.
        metadata.labels.get_or_insert_default().extend(strings(&[
            ("sidecar.istio.io/inject", "false"),
            ("istio.io/dataplane-mode", "none"),
            ("kuma.io/sidecar-injection", "disabled"),
        ]));
        metadata.annotations.get_or_insert_default().extend(strings(&[
            ("sidecar.istio.io/inject", "false"),
            ("linkerd.io/inject", "disabled"),
            ("cluster-autoscaler.kubernetes.io/safe-to-evict", "true"),
        ]));
        PodTemplateSpec { metadata: Some(metadata), spec: Some(self.spec()) }
    }

    fn spec(&self) -> PodSpec {
        let secret = |name: &String| LocalObjectReference { name: name.clone() };
        PodSpec {
            node_name: Some(self.node.clone()),
            host_pid: Some(true),
            restart_policy: Some("Never".into()),
            automount_service_account_token: Some(false),
            enable_service_links: Some(false),
            termination_grace_period_seconds: Some(0),
            tolerations: Some(vec![Toleration {
                operator: Some("Exists".into()),
                ..Toleration::default()
            }]),
            image_pull_secrets: Some(self.pull_secrets.iter().map(secret).collect()),
            containers: vec![self.container()],
            volumes: Some(vec![self.parts(), run()]),
            ..PodSpec::default()
        }
    }

    fn container(&self) -> Container {
        let mount = |name: &str, path: &str, read_only| VolumeMount {
            name: name.into(),
            mount_path: path.into(),
            read_only: Some(read_only),
            ..VolumeMount::default()
        };
        let first_stage = format!("{PARTS}/{FIRST_STAGE}");
        let command = [first_stage, AGENT.into()].into_iter().chain(self.arguments.clone());
        let quantities = || {
            let quantity = |value: &String| Quantity(value.clone());
            [("cpu", quantity(&self.cpu)), ("memory", quantity(&self.memory))]
                .map(|(key, value)| (key.to_owned(), value))
                .into_iter()
        };
        // No limit of CPU: a throttled agent loses packets.
        let limits = quantities().filter(|(key, _)| key == "memory").collect();
        Container {
            name: CONTAINER.into(),
            image: Some(self.image.clone()),
            image_pull_policy: Some("IfNotPresent".into()),
            command: Some(command.collect()),
            resources: Some(ResourceRequirements {
                requests: Some(quantities().collect()),
                limits: Some(limits),
                ..ResourceRequirements::default()
            }),
            security_context: Some(self.security()),
            volume_mounts: Some(vec![mount("parts", PARTS, true), mount("run", RUN, false)]),
            ..Container::default()
        }
    }

    fn security(&self) -> SecurityContext {
        let common = SecurityContext {
            run_as_user: Some(0),
            run_as_group: Some(0),
            run_as_non_root: Some(false),
            read_only_root_filesystem: Some(true),
            ..SecurityContext::default()
        };
        if !self.least_privilege {
            return SecurityContext { privileged: Some(true), ..common };
        }
        // Into the target's namespace, its process found, a packet socket opened.
        let add = ["NET_RAW", "SYS_ADMIN", "SYS_PTRACE"].map(str::to_owned).into();
        SecurityContext {
            allow_privilege_escalation: Some(true),
            capabilities: Some(Capabilities { add: Some(add), drop: Some(vec!["ALL".into()]) }),
            seccomp_profile: Some(SeccompProfile {
                type_: "RuntimeDefault".into(),
                ..SeccompProfile::default()
            }),
            ..common
        }
    }

    /// All parts in one folder, executable, from ConfigMaps that need not be there yet.
    fn parts(&self) -> Volume {
        let count = 1 + Parcel::open().map_or(0, |parcel| parcel.parts().count());
        let source = |place: usize| {
            let (key, path) = match place {
                0 => (FIRST_STAGE.to_owned(), FIRST_STAGE.to_owned()),
                part => ("part".to_owned(), format!("part.{:02}", part - 1)),
            };
            VolumeProjection {
                config_map: Some(ConfigMapProjection {
                    name: self.config_map(place),
                    items: Some(vec![KeyToPath { key, path, mode: Some(0o555) }]),
                    ..ConfigMapProjection::default()
                }),
                ..VolumeProjection::default()
            }
        };
        Volume {
            name: "parts".into(),
            projected: Some(ProjectedVolumeSource {
                default_mode: Some(0o555),
                sources: Some((0..count).map(source).collect()),
            }),
            ..Volume::default()
        }
    }
}

const FIRST_STAGE: &str = "first-stage";

fn run() -> Volume {
    Volume {
        name: "run".into(),
        empty_dir: Some(EmptyDirVolumeSource {
            // The agent and its socket; nothing else is ever written.
            size_limit: Some(Quantity("16Mi".into())),
            ..EmptyDirVolumeSource::default()
        }),
        ..Volume::default()
    }
}

fn strings(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}
