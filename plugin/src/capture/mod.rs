//! `pod`: an agent beside the pods, their packets or exchanges here.
//!
//! ```text
//! targets ─► plan ─► deploy ─► relay ─► packets: one capture, analysed here
//!                                   └─► exchanges: analysed there, told here
//! ```
//!
//! Whatever happens, what was created is removed: by us on every way out, by the agent that leaves
//! when nobody listens, by the Job's own deadline.

mod compare;
mod deploy;
mod exchanges;
mod filter;
mod fleet;
mod limit;
mod logs;
mod manifest;
mod packets;
mod parcel;
mod plan;
mod received;
mod relay;
mod tally;
mod wireshark;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

use crate::access_log;
use crate::analyze::{self, Aides};
use crate::args::Capture;
use crate::cluster::{self, Cluster, Target};
use crate::exit::{Exit, is_broken_pipe};
use crate::metrics::Exporter;
use crate::slow;
use crate::talk::{self, Ready, say};
use crate::timeouts;
use compare::Comparison;
use deploy::Deployed;
use fleet::Fleet;
use limit::Limit;
use manifest::Plan;
pub(crate) use manifest::{BY, LABEL};
pub(crate) use parcel::ARCHITECTURE;
use parcel::Parcel;
use relay::Message;
use tally::Tally;

/// After the end was asked for the API server gets this long for what it was asked before.
const GRACE: Duration = Duration::from_secs(5);
/// Messages under way between the network and the analysis. Each is a megabyte at most.
const UNDER_WAY: usize = 32;

/// Captures pods and tells what is wrong with their exchanges.
pub(crate) fn run(args: Capture) -> Result<Exit> {
    capture(args, None)
}

/// Captures pods and tells which of them is slow; with `event`, also on the cluster.
pub(crate) fn compare(args: Capture, watch: slow::Shared, event: bool) -> Result<Exit> {
    capture(args, Some(Comparison::new(watch, event)))
}

fn capture(mut args: Capture, comparison: Option<Comparison>) -> Result<Exit> {
    analyze::check_report(&args.report)?;
    analyze::check_live(&args.report)?;
    args.metrics.check(&args.report)?;
    if let Some(file) = &args.report.write {
        analyze::check_writable(file)?;
    }
    let exporter = Exporter::open(&args.metrics)?;
    let begun = Instant::now();
    let runtime = Runtime::new().context("cannot start")?;
    let parcel = Parcel::open()?;
    talk::set_verbose(args.verbose);
    let wireshark = if args.wireshark { Some(wireshark::find()?) } else { None };
    if let Some(given) = &args.pods.filter {
        args.pods.filter = Some(filter::resolve(&parcel, &args.pods.interface, given)?);
    }
    let ready = Arc::new(Ready::new(begun));
    ready.doing("looking for the pods");
    let found = runtime.block_on(async {
        let cluster = cluster::connect(&args.connection).await?;
        let targets = cluster::resolve(&cluster, &args.wanted()).await?;
        let callers = access_log::resolve(&cluster, &args.logs.access_log_of).await?;
        anyhow::Ok((cluster, targets, callers))
    });
    let (cluster, targets, callers) = found.inspect_err(|_| ready.clear())?;
    let plans = plan::plans(&args, &targets, Duration::ZERO)?;
    if args.dry_run {
        ready.clear();
        return print(&plans, &parcel);
    }
    let (stop, stopped) = watch::channel(false);
    heed_signals(&runtime, stop.clone())?;
    if let Some(comparison) = &comparison {
        comparison.begin(&targets, stop.clone());
    }
    let limit = Limit::new(args.count, args.max_bytes, stop);
    let args = Arc::new(args);
    let fleet = Fleet {
        args: Arc::clone(&args),
        cluster,
        parcel,
        stop: stopped,
        ready: Arc::clone(&ready),
        watch: comparison.as_ref().map(Comparison::shared),
        deployed: Arc::default(),
    };
    let aides = Aides {
        slow: comparison.as_ref().map(Comparison::shared),
        search: Some(timeouts::search(runtime.handle(), &fleet.cluster, targets.clone())),
        metrics: exporter.as_ref().map(Exporter::recorder),
        join: args.logs.wanted().then(|| logs::join(&runtime, &fleet, callers)),
    };
    let to = To { wireshark: wireshark.as_deref(), exporter: exporter.as_ref(), aides };
    let ended = observe(&runtime, &fleet, plans, &targets, limit, to);
    ready.clear();
    runtime.block_on(fleet.remove());
    let ended = match (&comparison, ended) {
        (Some(comparison), Ok(exit)) => {
            comparison.end(&args, &runtime, &fleet.cluster, &targets, exit)
        }
        (_, ended) => ended,
    };
    // Tasks that still wait for a broken connection are not waited for.
    runtime.shutdown_background();
    let exported = exporter.map_or(Ok(()), Exporter::finish);
    ended.and_then(|exit| exported.map(|()| exit))
}

/// Whether this plugin has the agent in it, and how to build one that has.
pub(crate) fn carried() -> Result<()> {
    Parcel::open().map(drop)
}

/// Whether admission would let the agents in that `targets` need. Nothing is created.
///
/// # Errors
/// The first refusal, and what to do.
pub(crate) async fn admitted(cluster: &Cluster, args: &Capture, targets: &[Target]) -> Result<()> {
    for plan in plan::plans(args, targets, Duration::ZERO)? {
        deploy::admitted(cluster, &plan).await?;
    }
    Ok(())
}

/// Who takes what was captured.
struct To<'a> {
    wireshark: Option<&'a Path>,
    exporter: Option<&'a Exporter>,
    aides: Aides,
}

/// Everything between the agents' start and their removal.
fn observe(
    runtime: &Runtime,
    fleet: &Fleet,
    plans: Vec<Plan>,
    targets: &[Target],
    limit: Limit,
    to: To<'_>,
) -> Result<Exit> {
    let args: &Capture = &fleet.args;
    fleet.ready.doing("starting the agents");
    fleet.ready.wait_for(plans.len());
    let begun = Instant::now();
    let agents = runtime.block_on(brought(fleet, plans))?;
    for target in targets {
        say(&about(args, target));
    }
    let (sender, from) = mpsc::channel(UNDER_WAY);
    runtime.spawn(fleet.clone().listen(agents, sender, begun));
    let (tally, findings) = match args.packets() {
        true => with_packets(args, from, limit, to)?,
        false => exchanges::tell(from, analyze::judge(&args.report, to.aides)?, limit)?,
    };
    Ok(finish(args, &tally, findings))
}

/// Starts the agents. Whoever wants to end does not wait long for an API server that hangs.
async fn brought(fleet: &Fleet, plans: Vec<Plan>) -> Result<Vec<Deployed>> {
    let impatient = async {
        stopped(&fleet.stop).await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        agents = fleet.bring(plans) => agents,
        () = impatient => anyhow::bail!("the API server does not answer; nothing was captured"),
    }
}

/// Packets come here: the same analysis as of a capture on stdin.
fn with_packets(
    args: &Capture,
    from: mpsc::Receiver<Message>,
    limit: Limit,
    to: To<'_>,
) -> Result<(Tally, bool)> {
    let To { wireshark, exporter, aides } = to;
    let child = wireshark.map(wireshark::start).transpose()?;
    let to = child.and_then(|child| child.stdin);
    let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    // A larger pipe means fewer turns between writer and reader. If it may not be: no harm.
    let _ = rustix::pipe::fcntl_setpipe_size(&write, 1 << 20);
    let merging = std::thread::Builder::new()
        .name("merge".into())
        .spawn(move || packets::merge(from, File::from(write), limit))?;
    let outcome = analyze::fed(&args.report, File::from(read), to, aides);
    let merged = merging.join().map_err(|_| anyhow::anyhow!("the merging of packets failed"))?;
    let outcome = outcome?;
    // Whoever reads the packets may leave first: then the pipe breaks, and that is no failure here.
    let mut tally = match merged {
        Err(error) if is_broken_pipe(&error) => Tally { captured: true, ..Tally::default() },
        merged => merged?,
    };
    if tally.captured {
        tally.cut.extend(outcome.failure);
    }
    if let Some(exporter) = exporter {
        exporter.lost_packets(tally.lost);
    }
    Ok((tally, outcome.findings))
}

/// The exit code, and on stderr what was cut short or lost.
fn finish(args: &Capture, tally: &Tally, findings: bool) -> Exit {
    if tally.lost > 0 {
        let what = if args.packets() { "packets" } else { "exchanges" };
        say(&format!(
            "{} {what} were lost on the way, because nobody took them in time: the figures lack them",
            tally.lost
        ));
    }
    if !tally.captured {
        for why in &tally.cut {
            say(&format!("error: {why}"));
        }
        if tally.cut.is_empty() {
            say("error: nothing was captured");
        }
        return Exit::Error;
    }
    for why in &tally.cut {
        say(&format!("error: cut short: {why}"));
    }
    for name in &tally.refused {
        say(&format!("error: {name} was not captured"));
    }
    match (tally.cut.is_empty() && tally.refused.is_empty(), findings && args.report.exit_code) {
        (false, _) => Exit::Error,
        (true, true) => Exit::Findings,
        (true, false) => Exit::Done,
    }
}

/// The first Ctrl-C, TERM or HUP ends the capture in order; the second one at once. They are heeded
/// when this returns: nothing has been made yet.
fn heed_signals(runtime: &Runtime, stop: watch::Sender<bool>) -> Result<()> {
    let _within = runtime.enter();
    let mut int = signal(SignalKind::interrupt())?;
    let mut term = signal(SignalKind::terminate())?;
    let mut hup = signal(SignalKind::hangup())?;
    runtime.spawn(async move {
        for count in 1.. {
            tokio::select! {
                _ = int.recv() => {}
                _ = term.recv() => {}
                _ = hup.recv() => {}
            }
            stop.send_replace(true);
            if count > 1 {
                say("ended at once: the agents leave by themselves within 30 s");
                std::process::exit(130);
            }
        }
    });
    Ok(())
}

/// Comes when the capture is to end.
async fn stopped(stop: &watch::Receiver<bool>) {
    if stop.clone().wait_for(|stop| *stop).await.is_err() {
        // Nobody is left who could ask for it.
        std::future::pending::<()>().await;
    }
}

/// What is captured, for people.
fn about(args: &Capture, target: &Target) -> String {
    let mesh = target.mesh.as_ref().map_or("no mesh".into(), ToString::to_string);
    let ports: Vec<_> = target.ports.iter().map(|port| format!(":{port}")).collect();
    let application = match ports.as_slice() {
        [] => String::new(),
        ports => format!(", application on {}", ports.join(" ")),
    };
    let (pod, node) = (target.full_name(), &target.node);
    format!("{} of {pod} on {node}: {mesh}{application}", args.pods.interface)
}

/// The manifests, instead of creating anything.
fn print(plans: &[Plan], parcel: &Parcel) -> Result<Exit> {
    let mut out = std::io::stdout().lock();
    for plan in plans {
        writeln!(out, "{}", serde_json::to_string_pretty(&plan.job())?)?;
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
