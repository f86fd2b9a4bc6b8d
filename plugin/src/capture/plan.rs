//! Which agents a capture needs: one a node.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::time::Duration;

use anyhow::Result;

use super::manifest::{Plan, RUN};
use crate::args::Capture;
use crate::cluster::Target;

/// Memory of the kernel for packets not yet read, all targets of a node together, in MiB.
const RING: usize = 64;
/// The least that one target gets of it.
const LEAST_RING: usize = 4;

/// One agent for the targets of each node; `gone` is how much of the capture is over.
pub(super) fn plans(args: &Capture, targets: &[Target], gone: Duration) -> Result<Vec<Plan>> {
    let mut nodes: BTreeMap<(&str, &str), Vec<&Target>> = BTreeMap::new();
    for target in targets {
        let namespace = args.agent.agent_namespace.as_deref().unwrap_or(&target.namespace);
        nodes.entry((&target.node, namespace)).or_default().push(target);
    }
    let (id, by) = (random()?, by());
    let plan = |(place, ((node, namespace), targets)): (usize, ((&str, &str), Vec<&Target>))| {
        let first = targets[0];
        // Secrets are only of use in their own namespace.
        let own = namespace == first.namespace && args.agent.agent_image.is_none();
        Plan {
            name: format!("meshsniff-{id}-{place}"),
            namespace: namespace.to_owned(),
            node: node.to_owned(),
            image: args.agent.agent_image.clone().unwrap_or_else(|| first.image.clone()),
            pull_secrets: if own { first.pull_secrets.clone() } else { Vec::new() },
            targets: targets.iter().copied().cloned().collect(),
            names: targets.iter().map(|target| interface(args, target)).collect(),
            arguments: arguments(args, &targets, gone),
            least_privilege: args.agent.least_privilege,
            cpu: args.agent.agent_cpu.clone(),
            memory: args.agent.agent_memory.clone(),
            by: by.clone(),
        }
    };
    Ok(nodes.into_iter().enumerate().map(plan).collect())
}

/// What the target's interface is called in captures and lines.
fn interface(args: &Capture, target: &Target) -> String {
    format!("{}:{}", target.full_name(), args.pods.interface)
}

/// `serve` and its options.
fn arguments(args: &Capture, targets: &[&Target], gone: Duration) -> Vec<String> {
    let mut line: Vec<String> = vec!["serve".into(), "--dir".into(), RUN.into()];
    let mut option = |name: &str, value: String| line.extend([format!("--{name}"), value]);
    for target in targets {
        let ids: Vec<_> =
            target.container_ids.iter().chain([&target.cgroup_uid]).cloned().collect();
        option("target", format!("{}={}", target.full_name(), ids.join(",")));
    }
    option("send", if args.packets() { "packets" } else { "exchanges" }.into());
    option("interface", args.pods.interface.clone());
    option("buffer", (RING / targets.len().max(1)).max(LEAST_RING).to_string());
    option("slow", format!("{}ms", args.report.slow_after.as_millis()));
    if let Some(filter) = &args.pods.filter {
        option("filter", filter.clone());
    }
    if let Some(snaplen) = args.snaplen {
        option("snaplen", snaplen.to_string());
    }
    if let Some(duration) = args.duration {
        let left = duration.saturating_sub(gone).max(Duration::from_millis(1));
        option("duration", format!("{}ms", left.as_millis()));
    }
    if let Some(count) = args.count {
        option("count", count.to_string());
    }
    if let Some(bytes) = args.max_bytes {
        option("max-bytes", bytes.to_string());
    }
    line
}

/// Who begins the capture, for those who find its Job.
fn by() -> String {
    let user = std::env::var("USER").unwrap_or_else(|_| "unknown".into());
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{user}@{}", host.trim_end())
}

/// Eight hexadecimal digits that nobody else has.
fn random() -> Result<String> {
    let mut bytes = [0; 4];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
