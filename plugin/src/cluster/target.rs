use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodSpec, PodStatus};

use super::mesh::{Mesh, application_ports};

/// A running pod that can be captured, and what is needed to get an agent beside it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Target {
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// The object's. Another pod of the same name has another.
    pub(crate) uid: String,
    /// What its cgroups are called after: the object's UID, but for static pods.
    pub(crate) cgroup_uid: String,
    /// What services select it by.
    pub(crate) labels: BTreeMap<String, String>,
    /// The pod's own.
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) node: String,
    /// Of the containers that run, without `containerd://`: that of `-c` first, then init (native
    /// sidecars), ordinary, ephemeral. Empty while all of them restart: the pod's sandbox is there.
    pub(crate) container_ids: Vec<String>,
    /// An image that is on the node: of the first container that runs, exactly as in its spec.
    pub(crate) image: String,
    /// Names of the secrets that the pod pulls its images with.
    pub(crate) pull_secrets: Vec<String>,
    pub(crate) host_network: bool,
    pub(crate) mesh: Option<Mesh>,
    /// TCP ports that the application's containers declare.
    pub(crate) ports: Vec<u16>,
    /// `linux`, `windows`, as the pod or its node says.
    pub(crate) os: Option<String>,
    /// `amd64`, `arm64`, as the pod or its node says. Unknown where nodes may not be read.
    pub(crate) architecture: Option<String>,
    /// gVisor, Kata: the pod's loopback may be out of reach from the node.
    pub(crate) runtime_class: Option<String>,
}

/// What a pod is good for.
#[derive(Clone, Debug)]
pub(crate) enum State {
    /// Its network is there.
    Ready(Box<Target>),
    /// Not yet: why, in kubelet's words, as `ContainerCreating`.
    Waiting(String),
    /// Its containers have ended: nothing sends any more. How, as `Succeeded`.
    Over(String),
}

impl Target {
    /// `shop/catalog-v2-78564fc9fd-4s79j`.
    pub(crate) fn full_name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

impl Target {
    /// Whether a selector, of names and values of labels, selects it. An empty one selects no pod.
    pub(crate) fn is_selected<'a>(
        &self,
        selector: impl IntoIterator<Item = (&'a String, Option<&'a str>)>,
    ) -> bool {
        let mut selector = selector.into_iter().peekable();
        let has = |(name, value)| self.labels.get(name).map(String::as_str) == value;
        selector.peek().is_some() && selector.all(has)
    }
}

/// What `pod` is good for. `container` is that of `-c`.
pub(crate) fn state(pod: &Pod, container: Option<&str>) -> State {
    let (Some(spec), Some(status)) = (&pod.spec, &pod.status) else {
        return State::Waiting("Pending".into());
    };
    let phase = status.phase.as_deref().unwrap_or("Pending");
    if matches!(phase, "Succeeded" | "Failed") {
        let reason = status.reason.as_deref().unwrap_or(phase);
        return State::Over(reason.into());
    }
    let running: Vec<&ContainerStatus> =
        statuses(status).filter(|one| is_running(one) && one.container_id.is_some()).collect();
    let node = spec.node_name.clone().filter(|name| !name.is_empty());
    let Some(node) = node.filter(|_| !running.is_empty() || phase == "Running") else {
        return State::Waiting(waits_for(status));
    };
    let image = image(spec, status, &running);
    let mut chosen = running;
    chosen.sort_by_key(|one| Some(one.name.as_str()) != container);
    let container_ids = chosen.iter().filter_map(|one| bare_id(one)).collect();
    let metadata = &pod.metadata;
    let uid = metadata.uid.clone().unwrap_or_default();
    let static_hash = metadata.annotations.as_ref().and_then(|all| {
        all.get("kubernetes.io/config.mirror").or_else(|| all.get("kubernetes.io/config.hash"))
    });
    State::Ready(Box::new(Target {
        namespace: metadata.namespace.clone().unwrap_or_default(),
        name: metadata.name.clone().unwrap_or_default(),
        labels: metadata.labels.clone().unwrap_or_default(),
        addresses: addresses(status),
        cgroup_uid: static_hash.unwrap_or(&uid).clone(),
        uid,
        node,
        container_ids,
        image,
        pull_secrets: spec
            .image_pull_secrets
            .iter()
            .flatten()
            .map(|secret| secret.name.clone())
            .filter(|name| !name.is_empty())
            .collect(),
        host_network: spec.host_network.unwrap_or(false),
        mesh: Mesh::of(pod),
        ports: application_ports(pod),
        os: hint(spec, "kubernetes.io/os").or_else(|| spec.os.as_ref().map(|os| os.name.clone())),
        architecture: hint(spec, "kubernetes.io/arch"),
        runtime_class: spec.runtime_class_name.clone(),
    }))
}

fn addresses(status: &PodStatus) -> Vec<IpAddr> {
    let all = status.pod_ips.iter().flatten().map(|ip| ip.ip.as_str());
    all.chain(status.pod_ip.as_deref()).filter_map(|ip| ip.parse().ok()).collect()
}

/// Names of all containers of the pod, in the order of [`statuses`].
pub(crate) fn containers(pod: &Pod) -> Vec<&str> {
    let Some(spec) = &pod.spec else { return Vec::new() };
    let init = spec.init_containers.iter().flatten().map(|one| one.name.as_str());
    let ordinary = spec.containers.iter().map(|one| one.name.as_str());
    let ephemeral = spec.ephemeral_containers.iter().flatten().map(|one| one.name.as_str());
    init.chain(ordinary).chain(ephemeral).collect()
}

fn statuses(status: &PodStatus) -> impl Iterator<Item = &ContainerStatus> {
    let init = status.init_container_statuses.iter().flatten();
    let ordinary = status.container_statuses.iter().flatten();
    init.chain(ordinary).chain(status.ephemeral_container_statuses.iter().flatten())
}

fn is_running(status: &ContainerStatus) -> bool {
    status.state.as_ref().is_some_and(|state| state.running.is_some())
}

/// `containerd://0123` is `0123` in a cgroup.
fn bare_id(status: &ContainerStatus) -> Option<String> {
    let id = status.container_id.as_deref()?;
    Some(id.split_once("://").map_or(id, |(_runtime, id)| id).to_owned())
}

/// Of the first ordinary container that runs, else of any that runs, else of one that has run: its
/// image is on the node, and the pod may pull it.
fn image(spec: &PodSpec, status: &PodStatus, running: &[&ContainerStatus]) -> String {
    let runs: BTreeSet<&str> = running.iter().map(|one| one.name.as_str()).collect();
    let pulled =
        |name: &str| statuses(status).any(|one| one.name == name && !one.image_id.is_empty());
    let init = spec.init_containers.iter().flatten();
    let all: Vec<_> = spec.containers.iter().chain(init).collect();
    let runs = all.iter().find(|one| runs.contains(one.name.as_str()));
    let found = runs.or_else(|| all.iter().find(|one| pulled(&one.name))).or(all.first());
    found.and_then(|one| one.image.clone()).unwrap_or_default()
}

/// What keeps it from running, as kubelet or the scheduler says.
fn waits_for(status: &PodStatus) -> String {
    let waiting =
        statuses(status).filter_map(|one| one.state.as_ref()?.waiting.as_ref()).find(|waiting| {
            waiting.reason.as_deref().is_some_and(|reason| reason != "PodInitializing")
        });
    if let Some(reason) = waiting.and_then(|waiting| waiting.reason.clone()) {
        let detail = waiting.and_then(|waiting| waiting.message.clone());
        return match detail {
            Some(detail) => format!("{reason}: {}", first_line(&detail)),
            None => reason,
        };
    }
    let unscheduled = status
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == "PodScheduled" && condition.status == "False");
    if let Some(condition) = unscheduled {
        let reason = condition.reason.as_deref().unwrap_or("Unschedulable");
        let detail = condition.message.as_deref().unwrap_or_default();
        return format!("{reason}: {}", first_line(detail)).trim_end_matches(": ").to_owned();
    }
    status.reason.clone().unwrap_or_else(|| "Pending".into())
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(200).collect()
}

fn hint(spec: &PodSpec, label: &str) -> Option<String> {
    spec.node_selector.as_ref()?.get(label).cloned()
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    fn pod(json: serde_json::Value) -> Pod {
        serde_json::from_value(json).unwrap()
    }

    fn running(name: &str, id: &str) -> serde_json::Value {
        json!({"name": name, "containerID": format!("containerd://{id}"), "image": "x",
               "imageID": "sha256:1", "ready": true, "restartCount": 0,
               "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}})
    }

    fn meshed() -> serde_json::Value {
        json!({
            "metadata": {"name": "catalog-v2-1", "namespace": "shop", "uid": "u-1",
                         "labels": {"app": "catalog"}},
            "spec": {
                "nodeName": "node1",
                "imagePullSecrets": [{"name": "registry"}],
                "initContainers": [
                    {"name": "istio-init", "image": "proxy:1"},
                    {"name": "istio-proxy", "image": "proxy:1", "restartPolicy": "Always"}
                ],
                "containers": [{"name": "app", "image": "shop:1",
                                "ports": [{"containerPort": 9080}]}]
            },
            "status": {
                "phase": "Running",
                "initContainerStatuses": [
                    {"name": "istio-init", "containerID": "containerd://old", "image": "x",
                     "imageID": "y", "ready": true, "restartCount": 0,
                     "state": {"terminated": {"exitCode": 0}}},
                    running("istio-proxy", "aa")
                ],
                "containerStatuses": [running("app", "bb")],
                "ephemeralContainerStatuses": [running("debug", "cc")]
            }
        })
    }

    fn ready(pod: &Pod, container: Option<&str>) -> Target {
        match state(pod, container) {
            State::Ready(target) => *target,
            other => panic!("{other:?}"),
        }
    }

    /// A pod in a mesh, on node1.
    pub(in crate::cluster) fn target() -> Target {
        ready(&pod(meshed()), None)
    }

    #[test]
    fn a_native_sidecar_counts_and_an_ended_init_container_does_not() {
        let target = ready(&pod(meshed()), None);
        assert_eq!(target.container_ids, ["aa", "bb", "cc"]);
        assert_eq!(target.image, "shop:1");
        assert_eq!(target.mesh, Some(Mesh::IstioNative));
        assert_eq!(target.ports, [9080]);
        assert_eq!(target.pull_secrets, ["registry"]);
        assert_eq!(target.full_name(), "shop/catalog-v2-1");
        assert!(!target.host_network);
    }

    #[test]
    fn the_chosen_container_comes_first() {
        let target = ready(&pod(meshed()), Some("app"));
        assert_eq!(target.container_ids, ["bb", "aa", "cc"]);
    }

    #[test]
    fn a_static_pod_has_other_cgroups() {
        let mut json = meshed();
        json["metadata"]["annotations"] = json!({"kubernetes.io/config.mirror": "hash"});
        let target = ready(&pod(json), None);
        assert_eq!((target.uid.as_str(), target.cgroup_uid.as_str()), ("u-1", "hash"));
    }

    #[test]
    fn crashing_containers_leave_the_sandbox() {
        let mut json = meshed();
        json["status"]["initContainerStatuses"] = json!([]);
        json["status"]["ephemeralContainerStatuses"] = json!([]);
        json["status"]["containerStatuses"][0]["state"] =
            json!({"waiting": {"reason": "CrashLoopBackOff"}});
        let target = ready(&pod(json), None);
        assert!(target.container_ids.is_empty());
        assert_eq!(target.image, "shop:1");
    }

    #[test]
    fn what_a_pod_waits_for_is_said() {
        let image = pod(json!({"metadata": {"name": "a"}, "spec": {"nodeName": "n",
            "containers": [{"name": "app", "image": "none:1"}]},
            "status": {"phase": "Pending", "containerStatuses": [{"name": "app", "image": "none:1",
                "imageID": "", "ready": false, "restartCount": 0,
                "state": {"waiting": {"reason": "ErrImagePull", "message": "not found\nmore"}}}]}}));
        assert!(
            matches!(state(&image, None), State::Waiting(why) if why == "ErrImagePull: not found")
        );
        let nowhere = pod(json!({"metadata": {"name": "a"}, "spec": {"containers": []},
            "status": {"phase": "Pending", "conditions": [{"type": "PodScheduled",
                "status": "False", "reason": "Unschedulable", "message": "0/2 nodes"}]}}));
        assert!(
            matches!(state(&nowhere, None), State::Waiting(why) if why == "Unschedulable: 0/2 nodes")
        );
    }

    #[test]
    fn a_completed_pod_is_over() {
        let mut json = meshed();
        json["status"]["phase"] = json!("Succeeded");
        assert!(matches!(state(&pod(json), None), State::Over(how) if how == "Succeeded"));
        let mut json = meshed();
        json["status"]["phase"] = json!("Failed");
        json["status"]["reason"] = json!("Evicted");
        assert!(matches!(state(&pod(json), None), State::Over(how) if how == "Evicted"));
    }

    #[test]
    fn meshes_are_told_apart() {
        let named = |name: &str| {
            Mesh::of(&pod(json!({"metadata": {"name": "a"}, "spec": {"containers":
                [{"name": "app"}, {"name": name}]}})))
        };
        assert_eq!(named("istio-proxy"), Some(Mesh::Istio));
        assert_eq!(named("linkerd-proxy"), Some(Mesh::Linkerd));
        assert_eq!(named("kuma-sidecar"), Some(Mesh::Kuma));
        assert_eq!(named("nginx"), None);
        let ambient = pod(json!({"metadata": {"name": "a", "annotations":
            {"ambient.istio.io/redirection": "enabled"}}, "spec": {"containers": []}}));
        assert_eq!(Mesh::of(&ambient), Some(Mesh::IstioAmbient));
    }
}
