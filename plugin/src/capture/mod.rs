//! `pod`: an agent beside the pods, their packets or exchanges here.
//!
//! ```text
//! targets ─► plan ─► deploy ─► relay ─► packets: one capture, analysed here
//!                                   └─► exchanges: analysed there, told here
//! ```
//!
//! Whatever happens, what was created is removed: by us on every way out, by the agent that leaves
//! when nobody listens, by the Job's own deadline.

mod deploy;
mod exchanges;
mod filter;
mod fleet;
mod manifest;
mod packets;
mod parcel;
mod plan;
mod relay;
mod talk;
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

use crate::analyze;
use crate::args::Capture;
use crate::cluster::{self, Cluster, Target};
use crate::exit::{Exit, is_broken_pipe};
use fleet::Fleet;
use manifest::Plan;
pub(crate) use manifest::{BY, LABEL};
pub(crate) use parcel::ARCHITECTURE;
use parcel::Parcel;
use relay::Message;
use talk::{Ready, say};
use tally::Tally;

/// Messages under way between the network and the analysis. Each is a megabyte at most.
const UNDER_WAY: usize = 32;

/// Captures pods and tells what is wrong with their exchanges.
pub(crate) fn run(mut args: Capture) -> Result<Exit> {
    analyze::check_report(&args.report)?;
    let begun = Instant::now();
    let runtime = Runtime::new().context("cannot start")?;
    let parcel = Parcel::open()?;
    talk::set_verbose(args.verbose);
    let wireshark = if args.wireshark { Some(wireshark::find()?) } else { None };
    if let Some(given) = &args.filter {
        let resolved = filter::resolve(given)?;
        filter::check(&parcel, &args.interface, &resolved)?;
        args.filter = Some(resolved);
    }
    let ready = Arc::new(Ready::new(begun));
    ready.doing("looking for the pods");
    let found = runtime.block_on(async {
        let cluster = cluster::connect(&args.connection).await?;
        let targets = cluster::resolve(&cluster, &args.wanted()).await?;
        anyhow::Ok((cluster, targets))
    });
    let (cluster, targets) = found.inspect_err(|_| ready.clear())?;
    let plans = plan::plans(&args, &targets, Duration::ZERO)?;
    if args.dry_run {
        return print(&plans, &parcel);
    }
    let (stop, stopped) = watch::channel(false);
    runtime.spawn(heed_signals(stop));
    let fleet = Fleet {
        cluster,
        parcel,
        stop: stopped,
        ready: Arc::clone(&ready),
        deployed: Arc::default(),
    };
    let args = Arc::new(args);
    let ended = observe(&args, &runtime, &fleet, plans, targets, wireshark.as_deref());
    ready.clear();
    runtime.block_on(fleet.remove());
    // Tasks that still wait for a broken connection are not waited for.
    runtime.shutdown_background();
    ended
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

/// Everything between the agents' start and their removal.
fn observe(
    args: &Arc<Capture>,
    runtime: &Runtime,
    fleet: &Fleet,
    plans: Vec<Plan>,
    targets: Vec<Target>,
    wireshark: Option<&Path>,
) -> Result<Exit> {
    fleet.ready.doing("starting the agents");
    fleet.ready.wait_for(plans.len());
    let begun = Instant::now();
    let agents = runtime.block_on(fleet.bring(plans))?;
    for target in &targets {
        say(&about(args, target));
    }
    let (to, from) = mpsc::channel(UNDER_WAY);
    let known = targets.into_iter().map(|target| target.uid).collect();
    runtime.spawn(fleet.clone().listen(Arc::clone(args), agents, known, to, begun));
    let (tally, findings) = match args.packets() {
        true => with_packets(args, from, wireshark)?,
        false => exchanges::tell(from, analyze::judge(&args.report)?)?,
    };
    Ok(finish(args, &tally, findings))
}

/// Packets come here: the same analysis as of a capture on stdin.
fn with_packets(
    args: &Capture,
    from: mpsc::Receiver<Message>,
    wireshark: Option<&Path>,
) -> Result<(Tally, bool)> {
    let child = wireshark.map(wireshark::start).transpose()?;
    let to = child.and_then(|child| child.stdin);
    let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    // A larger pipe means fewer turns between writer and reader. If it may not be: no harm.
    let _ = rustix::pipe::fcntl_setpipe_size(&write, 1 << 20);
    let merging = std::thread::Builder::new()
        .name("merge".into())
        .spawn(move || packets::merge(from, File::from(write)))?;
    let outcome = analyze::fed(&args.report, File::from(read), to);
    let merged = merging.join().map_err(|_| anyhow::anyhow!("the merging of packets failed"))?;
    let outcome = outcome?;
    // Whoever reads the packets may leave first: then the pipe breaks, and that is no failure here.
    let mut tally = match merged {
        Err(error) if is_broken_pipe(&error) => Tally::default(),
        merged => merged?,
    };
    tally.cut.extend(outcome.failure);
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
    for why in &tally.cut {
        say(&format!("error: cut short: {why}"));
    }
    match (tally.cut.is_empty(), findings && args.report.exit_code) {
        (false, _) => Exit::Error,
        (true, true) => Exit::Findings,
        (true, false) => Exit::Done,
    }
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
fn about(args: &Capture, target: &Target) -> String {
    let mesh = target.mesh.as_ref().map_or("no mesh".into(), ToString::to_string);
    let ports: Vec<_> = target.ports.iter().map(|port| format!(":{port}")).collect();
    let application = match ports.as_slice() {
        [] => String::new(),
        ports => format!(", application on {}", ports.join(" ")),
    };
    let (pod, node) = (target.full_name(), &target.node);
    format!("{} of {pod} on {node}: {mesh}{application}", args.interface)
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
