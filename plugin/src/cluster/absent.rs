//! Fetches what was named, and where it is not, says where it might be.

use std::fmt::Debug;

use anyhow::Result;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::ListParams;
use kube::{Api, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;

use super::mesh::Mesh;
use super::suggest::{alike, nearest};
use super::target::{State, state};
use super::wanted::{Kind, Reference};
use super::{Cluster, explain};
use crate::capture::LABEL;
use crate::exit::Usage;

/// As many pods as fit a screen.
const SHOWN: usize = 16;

/// What was named is not there: where it might be.
#[derive(Debug)]
pub(super) struct Absent(String);

impl std::fmt::Display for Absent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Absent {}

/// The pod of that name.
pub(super) async fn pod(cluster: &Cluster, name: &str) -> Result<Pod> {
    let reference = Reference { kind: Kind::Pod, name: name.into() };
    let found = cluster.here::<Pod>().get_opt(name).await;
    match found.map_err(|error| explain(error, &format!("reading pod {name}")))? {
        Some(pod) => Ok(pod),
        None => Err(missing::<Pod>(cluster, &reference).await),
    }
}

/// The workload or service of that name.
pub(super) async fn workload<K>(cluster: &Cluster, reference: &Reference) -> Result<K>
where
    K: Resource<Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    K::DynamicType: Default,
{
    let found = cluster.here::<K>().get_opt(&reference.name).await;
    match found.map_err(|error| explain(error, &format!("reading {reference}")))? {
        Some(found) => Ok(found),
        None => Err(missing::<K>(cluster, reference).await),
    }
}

/// Says that it is not there: it is elsewhere, or something with a similar name is there.
async fn missing<K>(cluster: &Cluster, reference: &Reference) -> anyhow::Error
where
    K: Resource<Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    K::DynamicType: Default,
{
    if let Some(text) = no_namespace(cluster).await {
        return Absent(text).into();
    }
    let here = names(&cluster.here::<K>(), &ListParams::default()).await;
    let owners = match reference.kind {
        Kind::Pod => workloads(cluster).await,
        _ => Vec::new(),
    };
    let by_name = ListParams::default().fields(&format!("metadata.name={}", reference.name));
    // Often not allowed, and then not said.
    let elsewhere = names(&cluster.everywhere::<K>(), &by_name).await;
    let namespaces: Vec<String> =
        elsewhere.into_iter().map(|(namespace, _name)| namespace).collect();
    let here: Vec<String> = here.into_iter().map(|(_namespace, name)| name).collect();
    Absent(sentence(reference, &cluster.namespace, &here, &owners, &namespaces)).into()
}

/// That the namespace itself is not there; nothing where namespaces may not be read.
async fn no_namespace(cluster: &Cluster) -> Option<String> {
    let api: Api<Namespace> = cluster.everywhere();
    let name = &cluster.namespace;
    if api.get_opt(name).await.ok()?.is_some() {
        return None;
    }
    let all = api.list_metadata(&ListParams::default()).await;
    let all: Vec<String> =
        all.map(|list| list.items.iter().map(|one| one.name_any()).collect()).unwrap_or_default();
    let near = nearest(name, all.iter().map(String::as_str));
    Some(match near.is_empty() {
        true => format!("there is no namespace {name}"),
        false => format!("there is no namespace {name}; the nearest: {}", near.join(", ")),
    })
}

/// Namespaces and names; none where listing is not allowed.
async fn names<K>(api: &Api<K>, params: &ListParams) -> Vec<(String, String)>
where
    K: Resource + Clone + Debug + DeserializeOwned,
    K::DynamicType: Default,
{
    let Ok(list) = api.list_metadata(params).await else { return Vec::new() };
    list.items.iter().map(|one| (one.namespace().unwrap_or_default(), one.name_any())).collect()
}

/// Workloads of the namespace that have pods, as `deploy/catalog`, told by the pods alone.
async fn workloads(cluster: &Cluster) -> Vec<String> {
    let Ok(pods) = cluster.here::<Pod>().list_metadata(&ListParams::default()).await else {
        return Vec::new();
    };
    let mut all: Vec<String> = pods.items.iter().filter_map(|pod| owner(&pod.metadata)).collect();
    all.sort();
    all.dedup();
    all
}

/// What a pod belongs to: `deploy/catalog` for `ReplicaSet catalog-78564fc9fd`.
fn owner(pod: &ObjectMeta) -> Option<String> {
    let owners = pod.owner_references.iter().flatten();
    let owner = owners.into_iter().find(|owner| owner.controller == Some(true))?;
    let hash = pod.labels.as_ref().and_then(|labels| labels.get("pod-template-hash"));
    match (owner.kind.as_str(), hash) {
        ("ReplicaSet", Some(hash)) => {
            let name = owner.name.strip_suffix(hash.as_str())?.strip_suffix('-')?;
            Some(format!("deploy/{name}"))
        }
        ("ReplicaSet", None) => Some(format!("rs/{}", owner.name)),
        ("StatefulSet", _) => Some(format!("sts/{}", owner.name)),
        ("DaemonSet", _) => Some(format!("ds/{}", owner.name)),
        ("Job", _) => Some(format!("job/{}", owner.name)),
        _ => None,
    }
}

fn sentence(
    reference: &Reference,
    namespace: &str,
    here: &[String],
    owners: &[String],
    namespaces: &[String],
) -> String {
    let (kind, name) = (reference.kind.names()[1], &reference.name);
    let mut text = format!("there is no {kind} {name} in namespace {namespace}");
    if !namespaces.is_empty() {
        let all: Vec<String> = namespaces.iter().map(|one| format!("-n {one}")).collect();
        text += &format!("; it is in another: {}", all.join(" or "));
        return text;
    }
    let of_that_name = owners.iter().find(|owner| owner.ends_with(&format!("/{name}")));
    if let Some(owner) = of_that_name {
        text += &format!("; for all pods of it: kubectl meshsniff pod {owner} -n {namespace}");
        return text;
    }
    let near = alike(name, here.iter().map(String::as_str));
    if !near.is_empty() {
        text += &format!("; the nearest: {}", near.join(", "));
    } else if here.is_empty() {
        text += &format!("; kubectl get {} -A shows where it is", reference.kind.names()[2]);
    } else {
        text += &format!(
            "; it has {}",
            here.iter().take(5).map(String::as_str).collect::<Vec<_>>().join(", ")
        );
    }
    text
}

/// Not pods that have ended, nor agents of ours.
pub(crate) fn can_be_named(pod: &Pod) -> bool {
    let ended = matches!(state(pod, None), State::Over(_));
    let agent = pod.labels().get(LABEL.0).is_some_and(|value| value == LABEL.1);
    !ended && !agent
}

/// That a name is needed, and which there are.
pub(super) async fn no_name(cluster: &Cluster) -> Result<Usage> {
    let pods = cluster.here::<Pod>().list(&ListParams::default()).await;
    let mut pods = pods.map_err(|error| explain(error, "listing pods"))?.items;
    pods.retain(can_be_named);
    if pods.is_empty()
        && let Some(text) = no_namespace(cluster).await
    {
        return Ok(Usage(text));
    }
    Ok(Usage(which(&cluster.namespace, &pods)))
}

fn which(namespace: &str, pods: &[Pod]) -> String {
    if pods.is_empty() {
        return format!("which pod? There is none in namespace {namespace}: give another with -n");
    }
    let mut text = format!("which pod? Those of namespace {namespace}:\n");
    let width = pods.iter().take(SHOWN).map(|pod| pod.name_any().len()).max().unwrap_or(0);
    for pod in pods.iter().take(SHOWN) {
        let mesh = Mesh::of(pod).map(|mesh| mesh.to_string()).unwrap_or_default();
        let line = format!("  {:<width$}  {mesh}", pod.name_any());
        text += line.trim_end();
        text.push('\n');
    }
    if pods.len() > SHOWN {
        text += &format!("  and {} more\n", pods.len() - SHOWN);
    }
    let meshed = pods.iter().find(|pod| Mesh::of(pod).is_some()).unwrap_or(&pods[0]);
    text += &format!(
        "As: kubectl meshsniff pod {} -n {namespace}; also deploy/NAME, svc/NAME, -l SELECTOR",
        meshed.name_any()
    );
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(name: &str, here: &[&str], owners: &[&str], namespaces: &[&str]) -> String {
        let reference = Reference { kind: Kind::Pod, name: name.into() };
        let strings = |all: &[&str]| all.iter().map(|&one| one.to_owned()).collect::<Vec<_>>();
        sentence(&reference, "shop", &strings(here), &strings(owners), &strings(namespaces))
    }

    #[test]
    fn the_right_namespace_is_named() {
        assert_eq!(
            said("cart", &["catalog"], &[], &["store"]),
            "there is no pod cart in namespace shop; it is in another: -n store"
        );
    }

    #[test]
    fn the_name_of_a_deployment_is_understood() {
        assert_eq!(
            said("catalog", &["catalog-1-2"], &["deploy/catalog"], &[]),
            "there is no pod catalog in namespace shop; \
             for all pods of it: kubectl meshsniff pod deploy/catalog -n shop"
        );
    }

    #[test]
    fn the_nearest_names_are_said() {
        assert_eq!(
            said("catalog-v2-4s79", &["frontend-1", "catalog-v2-4s79j"], &[], &[]),
            "there is no pod catalog-v2-4s79 in namespace shop; the nearest: catalog-v2-4s79j"
        );
    }

    #[test]
    fn owners_are_told_by_the_pod_alone() {
        let pod = |kind: &str, name: &str| -> ObjectMeta {
            serde_json::from_value(json!({
                "labels": {"pod-template-hash": "785"},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": kind, "name": name,
                                     "uid": "u", "controller": true}]
            }))
            .unwrap()
        };
        assert_eq!(owner(&pod("ReplicaSet", "catalog-785")).as_deref(), Some("deploy/catalog"));
        assert_eq!(owner(&pod("StatefulSet", "db")).as_deref(), Some("sts/db"));
        assert_eq!(owner(&ObjectMeta::default()), None);
    }

    #[test]
    fn without_a_name_the_pods_are_listed_and_meshed_ones_marked() {
        let pod = |name: &str, container: &str| -> Pod {
            serde_json::from_value(json!({"metadata": {"name": name},
                "spec": {"containers": [{"name": container}]}}))
            .unwrap()
        };
        let text = which("shop", &[pod("catalog-1", "istio-proxy"), pod("job", "app")]);
        assert!(text.contains("  catalog-1  Istio sidecar\n  job\n"), "{text}");
        assert!(text.ends_with(
            "As: kubectl meshsniff pod catalog-1 -n shop; also deploy/NAME, svc/NAME, -l SELECTOR"
        ));
    }
}
