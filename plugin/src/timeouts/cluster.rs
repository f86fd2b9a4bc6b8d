//! Manifests from the cluster, as far as they may be read.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Service};
use kube::Api;
use kube::api::{ApiResource, DynamicObject};
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::answer::{Answer, PATIENCE, get, list, list_in, within};
use super::host::Host;
use super::notes::Notes;
use super::{Search, Sources};
use crate::cluster::{Cluster, Target};

/// Objects that can have a timeout.
#[derive(Clone, Copy, Debug)]
struct Resource {
    group: &'static str,
    kind: &'static str,
    plural: &'static str,
    /// Those that clusters serve, the newest first.
    versions: &'static [&'static str],
}

/// How long the API server has to say what it serves. Without that everything is asked for.
const GROUPS: Duration = Duration::from_secs(1);

/// The group of Istio's, where MeshConfig has the defaults.
const ISTIO: &str = "networking.istio.io";

const RESOURCES: [Resource; 6] = [
    Resource {
        group: ISTIO,
        kind: "VirtualService",
        plural: "virtualservices",
        versions: &["v1", "v1beta1", "v1alpha3"],
    },
    Resource {
        group: ISTIO,
        kind: "DestinationRule",
        plural: "destinationrules",
        versions: &["v1", "v1beta1", "v1alpha3"],
    },
    Resource {
        group: "gateway.networking.k8s.io",
        kind: "HTTPRoute",
        plural: "httproutes",
        versions: &["v1", "v1beta1"],
    },
    Resource {
        group: "gateway.networking.k8s.io",
        kind: "GRPCRoute",
        plural: "grpcroutes",
        versions: &["v1", "v1alpha2"],
    },
    Resource {
        group: "policy.linkerd.io",
        kind: "HTTPRoute",
        plural: "httproutes",
        versions: &["v1beta3", "v1beta2"],
    },
    Resource {
        group: "linkerd.io",
        kind: "ServiceProfile",
        plural: "serviceprofiles",
        versions: &["v1alpha2"],
    },
];

/// Who reads the manifests of these pods when there is a timeout to be explained, and then answers.
pub(crate) fn search(runtime: &Handle, cluster: &Cluster, targets: Vec<Target>) -> Search {
    let (runtime, cluster) = (runtime.clone(), cluster.clone());
    Box::new(move |timeouts| runtime.block_on(of_cluster(&cluster, &targets)).origins(timeouts))
}

/// Reads what can have timeouts for these pods. Never fails: what could not be read is noted.
pub(crate) async fn of_cluster(cluster: &Cluster, targets: &[Target]) -> Sources {
    let namespaces: BTreeSet<&str> = targets.iter().map(|one| one.namespace.as_str()).collect();
    let namespaces: Vec<String> = namespaces.into_iter().map(str::to_owned).collect();
    let mut asked = JoinSet::new();
    let groups = within(GROUPS, groups(cluster)).await.flatten();
    let is_served =
        |group: &str| groups.as_ref().is_none_or(|all| all.iter().any(|one| one == group));
    let resources = RESOURCES.into_iter().filter(|resource| is_served(resource.group));
    for (place, resource) in resources.enumerate() {
        let (cluster, namespaces) = (cluster.clone(), namespaces.clone());
        asked.spawn(async move {
            let answer = within(PATIENCE, read(&cluster, resource, &namespaces)).await;
            (place, resource.name(), answer.unwrap_or(Answer::Late))
        });
    }
    let maps: Api<ConfigMap> = Api::namespaced(cluster.client.clone(), "istio-system");
    let mesh = match is_served(ISTIO) {
        true => mesh_configs(targets),
        false => BTreeSet::new(),
    };
    let mesh = mesh.into_iter().map(|name| {
        let maps = maps.clone();
        async move {
            let answer = within(PATIENCE, get(&maps, &name)).await;
            (name, answer.unwrap_or(Answer::Late))
        }
    });
    let mesh = JoinSet::from_iter(mesh);
    let services = list_in(&namespaces, |namespace| {
        Api::<Service>::namespaced(cluster.client.clone(), namespace)
    });
    let (mut resources, services, mut mesh) =
        tokio::join!(asked.join_all(), within(PATIENCE, services), mesh.join_all());
    resources.sort_by_key(|(place, ..)| *place);
    mesh.sort_by(|(one, _), (other, _)| one.cmp(other));

    let mut sources = Sources::default();
    let mut notes = Notes::default();
    let services = services.unwrap_or(Answer::Late);
    if let Answer::Objects { objects, .. } = &services {
        sources.services = selecting(objects, targets);
    }
    for (_, name, answer) in resources {
        notes.take(&name, answer, &mut sources);
    }
    notes.take("services", services, &mut sources);
    for (name, answer) in mesh {
        notes.mesh_config(&name, answer, &mut sources);
    }
    sources.partial = !notes.is_empty();
    if sources.read == 0 && !sources.partial {
        notes.nothing_is_there();
    }
    sources.notes = notes.sentences(&namespaces);
    sources.namespaces = namespaces;
    sources
}

/// The names of the ConfigMaps that can have MeshConfig for these pods: each revision has its own.
fn mesh_configs(targets: &[Target]) -> BTreeSet<String> {
    let revisions = targets.iter().filter_map(|target| target.labels.get("istio.io/rev"));
    let revisions = revisions.filter(|revision| *revision != "default");
    let of_revisions = revisions.map(|revision| format!("istio-{revision}"));
    std::iter::once("istio".to_owned()).chain(of_revisions).collect()
}

/// The groups of the API that the cluster serves; `None` if it does not say.
async fn groups(cluster: &Cluster) -> Option<Vec<String>> {
    let groups = cluster.client.list_api_groups().await.ok()?.groups;
    Some(groups.into_iter().map(|group| group.name).collect())
}

/// The objects of all namespaces, for gateways have their own; if that is not allowed, of these.
async fn read(cluster: &Cluster, resource: Resource, namespaces: &[String]) -> Answer {
    for version in resource.versions {
        let kind = resource.at(version);
        let client = || cluster.client.clone();
        let answer = match list(&Api::<DynamicObject>::all_with(client(), &kind)).await {
            Answer::Forbidden => {
                list_in(namespaces, |one| {
                    Api::<DynamicObject>::namespaced_with(client(), one, &kind)
                })
                .await
            }
            all => all,
        };
        if !matches!(answer, Answer::Absent) {
            return answer;
        }
    }
    Answer::Absent
}

/// The services that select any of these pods.
fn selecting(services: &[Value], targets: &[Target]) -> Vec<Host> {
    let selects = |service: &&Value| {
        let selector = service.pointer("/spec/selector").and_then(Value::as_object);
        let selector = selector.into_iter().flatten();
        let selector = selector.map(|(name, value)| (name, value.as_str()));
        let namespace = service.pointer("/metadata/namespace").and_then(Value::as_str);
        let mut here = targets.iter().filter(|target| Some(target.namespace.as_str()) == namespace);
        here.any(|target| target.is_selected(selector.clone()))
    };
    let host = |service: &Value| {
        let text = |pointer| service.pointer(pointer).and_then(Value::as_str);
        Some(Host::of(text("/metadata/name")?, text("/metadata/namespace")))
    };
    services.iter().filter(selects).filter_map(host).collect()
}

impl Resource {
    /// `virtualservices.networking.istio.io`.
    fn name(&self) -> String {
        format!("{}.{}", self.plural, self.group)
    }

    fn at(&self, version: &str) -> ApiResource {
        ApiResource {
            group: self.group.into(),
            version: version.into(),
            api_version: format!("{}/{version}", self.group),
            kind: self.kind.into(),
            plural: self.plural.into(),
        }
    }
}
