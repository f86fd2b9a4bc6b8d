//! meshsniff-agent: one interface in, pcapng out, no right left in between.
//!
//! The smallest thing that has to run where the packets are. It opens the interface, gives up
//! every right, and only then reads the first packet. What the packets mean is for the reader.
//!
//! In a pod, `serve` does that for several targets and keeps what it read for `relay`
//! (`docs/stream.md`).

mod args;
mod frame;
mod live;
mod precedence;
mod record;
mod relay;
mod rights;
mod serve;
mod signals;
mod stream;
mod target;

use std::error::Error;
use std::io::Write;
use std::os::fd::AsFd;
use std::process::ExitCode;

use args::{Args, Command};
use live::Live;
use record::End;
use rights::Work;
use signals::Stop;
use stream::Stdout;

fn main() -> ExitCode {
    let (code, text) = match args::parse(std::env::args_os().skip(1)) {
        Ok(Command::Capture(args)) => match capture(&args) {
            Ok(None) => (0, String::new()),
            Ok(Some(end)) => (0, end),
            Err(error) => (1, format!("meshsniff-agent: {error}")),
        },
        Ok(Command::Serve(args)) => match serve::serve(&args) {
            Ok(end) => (0, end),
            Err(error) => (1, format!("meshsniff-agent: {error}")),
        },
        Ok(Command::Relay(args)) => match relay::relay(&args) {
            Ok(()) => (0, String::new()),
            Err(error) => (1, format!("meshsniff-agent: {error}")),
        },
        Ok(Command::Filter(source)) => match live::understood(&source) {
            Ok(()) => (0, String::new()),
            Err(error) => (1, format!("meshsniff-agent: {error}")),
        },
        Ok(Command::Help(text)) => return print(text),
        Ok(Command::Version) => {
            return print(concat!("meshsniff-agent ", env!("CARGO_PKG_VERSION"), "\n"));
        }
        Err(error) => (2, format!("meshsniff-agent: {error}")),
    };
    say(&text);
    ExitCode::from(code)
}

/// The whole of it; the order is the point. `None`: the reader left, and needs no last line.
fn capture(args: &Args) -> Result<Option<String>, Box<dyn Error>> {
    let stdout = Stdout::take()?;
    let stop = Stop::listen()?;

    let mut live = Live::open(&args.source)?;
    live.filter(args.source.filter.as_deref())?;
    let left = rights::give_up(Work::Record(live.as_fd()))?;
    say(&begun(args, left));
    let end = record::record(&mut live, stdout, &stop, args.duration)?;

    let counted = live.counted();
    let Some(why) = why(end) else { return Ok(None) };
    let lost = match counted.dropped {
        0 => "none lost".to_owned(),
        lost => format!("{lost} lost by the kernel: a larger --buffer or a filter -f keeps them"),
    };
    Ok(Some(format!("{why}: {} packets, {lost}", counted.delivered)))
}

fn begun(args: &Args, left: rights::Left) -> String {
    format!("capturing {} ({left})", args.source.interface)
}

fn why(end: End) -> Option<&'static str> {
    match end {
        End::Duration => Some("time is over"),
        End::Signal => Some("ended"),
        End::ReaderGone => None,
    }
}

/// One line for whoever watches. That nobody does is no failure.
fn say(line: &str) {
    if !line.is_empty() {
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}

fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
