//! Would the agent be admitted? A dry run on the server: Pod Security, quotas, limits, webhooks and
//! policies all say what they would say, and nothing is created.

use clap::Parser as _;

use super::Line;
use crate::args::{Args, Check, Command};
use crate::capture;
use crate::cluster::{Cluster, Target};

/// Asks for the agents that a capture of `targets` would have; of any pod, if there are none.
pub(super) async fn check(
    cluster: &Cluster,
    args: &Check,
    namespace: &str,
    targets: &[Target],
) -> Line {
    let how = if args.least_privilege { "with few rights" } else { "privileged" };
    let what = format!("the agent, {how}, in namespace {namespace}");
    let any = [Target {
        namespace: namespace.into(),
        name: "any".into(),
        image: "any".into(),
        ..Default::default()
    }];
    let targets = if targets.is_empty() { &any } else { targets };
    let mut line = vec!["kubectl-meshsniff", "pod", "--agent-namespace", namespace];
    line.extend(args.least_privilege.then_some("--least-privilege"));
    let Command::Pod(pod) = Args::parse_from(line).command else {
        return Line::Note(format!("{what}: not tried"));
    };
    match capture::admitted(cluster, &pod, targets).await {
        Ok(()) => Line::Ok(format!("{what} is admitted")),
        Err(why) => Line::Fail(format!("{what} is not admitted"), format!("{why:#}")),
    }
}

/// For those who may not even ask.
pub(super) fn not_asked(namespace: &str) -> Line {
    Line::Note(format!(
        "whether namespace {namespace} admits the agent cannot be tried without create pods"
    ))
}
