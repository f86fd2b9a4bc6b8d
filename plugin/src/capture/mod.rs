//! `pod`: an agent beside the pods, their packets or exchanges here.
//!
//! ```text
//! targets ─► admission ─► Job and ConfigMaps ─► exec ─► packets: one capture, analysed here
//!                                                   └─► exchanges: analysed there, told here
//! ```
//!
//! Whatever happens, what was created is removed: by us on every way out, by the agent that leaves
//! when nobody listens, by the Job's own deadline.

mod deploy;
mod exchanges;
mod manifest;
mod packets;
mod parcel;
mod relay;
mod tally;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use anyhow::{Context as _, Result};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

use crate::analyze::{self, Judge};
use crate::args::Capture;
use crate::cluster::{self, Cluster, Target};
use crate::exit::{Exit, Usage, is_broken_pipe};
use deploy::Deployed;
use manifest::Plan;
use parcel::Parcel;
use relay::{Message, Relay};
use tally::Tally;

pub(crate) use manifest::{BY, LABEL};

/// Messages under way between the network and the analysis. Each is a megabyte at most.
const UNDER_WAY: usize = 32;
/// Memory of the kernel for packets not yet read, all targets of a node together, in MiB.
const RING: usize = 64;

/// Captures pods and tells what is wrong with their exchanges.
pub(crate) fn run(args: &Capture) -> Result<Exit> {
    analyze::check_report(&args.report)?;
    let begun = Instant::now();
    let runtime = Runtime::new().context("cannot start")?;
    let parcel = Parcel::open()?;
    let (cluster, targets) = runtime.block_on(async {
        let cluster = cluster::connect(&args.connection).await?;
        let targets = cluster::resolve(&cluster, &args.wanted()).await?;
        anyhow::Ok((cluster, targets))
    })?;
    let plans = plans(args, &targets)?;
    if args.dry_run {
        return print(&plans, &parcel);
    }
    let (stop, stopped) = watch::channel(false);
    runtime.spawn(heed_signals(stop));
    let deployed = runtime.block_on(bring(&cluster, plans, &parcel, stopped.clone()))?;
    let ended = observe(args, &runtime, &cluster, &deployed, &targets, &parcel, stopped, begun);
    runtime.block_on(remove(&deployed));
    // Tasks that still wait for a broken connection are not waited for.
    runtime.shutdown_background();
    ended
}

/// Everything between the agents' start and their removal.
#[expect(clippy::too_many_arguments, reason = "the whole session, once")]
fn observe(
    args: &Capture,
    runtime: &Runtime,
    cluster: &Cluster,
    deployed: &[Deployed],
    targets: &[Target],
    parcel: &Parcel,
    stopped: watch::Receiver<bool>,
    begun: Instant,
) -> Result<Exit> {
    let (to, from) = mpsc::channel(UNDER_WAY);
    let received: Vec<_> = deployed.iter().map(|_| Arc::new(AtomicU64::new(0))).collect();
    for (agent, deployed) in deployed.iter().enumerate() {
        let deployed = deployed.clone();
        let keeper = deployed.clone();
        runtime.spawn(async move { keeper.keep().await });
        let (cluster, to, stop) = (cluster.clone(), to.clone(), stopped.clone());
        let (sha256, received) = (parcel.sha256(), Arc::clone(&received[agent]));
        runtime.spawn(async move {
            match deployed.running().await {
                Ok(pod) => {
                    let relay = Relay { agent, deployed, cluster, pod, sha256, to, received, stop };
                    relay.run().await;
                }
                Err(error) => {
                    let cut = Some(format!("{error:#}"));
                    let _ = to.send(Message::Ended { agent, cut }).await;
                }
            }
        });
    }
    drop(to);
    if args.report.output == crate::args::Format::Text {
        for target in targets {
            say(&about(args, target, begun));
        }
    }
    let (tally, findings) = match args.report.write {
        Some(_) => with_packets(args, from, &received)?,
        None => {
            let firsts = firsts(deployed, targets);
            let judge = judge(args, deployed, targets)?;
            exchanges::tell(from, &received, &firsts, judge)?
        }
    };
    Ok(finish(args, &tally, findings))
}

/// Packets come here: the same analysis as of a capture on stdin.
fn with_packets(
    args: &Capture,
    from: mpsc::Receiver<Message>,
    received: &[Arc<AtomicU64>],
) -> Result<(Tally, bool)> {
    let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    let _ = rustix::pipe::fcntl_setpipe_size(&write, 1 << 20);
    let received = received.to_vec();
    let merging = std::thread::Builder::new()
        .name("merge".into())
        .spawn(move || packets::merge(from, &received, into_file(write)))?;
    let outcome = analyze::fed(&args.report, into_file(read));
    let merged = merging.join().map_err(|_| anyhow::anyhow!("the merging of packets failed"))?;
    let outcome = outcome?;
    // Whoever reads the packets may leave first: then the pipe breaks, and that is no failure here.
    let mut tally = match merged {
        Err(error) if is_broken_pipe(&error) => Tally::new(0),
        merged => merged?,
    };
    tally.cut.extend(outcome.failure);
    Ok((tally, outcome.findings))
}

fn into_file(fd: OwnedFd) -> File {
    File::from(fd)
}

/// The exit code, and on stderr what was cut short or lost.
fn finish(args: &Capture, tally: &Tally, findings: bool) -> Exit {
    if tally.lost > 0 {
        say(&format!(
            "{} of the stream were lost while it was broken: the figures lack them",
            match args.report.write {
                Some(_) => format!("{} packets", tally.lost),
                None => format!("{} exchanges", tally.lost),
            }
        ));
    }
    for why in &tally.cut {
        say(&format!("error: cut short: {why}"));
    }
    match (tally.cut.is_empty(), findings && args.report.exit_code) {
        (false, _) => Exit::Error,
        (true, true) => Exit::Findings,
        (true, false) => Exit::Done,
    }
}

/// Where the numbers of each agent's targets begin.
fn firsts(deployed: &[Deployed], targets: &[Target]) -> Vec<u32> {
    let mut first = 0;
    let on = |node: &str| targets.iter().filter(|target| target.node == node).count() as u32;
    let mut firsts = Vec::new();
    for agent in deployed {
        firsts.push(first);
        first += on(&agent.plan.node);
    }
    firsts
}

fn judge(args: &Capture, deployed: &[Deployed], targets: &[Target]) -> Result<Judge> {
    let mut judge = analyze::judge(&args.report)?;
    let nodes = deployed.iter().map(|agent| agent.plan.node.as_str());
    let in_order = nodes.flat_map(|node| targets.iter().filter(move |target| target.node == node));
    for (number, target) in in_order.enumerate() {
        judge.describe(number as u32, &format!("{}:{}", target.full_name(), args.interface));
    }
    Ok(judge)
}

/// One agent a node.
fn plans(args: &Capture, targets: &[Target]) -> Result<Vec<Plan>> {
    let mut nodes: BTreeMap<&str, Vec<&Target>> = BTreeMap::new();
    for target in targets {
        nodes.entry(&target.node).or_default().push(target);
    }
    let id = random()?;
    let by = format!(
        "{}@{}",
        std::env::var("USER").unwrap_or_else(|_| "unknown".into()),
        std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim_end()
    );
    let plan = |(place, (node, targets)): (usize, (&str, Vec<&Target>))| {
        let first = targets[0];
        let namespace = args.agent_namespace.clone();
        let namespace = namespace.unwrap_or_else(|| first.namespace.clone());
        // Secrets are only of use in their own namespace.
        let secrets = if namespace == first.namespace { first.pull_secrets.clone() } else { Vec::new() };
        Plan {
            name: format!("meshsniff-{id}-{place}"),
            namespace,
            node: node.to_owned(),
            image: args.agent_image.clone().unwrap_or_else(|| first.image.clone()),
            pull_secrets: secrets,
            arguments: arguments(args, &targets),
            least_privilege: args.least_privilege,
            cpu: args.agent_cpu.clone(),
            memory: args.agent_memory.clone(),
            by: by.clone(),
        }
    };
    Ok(nodes.into_iter().enumerate().map(plan).collect())
}

/// `serve` and its options.
fn arguments(args: &Capture, targets: &[&Target]) -> Vec<String> {
    let mut line: Vec<String> = vec!["serve".into(), "--dir".into(), manifest::RUN.into()];
    let mut option = |name: &str, value: String| line.extend([format!("--{name}"), value]);
    for target in targets {
        let ids = target.container_ids.iter().chain([&target.cgroup_uid]).cloned();
        let ids: Vec<String> = ids.collect();
        option("target", format!("{}={}", target.full_name(), ids.join(",")));
    }
    let send = if args.report.write.is_some() { "packets" } else { "exchanges" };
    option("send", send.into());
    option("interface", args.interface.clone());
    option("buffer", (RING / targets.len()).max(4).to_string());
    option("slow", format!("{}ms", args.report.slow.as_millis()));
    if let Some(filter) = &args.filter {
        option("filter", filter.clone());
    }
    if let Some(snaplen) = args.snaplen {
        option("snaplen", snaplen.to_string());
    }
    if let Some(duration) = args.duration {
        option("duration", format!("{}ms", duration.as_millis()));
    }
    if let Some(count) = args.count {
        option("count", count.to_string());
    }
    if let Some(bytes) = args.max_bytes {
        option("max-bytes", bytes.to_string());
    }
    line
}

/// Asks admission about all, then makes all; what was made is removed if one fails.
async fn bring(
    cluster: &Cluster,
    plans: Vec<Plan>,
    parcel: &Parcel,
    mut stopped: watch::Receiver<bool>,
) -> Result<Vec<Deployed>> {
    for plan in &plans {
        deploy::admitted(cluster, plan).await?;
    }
    let mut deployed = Vec::new();
    for plan in plans {
        if *stopped.borrow_and_update() {
            remove(&deployed).await;
            return Err(Usage("ended before the capture began".into()).into());
        }
        match deploy::deploy(cluster, plan, parcel).await {
            Ok(agent) => deployed.push(agent),
            Err(error) => {
                remove(&deployed).await;
                return Err(error);
            }
        }
    }
    Ok(deployed)
}

async fn remove(deployed: &[Deployed]) {
    let mut removing = tokio::task::JoinSet::new();
    for agent in deployed {
        let agent = agent.clone();
        removing.spawn(async move { agent.remove().await });
    }
    removing.join_all().await;
}

/// The first Ctrl-C, TERM or HUP ends the capture in order; the second one at once.
async fn heed_signals(stop: watch::Sender<bool>) {
    let (Ok(mut int), Ok(mut term), Ok(mut hup)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
        signal(SignalKind::hangup()),
    ) else {
        return;
    };
    loop {
        tokio::select! {
            _ = int.recv() => {}
            _ = term.recv() => {}
            _ = hup.recv() => {}
        }
        if stop.send_replace(true) {
            say("ended at once: the agents leave by themselves within 30 s");
            std::process::exit(130);
        }
    }
}

/// What is captured, for people.
fn about(args: &Capture, target: &Target, begun: Instant) -> String {
    let _ = begun;
    format!(
        "{} of {} on {}: {}; Ctrl-C ends and cleans up.",
        args.interface,
        target.full_name(),
        target.node,
        target.mesh.as_ref().map_or("no mesh seen".into(), |mesh| mesh.to_string()),
    )
}

/// The manifests, instead of creating anything.
fn print(plans: &[Plan], parcel: &Parcel) -> Result<Exit> {
    let mut out = std::io::stdout().lock();
    for plan in plans {
        let job = serde_json::to_string_pretty(&plan.job())?;
        writeln!(out, "{job}")?;
        for mut map in plan.config_maps(parcel, "the-uid-of-the-job") {
            for bytes in map.binary_data.iter_mut().flat_map(BTreeMap::values_mut) {
                // What it holds helps nobody who reads it.
                bytes.0.truncate(48);
            }
            writeln!(out, "{}", serde_json::to_string_pretty(&map)?)?;
        }
    }
    Ok(Exit::Done)
}

/// Eight hexadecimal digits that nobody else has.
fn random() -> Result<String> {
    use std::io::Read as _;

    let mut bytes = [0; 4];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A line for people. If stderr is gone, nobody is there to miss it.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
