//! What a node is, where one may know it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use tokio::task::JoinSet;

use super::{Cluster, Target};
use crate::capture::ARCHITECTURE;

/// What is known of a node.
#[derive(Clone, Debug, Default)]
pub(crate) struct Machine {
    pub(crate) os: String,
    pub(crate) architecture: String,
}

/// Asks for each of `nodes` at once. A node that may not be read is absent: then the architecture is
/// learned by trying.
pub(crate) async fn machines(
    cluster: &Cluster,
    nodes: BTreeSet<String>,
) -> BTreeMap<String, Machine> {
    let mut asked = JoinSet::new();
    for name in nodes {
        let api: Api<Node> = cluster.everywhere();
        asked.spawn(async move { api.get(&name).await.map(|node| (name, node)) });
    }
    let answers = asked.join_all().await;
    answers
        .into_iter()
        .filter_map(|answer| {
            let (name, node) = answer.ok()?;
            let info = node.status?.node_info?;
            Some((name, Machine { os: info.operating_system, architecture: info.architecture }))
        })
        .collect()
}

/// Writes into each target what its node is.
pub(crate) async fn learn(cluster: &Cluster, targets: &mut [Target]) {
    let nodes = targets.iter().map(|target| target.node.clone()).collect();
    let known = machines(cluster, nodes).await;
    for target in targets {
        if let Some(machine) = known.get(&target.node) {
            target.os = Some(machine.os.clone());
            target.architecture = Some(machine.architecture.clone());
        }
    }
}

/// Refuses pods where no agent of ours can run.
pub(crate) fn check(target: &Target) -> Result<()> {
    let name = target.full_name();
    if target.os.as_deref() == Some("windows") {
        bail!("{name} runs on Windows: pods of Linux nodes only can be captured");
    }
    if let Some(architecture) = &target.architecture
        && architecture != ARCHITECTURE
    {
        bail!(
            "{name} runs on {}, a node of architecture {architecture}, and the agent is for \
             {ARCHITECTURE} only: choose a pod on such a node (kubectl get pods -o wide; \
             kubectl get nodes -L kubernetes.io/arch)",
            target.node
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::target::tests::target;

    #[test]
    fn nodes_that_have_no_agent_are_refused() {
        let refused = |os: &str, architecture: &str| {
            let (os, architecture) = (Some(os.to_owned()), Some(architecture.to_owned()));
            check(&Target { os, architecture, ..target() }).err().map(|error| error.to_string())
        };
        assert_eq!(refused("linux", "amd64"), None);
        let arm = refused("linux", "arm64").unwrap();
        assert!(arm.contains("node1, a node of architecture arm64"), "{arm}");
        assert!(refused("windows", "amd64").unwrap().contains("runs on Windows"));
    }

    #[test]
    fn what_is_not_known_is_tried() {
        assert!(check(&Target { os: None, architecture: None, ..target() }).is_ok());
    }
}
