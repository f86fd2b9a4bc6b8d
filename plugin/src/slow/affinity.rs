use std::collections::BTreeSet;
use std::time::Duration;

use k8s_openapi::api::core::v1::Service;
use kube::api::ListParams;
use kube::{Api, ResourceExt as _};

use crate::cluster::{Cluster, Target};

/// How long the API server has. What it does not say is not noted.
const PATIENCE: Duration = Duration::from_secs(2);

/// Services that tie each caller to one of these pods, a sentence each: then a pod may be slow for what
/// its callers ask.
pub(crate) async fn affinity(cluster: &Cluster, targets: &[Target]) -> Vec<String> {
    let namespaces: BTreeSet<&str> =
        targets.iter().map(|target| target.namespace.as_str()).collect();
    let mut notes = Vec::new();
    for namespace in namespaces {
        let api: Api<Service> = Api::namespaced(cluster.client.clone(), namespace);
        let all = ListParams::default();
        let list = api.list(&all);
        let Ok(Ok(services)) = tokio::time::timeout(PATIENCE, list).await else { continue };
        let here = targets.iter().filter(|target| target.namespace == namespace);
        let here: Vec<&Target> = here.collect();
        for service in services.items.iter().filter(|service| ties(service, &here)) {
            notes.push(format!(
                "Service {namespace}/{} has sessionAffinity ClientIP: each caller asks one pod only, \
                 so that a pod may look slow for what its callers ask.",
                service.name_any()
            ));
        }
    }
    notes
}

fn ties(service: &Service, targets: &[&Target]) -> bool {
    let Some(spec) = &service.spec else { return false };
    let selector = spec.selector.iter().flatten();
    let selector = selector.map(|(name, value)| (name, Some(value.as_str())));
    let selects = |target: &&Target| target.is_selected(selector.clone());
    spec.session_affinity.as_deref() == Some("ClientIP") && targets.iter().any(selects)
}
