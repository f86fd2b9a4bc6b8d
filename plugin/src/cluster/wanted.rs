use k8s_openapi::api::core::v1::Pod;
use kube::Api;

use super::Cluster;
use crate::exit::Usage;

/// What to capture, as the command line says it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// The words: `NAME`, `pod NAME`, `pod/NAME`, `deploy/NAME`, `deploy NAME` ..., several of them.
    pub(crate) names: Vec<String>,
    /// `-l`: a label selector, instead of names.
    pub(crate) selector: Option<String>,
    /// `-A`, with a selector.
    pub(crate) all_namespaces: bool,
    /// `-c`: the container that is meant. Any one will do to find the pod; this one comes first.
    pub(crate) container: Option<String>,
    /// More pods than this are refused.
    pub(crate) max_pods: usize,
    /// Pods in the node's own network are taken as well.
    pub(crate) host_network: bool,
}

/// Kinds that are pods or have pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Pod,
    Deployment,
    StatefulSet,
    DaemonSet,
    ReplicaSet,
    Job,
    Service,
}

impl Kind {
    pub(crate) const ALL: [Self; 7] = [
        Self::Pod,
        Self::Deployment,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::ReplicaSet,
        Self::Job,
        Self::Service,
    ];

    /// Its names as kubectl takes them: short, singular, plural.
    pub(crate) fn names(self) -> [&'static str; 3] {
        match self {
            Self::Pod => ["po", "pod", "pods"],
            Self::Deployment => ["deploy", "deployment", "deployments"],
            Self::StatefulSet => ["sts", "statefulset", "statefulsets"],
            Self::DaemonSet => ["ds", "daemonset", "daemonsets"],
            Self::ReplicaSet => ["rs", "replicaset", "replicasets"],
            Self::Job => ["job", "job", "jobs"],
            Self::Service => ["svc", "service", "services"],
        }
    }

    /// As it is written before a slash.
    pub(crate) fn short(self) -> &'static str {
        match self {
            Self::Pod => "pod",
            other => other.names()[0],
        }
    }

    /// `deploy`, `Deployments`, `deployment.apps`, `deployments.v1.apps`.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        let word = word.to_ascii_lowercase();
        let word = word.split_once('.').map_or(word.as_str(), |(kind, _group)| kind);
        Self::ALL.into_iter().find(|kind| kind.names().contains(&word))
    }
}

/// A kind and a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) kind: Kind,
    pub(crate) name: String,
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.kind.short(), self.name)
    }
}

impl Wanted {
    /// What the words name. Empty if they name nothing.
    ///
    /// # Errors
    /// Words that cannot be names, and how to write them instead.
    pub(crate) fn references(&self) -> Result<Vec<Reference>, Usage> {
        let words: Vec<&str> = self.names.iter().map(|word| word.as_str()).collect();
        let (kind, words) = match words.as_slice() {
            // `pod`, then `pod deploy NAME`: the inner word says more.
            [first, rest @ ..] if !rest.is_empty() => match Kind::parse(first) {
                Some(kind) => (Some(kind), rest),
                None => (None, words.as_slice()),
            },
            _ => (None, words.as_slice()),
        };
        words.iter().map(|word| reference(kind, word)).collect()
    }

    /// What is wanted, in messages: `deploy/catalog`, `-l app=catalog`.
    pub(crate) fn what(&self) -> String {
        if let Some(selector) = &self.selector {
            return format!("-l {selector}");
        }
        let all = self.references().unwrap_or_default();
        all.iter().map(Reference::to_string).collect::<Vec<_>>().join(", ")
    }

    /// Where pods are selected.
    pub(super) fn api(&self, cluster: &Cluster) -> Api<Pod> {
        if self.all_namespaces { cluster.everywhere() } else { cluster.here() }
    }

    /// Whether pods that appear later belong to it: they do to a workload or a selector.
    pub(crate) fn grows(&self) -> bool {
        self.selector.is_some()
            || self.references().is_ok_and(|all| all.iter().any(|one| one.kind != Kind::Pod))
    }
}

fn reference(kind: Option<Kind>, word: &str) -> Result<Reference, Usage> {
    let Some((before, name)) = word.split_once('/') else {
        return Ok(Reference { kind: kind.unwrap_or(Kind::Pod), name: word.into() });
    };
    if let Some(kind) = Kind::parse(before) {
        if name.is_empty() || name.contains('/') {
            return Err(Usage(format!("{word:?} is no name: write {}/NAME", kind.short())));
        }
        return Ok(Reference { kind, name: name.into() });
    }
    let kinds = Kind::ALL.map(Kind::short).join(", ");
    Err(Usage(format!(
        "{before:?} is no kind that has pods ({kinds}); \
         for the pod {name} of namespace {before}: kubectl meshsniff pod {name} -n {before}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Vec<String> {
        let names = words.iter().map(|&word| word.into()).collect();
        let wanted = Wanted { names, ..Default::default() };
        wanted.references().unwrap().iter().map(Reference::to_string).collect()
    }

    #[test]
    fn every_spelling_of_a_pod_and_of_a_workload() {
        assert_eq!(read(&["a"]), ["pod/a"]);
        assert_eq!(read(&["pod", "a"]), ["pod/a"]);
        assert_eq!(read(&["pods/a"]), ["pod/a"]);
        assert_eq!(read(&["deploy/a", "svc/b"]), ["deploy/a", "svc/b"]);
        assert_eq!(read(&["deployment.apps", "a", "b"]), ["deploy/a", "deploy/b"]);
        assert_eq!(read(&["StatefulSets", "a"]), ["sts/a"]);
        assert_eq!(read(&["a", "b"]), ["pod/a", "pod/b"]);
    }

    #[test]
    fn a_pod_may_be_called_like_a_kind() {
        assert_eq!(read(&["deploy"]), ["pod/deploy"]);
    }

    #[test]
    fn a_namespace_before_the_slash_is_understood() {
        let wanted = Wanted { names: vec!["shop/catalog".into()], ..Default::default() };
        let error = wanted.references().unwrap_err().to_string();
        assert!(error.ends_with("kubectl meshsniff pod catalog -n shop"), "{error}");
    }

    #[test]
    fn only_workloads_and_selectors_grow() {
        let names = |word: &str| Wanted { names: vec![word.into()], ..Default::default() };
        assert!(!names("a").grows());
        assert!(names("ds/a").grows());
        assert!(Wanted { selector: Some("app=a".into()), ..Default::default() }.grows());
    }
}
