use crate::cluster::Target;

/// Labels by which a workload's versions are told, first; then the node, then all others.
const VERSION: [&str; 2] = ["version", "app.kubernetes.io/version"];
/// The label of all pods of one rollout.
const ROLLOUT: &str = "pod-template-hash";
/// Labels that each pod has for itself, or that only repeat others.
const IGNORED: [&str; 4] = [
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "service.istio.io/canonical-revision",
    "service.istio.io/canonical-name",
];

/// What a pod may share with other slow ones, what explains most first.
pub(crate) fn attributes(target: &Target) -> Vec<(String, String)> {
    let label = |name: &str| Some((name.to_owned(), target.labels.get(name)?.clone()));
    let mut all: Vec<_> = VERSION.into_iter().filter_map(label).collect();
    // Which rollout it is of says no more than its version, if it has one.
    let versioned = !all.is_empty();
    all.push(("node".to_owned(), target.node.clone()));
    let known = |name: &str| VERSION.contains(&name) || IGNORED.contains(&name);
    let others = target
        .labels
        .iter()
        .filter(|(name, _)| !known(name.as_str()) && (name.as_str() != ROLLOUT || !versioned));
    all.extend(others.map(|(name, value)| (name.clone(), value.clone())));
    all.retain(|(_, value)| !value.is_empty());
    all
}
