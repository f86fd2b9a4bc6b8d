//! Candidates that only the cluster or the kubeconfig knows.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::time::Duration;

use anyhow::Result;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Namespace, Pod, Service};
use kube::api::ListParams;
use kube::{Resource, ResourceExt as _};
use serde::de::DeserializeOwned;

use super::line::Line;
use super::{Candidate, Offer, Then};
use crate::cluster::{
    Cluster, Kind, Mesh, can_be_named, connect, containers, finish, read_kubeconfig,
};

/// Who waits for a candidate does not wait long.
const PATIENCE: Duration = Duration::from_secs(3);

/// Contexts, clusters or users.
pub(super) fn kubeconfig(line: &Line, what: &str) -> Offer {
    let files = read_kubeconfig(line.connection().kubeconfig.as_deref());
    let Ok(Some(files)) = files else { return Offer::none() };
    match what {
        "context" => Offer::words(files.contexts.into_iter().map(|named| named.name)),
        "cluster" => Offer::words(files.clusters.into_iter().map(|named| named.name)),
        _ => Offer::words(files.auth_infos.into_iter().map(|named| named.name)),
    }
}

/// Pods and workloads, containers, labels, namespaces; nothing if the cluster is not there.
pub(super) fn of_cluster(line: &Line, what: &str) -> Offer {
    let work = async {
        let cluster = connect(&line.connection()).await?;
        match what {
            "namespace" => Ok(Offer::words(names_of::<Namespace>(cluster.everywhere()).await?)),
            "label" => labels(&cluster).await,
            "container" => container(&cluster, line).await,
            _ => named(&cluster, line).await,
        }
    };
    let limited = async { tokio::time::timeout(PATIENCE, work).await? };
    finish(limited).unwrap_or_else(|_: anyhow::Error| Offer::none())
}

/// `catalog-v2-...`, `deploy/catalog-v2`, and `catalog-v2` after `deploy`.
async fn named(cluster: &Cluster, line: &Line) -> Result<Offer> {
    if let Some(kind) = line.words.first().and_then(|word| Kind::parse(word)) {
        return Ok(Offer::words(of_kind(cluster, kind).await?));
    }
    if let Some((before, _)) = line.begun.split_once('/') {
        let Some(kind) = Kind::parse(before) else { return Ok(Offer::none()) };
        let names = of_kind(cluster, kind).await?;
        return Ok(Offer::words(names.into_iter().map(|name| format!("{before}/{name}"))));
    }
    let pods = cluster.here::<Pod>().list(&ListParams::default()).await?;
    let taken: BTreeSet<&str> = line.words.iter().map(String::as_str).collect();
    let mut candidates: Vec<Candidate> = pods
        .iter()
        .filter(|pod| can_be_named(pod) && !taken.contains(pod.name_any().as_str()))
        .map(|pod| {
            let mesh = Mesh::of(pod).map(|mesh| mesh.to_string()).unwrap_or_default();
            Candidate::new(pod.name_any(), mesh)
        })
        .collect();
    let begins = |one: &Candidate| one.word.starts_with(&line.begun);
    let only_kinds = !candidates.iter().any(begins);
    let kinds = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Pod);
    candidates.extend(kinds.map(|kind| Candidate::new(format!("{}/", kind.short()), "")));
    Ok(Offer { candidates, then: if only_kinds { Then::NoSpace } else { Then::Nothing } })
}

async fn of_kind(cluster: &Cluster, kind: Kind) -> Result<Vec<String>> {
    match kind {
        Kind::Pod => names::<Pod>(cluster).await,
        Kind::Deployment => names::<Deployment>(cluster).await,
        Kind::StatefulSet => names::<StatefulSet>(cluster).await,
        Kind::DaemonSet => names::<DaemonSet>(cluster).await,
        Kind::ReplicaSet => names::<ReplicaSet>(cluster).await,
        Kind::Job => names::<Job>(cluster).await,
        Kind::Service => names::<Service>(cluster).await,
    }
}

async fn names<K>(cluster: &Cluster) -> Result<Vec<String>>
where
    K: Resource<Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    K::DynamicType: Default,
{
    names_of::<K>(cluster.here()).await
}

async fn names_of<K>(api: kube::Api<K>) -> Result<Vec<String>>
where
    K: Resource + Clone + Debug + DeserializeOwned,
{
    let list = api.list_metadata(&ListParams::default()).await?;
    Ok(list.items.iter().map(|one| one.name_any()).collect())
}

/// Of the pod that is named on the line.
async fn container(cluster: &Cluster, line: &Line) -> Result<Offer> {
    let Some(name) = line.words.last() else { return Ok(Offer::none()) };
    let name = name.split_once('/').map_or(name.as_str(), |(_kind, name)| name);
    let pod = cluster.here::<Pod>().get(name).await?;
    Ok(Offer::words(containers(&pod).into_iter().map(str::to_owned)))
}

/// `app=catalog` and all others that pods have, but for those that name one version or one pod.
async fn labels(cluster: &Cluster) -> Result<Offer> {
    let pods = cluster.here::<Pod>().list_metadata(&ListParams::default()).await?;
    let mut all = BTreeSet::new();
    for (key, value) in pods.items.iter().flat_map(|pod| pod.labels()) {
        if !key.contains("hash") && !key.ends_with("pod-name") && !key.ends_with("-index") {
            all.insert(format!("{key}={value}"));
        }
    }
    Ok(Offer::words(all))
}
