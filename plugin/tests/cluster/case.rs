//! What most tests begin with: a pod with traffic in a namespace of its own, and a user who may
//! capture there.

use std::ops::Deref;
use std::time::Duration;

use crate::cluster::{self, Cluster, Held, Namespace};
use crate::plugin::{Running, Said};
use crate::user::User;

/// As in `cluster`, for tests that capture: the plugin needs its agent, which `make` gives it.
pub(crate) fn shared() -> Option<Held<'static>> {
    cluster::or_skip(agent()).and_then(|()| cluster::shared())
}

/// The same on this machine: its processes can be seen.
pub(crate) fn local() -> Option<Held<'static>> {
    cluster::or_skip(agent()).and_then(|()| cluster::local())
}

/// The same alone.
pub(crate) fn alone() -> Option<Held<'static>> {
    cluster::or_skip(agent()).and_then(|()| cluster::alone())
}

fn agent() -> Result<(), String> {
    let agent = option_env!("MESHSNIFF_AGENT").filter(|folder| !folder.is_empty());
    agent.map(|_| ()).ok_or_else(|| {
        "the plugin was built without its agent; `make test` builds it with one".into()
    })
}

pub(crate) struct Case<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) namespace: Namespace<'a>,
    pub(crate) user: User,
}

impl Deref for Case<'_> {
    type Target = Cluster;
    fn deref(&self) -> &Cluster {
        self.cluster
    }
}

impl<'a> Case<'a> {
    /// With the pod `busy`.
    #[track_caller]
    pub(crate) fn new(cluster: &'a Cluster, begin: &str) -> Self {
        Self::on(cluster, begin, None)
    }

    #[track_caller]
    pub(crate) fn on(cluster: &'a Cluster, begin: &str, node: Option<&str>) -> Self {
        let case = Self::empty(cluster, begin);
        case.namespace.busy_pod("busy", node);
        case
    }

    /// Without a pod.
    #[track_caller]
    pub(crate) fn empty(cluster: &'a Cluster, begin: &str) -> Self {
        let namespace = cluster.namespace(begin);
        let user = cluster.restricted_user(&namespace.name);
        Self { cluster, namespace, user }
    }

    /// Captures `busy`; returns when lines have come.
    #[track_caller]
    pub(crate) fn capture(&self, args: &[&str]) -> Running {
        let mut running = self.start_busy(args);
        running.lines(5);
        running
    }

    #[track_caller]
    pub(crate) fn start_busy(&self, args: &[&str]) -> Running {
        let args: Vec<&str> = ["pod", "busy"].iter().chain(args).copied().collect();
        self.cluster.start(&self.user, &args)
    }

    /// Runs the plugin as the user until it ends, which it does soon.
    #[track_caller]
    pub(crate) fn run(&self, args: &[&str]) -> Said {
        self.cluster.start(&self.user, args).end(Duration::from_secs(60))
    }

    /// Asserts that it ends with this code and these words, and leaves nothing.
    #[track_caller]
    pub(crate) fn refused(&self, args: &[&str], code: i32, words: &[&str]) {
        let said = self.run(args);
        self.told(&said, code, words);
    }

    #[track_caller]
    pub(crate) fn told(&self, said: &Said, code: i32, words: &[&str]) {
        assert_eq!(said.code, Some(code), "{}", said.err);
        for words in words {
            assert!(said.err.contains(words), "{words:?} is not in: {}", said.err);
        }
        self.clean();
    }

    #[track_caller]
    pub(crate) fn clean(&self) {
        self.cluster.nothing_is_left(&self.namespace.name);
    }

    /// kubectl in the namespace.
    #[track_caller]
    pub(crate) fn here(&self, args: &[&str]) -> String {
        let args: Vec<&str> =
            ["-n", &self.namespace.name].into_iter().chain(args.iter().copied()).collect();
        self.cluster.kubectl(&args)
    }
}
