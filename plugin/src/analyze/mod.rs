//! `analyze`: captures in, verdicts out.

mod aides;
mod evidence;
mod filter;
mod input;
mod judge;
mod output;
mod progress;
mod session;
mod view;

use std::fs::File;
use std::io::{BufReader, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use meshsniff::report::Palette;

use anyhow::Context as _;
use clap::Parser as _;

use crate::access_log::{Join, Log, Logs, Room};
use crate::args::{Analyze, Args, Color, Command, Format, LogFile, Report};
use crate::exit::{Exit, Usage};
use crate::metrics::Exporter;
use crate::slow::Watch;
use crate::talk::harmless;
use crate::timeouts::Sources;
pub(crate) use aides::Aides;
use evidence::Evidence;
pub(crate) use evidence::{beside, check as check_writable};
use input::Input;
pub(crate) use judge::Judge;
use output::Output;
pub(crate) use session::Outcome;
use session::Session;

/// Analyses each file on its own and answers how it went: an error outweighs findings.
pub(crate) fn run(args: &Analyze) -> anyhow::Result<Exit> {
    check(args)?;
    let manifests = &args.config.manifests;
    let sources = if manifests.is_empty() { None } else { Some(Sources::from_files(manifests)?) };
    let exporter = Exporter::open(&args.metrics)?;
    let aides = || {
        anyhow::Ok(Aides {
            slow: None,
            search: sources.clone().map(Sources::search),
            metrics: exporter.as_ref().map(Exporter::recorder),
            join: logs(&args.logs.access_log)?.map(Join::with),
        })
    };
    let ended = if args.compare { compare(args, aides) } else { each(args, aides) };
    let exported = exporter.map_or(Ok(()), Exporter::finish);
    ended.and_then(|exit| exported.map(|()| exit))
}

fn each(args: &Analyze, aides: impl Fn() -> anyhow::Result<Aides>) -> anyhow::Result<Exit> {
    let mut exit = Exit::Done;
    for (place, file) in args.files.iter().enumerate() {
        let ended = one(args, (file, place), &aides)?;
        exit = match (exit, ended) {
            (Exit::Error, _) | (_, Exit::Error) => Exit::Error,
            (Exit::Findings, _) | (_, Exit::Findings) => Exit::Findings,
            _ => Exit::Done,
        };
    }
    Ok(exit)
}

/// Compares the pods that the files are of.
fn compare(args: &Analyze, aides: impl Fn() -> anyhow::Result<Aides>) -> anyhow::Result<Exit> {
    let watch = Arc::new(Mutex::new(Watch::files(args.question.question())));
    let mut whole = true;
    for file in &args.files {
        let input = match Input::open(file) {
            Ok(input) => input,
            Err(why) => {
                complain(file, &why);
                whole = false;
                continue;
            }
        };
        watch.lock().unwrap_or_else(PoisonError::into_inner).file(pod(args, file));
        let (out, evidence) = (Output::new(false), Evidence::none(&args.report));
        let session = Session::new(&args.report, input, out, evidence, Palette::Plain);
        let aides = Aides { slow: Some(Arc::clone(&watch)), ..aides()? };
        let ended = session.aided(aides).run()?;
        if let Some(why) = &ended.failure {
            complain(file, why);
            whole = false;
        }
    }
    let judged = watch.lock().unwrap_or_else(PoisonError::into_inner).judge();
    let Some(judged) = judged else { return Ok(Exit::Error) };
    let mut out = std::io::stdout().lock();
    let palette = palette(args.report.colors.color, false);
    judged.write(&mut out, args.report.output, palette)?;
    Ok(if whole { judged.exit() } else { Exit::Error })
}

/// The name of the pod that a file is of: the file's own, with its folder if others have the same.
fn pod(args: &Analyze, file: &Path) -> String {
    let name = stem(file);
    let same = args.files.iter().filter(|other| stem(other) == name).count() > 1;
    if same { file.display().to_string() } else { name }
}

/// The name without what says how it is written: `web-1` of `captures/web-1.pcap.gz`.
fn stem(file: &Path) -> String {
    let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
    let mut rest = name.as_str();
    for ending in [".zst", ".gz", ".pcap", ".pcapng", ".cap"] {
        rest = rest.strip_suffix(ending).filter(|rest| !rest.is_empty()).unwrap_or(rest);
    }
    rest.to_owned()
}

/// Analyses a stream of packets live, as `analyze -` does.
pub(crate) fn stream(packets: File) -> anyhow::Result<Exit> {
    let args = Args::parse_from(["kubectl-meshsniff", "analyze", "-"]);
    let Command::Analyze(args) = args.command else { return Ok(Exit::Error) };
    let args = args.report;
    let input = Input::live(packets);
    let evidence = Evidence::new(&args, &input)?;
    let palette = palette(args.colors.color, false);
    let ended = Session::new(&args, input, Output::new(false), evidence, palette).run()?;
    if let Some(why) = &ended.failure {
        complain(Path::new("-"), why);
        return Ok(Exit::Error);
    }
    Ok(Exit::Done)
}

/// Analyses packets as they come, until whoever feeds them ends the stream.
///
/// They are passed on to `to`, if that is given, with comments on those that decided.
pub(crate) fn fed(
    args: &Report,
    packets: File,
    to: Option<impl std::io::Write + 'static>,
    aides: Aides,
) -> anyhow::Result<Outcome> {
    let input = Input::fed(packets);
    let evidence = match to {
        Some(to) => Evidence::passed_on(args, to),
        None => Evidence::new(args, &input)?,
    };
    let (out, palette) = out(args);
    Session::new(args, input, out, evidence, palette).aided(aides).run()
}

/// Who judges exchanges that were analysed elsewhere.
pub(crate) fn judge(args: &Report, aides: Aides) -> anyhow::Result<Judge> {
    let (out, palette) = out(args);
    Ok(Judge::new(args, out, Evidence::none(args), palette).aided(aides, true))
}

/// Where lines go, and their colours.
fn out(args: &Report) -> (Output, Palette) {
    let to_stderr = args.write.as_deref().is_some_and(is_dash);
    (Output::new(to_stderr), palette(args.colors.color, to_stderr))
}

/// What clap cannot know of any report.
pub(crate) fn check_report(args: &Report) -> Result<(), Usage> {
    let refuse = |why: &str| Err(Usage(why.into()));
    if args.privileged {
        return refuse("-p (ksniff) is not needed: privileged is the default here; leave it out");
    }
    if args.write.as_deref().is_some_and(is_dash) && std::io::stdout().is_terminal() {
        return refuse(
            "packets are not for a terminal: give -w a file, or pipe into a reader, \
             as `-w - | wireshark -k -i -`",
        );
    }
    Ok(())
}

/// What clap cannot know of a report on packets that come live.
pub(crate) fn check_live(args: &Report) -> Result<(), Usage> {
    if args.only_flagged && args.write.as_deref().is_some_and(evidence::is_passed_on) {
        return Err(Usage(
            "--only-flagged needs the whole capture first, and a live stream passes packets on at \
             once: give -w a file"
                .into(),
        ));
    }
    Ok(())
}

/// What clap cannot know.
fn check(args: &Analyze) -> Result<(), Usage> {
    let refuse = |why: &str| Err(Usage(why.into()));
    check_report(&args.report)?;
    args.metrics.check(&args.report)?;
    if args.files.iter().filter(|file| is_dash(file)).count() > 1 {
        return refuse("stdin can be read once only: name - once");
    }
    let Some(out) = &args.report.write else { return Ok(()) };
    if args.files.len() > 1 {
        return refuse("-w writes one capture: analyse one FILE at a time with it");
    }
    if args.files.iter().any(|file| is_dash(file)) {
        check_live(&args.report)?;
    }
    if args.files.iter().any(|file| input::same_file(file, out)) {
        return Err(Usage(format!(
            "-w {0} would overwrite the capture it is made from: give it another name",
            out.display()
        )));
    }
    Ok(())
}

/// Analyses one capture.
fn one(
    args: &Analyze,
    (file, place): (&Path, usize),
    aides: impl FnOnce() -> anyhow::Result<Aides>,
) -> anyhow::Result<Exit> {
    let to_stderr = args.report.write.as_deref().is_some_and(is_dash);
    let mut out = Output::new(to_stderr);
    if args.files.len() > 1 && args.report.output == Format::Text {
        let name = harmless(&file.to_string_lossy());
        let blank = if place > 0 { "\n" } else { "" };
        out.buffer().extend_from_slice(format!("{blank}== {name}\n").as_bytes());
    }
    let input = match Input::open(file) {
        Ok(input) => input,
        Err(why) => {
            out.flush()?;
            complain(file, &why);
            return Ok(Exit::Error);
        }
    };
    let aides = aides()?;
    let evidence = Evidence::new(&args.report, &input)?;
    let palette = palette(args.report.colors.color, to_stderr);
    let ended = Session::new(&args.report, input, out, evidence, palette).aided(aides).run()?;
    if let Some(why) = &ended.failure {
        complain(file, why);
    }
    Ok(match ended.failure {
        Some(_) => Exit::Error,
        None if ended.findings && args.report.exit_code => Exit::Findings,
        None => Exit::Done,
    })
}

/// The access logs that are given.
fn logs(files: &[LogFile]) -> anyhow::Result<Option<Logs>> {
    let (mut logs, mut room) = (Logs::default(), Room::default());
    for LogFile { proxy, file } in files {
        let read = File::open(file)
            .and_then(|open| Log::read(proxy.clone(), BufReader::new(open), &mut room));
        logs.add(read.with_context(|| format!("--access-log {}", file.display()))?);
    }
    Ok((!files.is_empty()).then_some(logs))
}

fn complain(file: &Path, why: &str) {
    let name = if is_dash(file) { "stdin".into() } else { file.to_string_lossy() };
    // If stderr is gone as well, the exit code still tells.
    let _ = writeln!(std::io::stderr(), "error: {name}: {why}");
}

pub(crate) fn palette(color: Color, to_stderr: bool) -> Palette {
    let wanted = match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
                || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
            let terminal = if to_stderr {
                std::io::stderr().is_terminal()
            } else {
                std::io::stdout().is_terminal()
            };
            terminal && !plain
        }
    };
    if wanted { Palette::Ansi } else { Palette::Plain }
}

/// `-`: stdin or stdout.
pub(crate) fn is_dash(path: &Path) -> bool {
    path.as_os_str() == "-"
}
