//! `meshsniff-agent serve`: what the pod's main process is started with.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::prelude::*;

use super::{Command, Error, OfSource, Source, duration, number};
use crate::target::Target;

const HELP: &str = "\
Captures in the network namespaces of other processes, and keeps it for `meshsniff-agent relay`.

Usage: meshsniff-agent serve --dir DIR --target NAME=ID[,ID...] --send packets|exchanges

      --dir DIR         where to make the socket that relays connect to
      --target NAME=ID  capture where a process is whose cgroup names this container or pod UID;
                        NAME=pid:PID where that process is. Once for each target
      --send WHAT       packets (pcapng), or exchanges (JSON Lines), analysed here
  -i, --interface NAME  interface of the targets to capture [lo]; 'any' for all of them
  -f, --filter FILTER   only what this filter lets through, as for tcpdump
      --snaplen BYTES   keep at most so many bytes of a frame [262144]
      --buffer MIB      memory of the kernel for packets not yet read, each [64 for all of them]
      --queue MIB       memory for what no relay has taken yet [32]
      --duration TIME   end after 500ms, 10s, 2m or 1h
      --count N         end after so many packets or exchanges
      --max-bytes N     end after so many bytes of packets
      --slow TIME       an answer that begins later is slow [1s]
      --patience TIME   leave when no relay gives a sign of life for so long [30s]
";

/// Memory of the kernel for the packets of all targets, unless said otherwise.
const BUFFER: i32 = 64 << 20;

/// What to capture, what to send, when to end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Serve {
    /// Where the socket is made.
    pub(crate) dir: PathBuf,
    /// In the order of the command line, which is that of the interfaces.
    pub(crate) targets: Vec<Target>,
    /// What relays get.
    pub(crate) send: Send,
    /// The same interface of each target.
    pub(crate) source: Source,
    /// Memory for what no relay has taken, in bytes.
    pub(crate) queue: usize,
    /// When to end by itself.
    pub(crate) until: Until,
    /// What a slow answer is.
    pub(crate) slow: Duration,
    /// How long to go on without a relay.
    pub(crate) patience: Duration,
}

/// What relays get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Send {
    /// pcapng.
    Packets,
    /// JSON Lines.
    Exchanges,
}

/// When to end by itself; `None` is never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Until {
    /// After so long.
    pub(crate) duration: Option<Duration>,
    /// After so many units.
    pub(crate) count: Option<u64>,
    /// After so many bytes of packets.
    pub(crate) bytes: Option<u64>,
}

pub(super) fn parse(line: impl IntoIterator<Item = OsString>) -> Result<Command, Error> {
    let (mut dir, mut send, mut targets) = (None, None, Vec::new());
    let mut source = Source { buffer: 0, ..Source::default() };
    let (mut queue, mut until) = (32, Until::default());
    let (mut slow, mut patience) = (Duration::from_secs(1), Duration::from_secs(30));
    let mut parser = lexopt::Parser::from_args(line);
    while let Some(arg) = parser.next()? {
        if let Some(option) = OfSource::of(&arg) {
            source.set(option, &mut parser)?;
            continue;
        }
        match arg {
            Long("dir") => dir = Some(PathBuf::from(parser.value()?)),
            Long("target") => targets.push(parser.value()?.string()?.parse()?),
            Long("send") => send = Some(what(parser.value()?.string()?)?),
            Long("queue") => queue = number("queue", &mut parser, 1..=1024, "MiB")?,
            Long("duration") => until.duration = Some(duration("duration", &mut parser)?),
            Long("count") => {
                until.count = Some(number("count", &mut parser, 1..=u64::MAX, "units")?);
            }
            Long("max-bytes") => {
                until.bytes = Some(number("max-bytes", &mut parser, 1..=u64::MAX, "bytes")?);
            }
            Long("slow") => slow = duration("slow", &mut parser)?,
            Long("patience") => patience = duration("patience", &mut parser)?,
            Short('h') | Long("help") => return Ok(Command::Help(HELP)),
            other => return Err(other.unexpected().into()),
        }
    }
    let missing = |option| Error::Missing { option, command: "serve" };
    if targets.is_empty() {
        return Err(missing("--target NAME=ID"));
    }
    if source.buffer == 0 {
        source.buffer = buffer(targets.len());
    }
    Ok(Command::Serve(Serve {
        dir: dir.ok_or(missing("--dir DIR"))?,
        send: send.ok_or(missing("--send packets|exchanges"))?,
        targets,
        source,
        queue: queue << 20,
        until,
        slow,
        patience,
    }))
}

/// Each target's part of [`BUFFER`], but no less than what a busy interface fills in 50 ms.
fn buffer(targets: usize) -> i32 {
    let targets = i32::try_from(targets).unwrap_or(i32::MAX);
    (BUFFER / targets).max(8 << 20)
}

fn what(value: String) -> Result<Send, Error> {
    match &*value {
        "packets" => Ok(Send::Packets),
        "exchanges" => Ok(Send::Exchanges),
        _ => Err(Error::Value { option: "send", value, expected: "packets or exchanges".into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::tests::parsed;

    const LEAST: [&str; 7] =
        ["serve", "--dir", "/run/x", "--target", "shop/a=0123456789abcdef", "--send", "packets"];

    fn serve(more: &[&str]) -> Serve {
        match parsed(&[&LEAST[..], more].concat()) {
            Ok(Command::Serve(serve)) => serve,
            other => panic!("{more:?} gave {other:?}"),
        }
    }

    #[test]
    fn little_has_to_be_said() {
        let serve = serve(&[]);
        assert_eq!((serve.queue, serve.source.buffer), (32 << 20, 64 << 20));
        assert_eq!((serve.send, serve.until), (Send::Packets, Until::default()));
        assert_eq!((serve.slow.as_secs(), serve.patience.as_secs()), (1, 30));
        assert_eq!(serve.source.interface, "lo");
    }

    #[test]
    fn the_kernels_memory_is_shared() {
        let targets: Vec<_> = (0..3).map(|n| format!("--target=n/{n}=pid:{}", n + 7)).collect();
        let more: Vec<_> = targets.iter().map(|target| &**target).collect();
        assert_eq!(serve(&more).source.buffer, 16 << 20);
        assert_eq!(serve(&[&more[..], &["--buffer=64"]].concat()).source.buffer, 64 << 20);
        assert_eq!(buffer(1000), 8 << 20);
    }

    #[test]
    fn what_is_missing_is_named() {
        for (at, option) in [(1, "--dir"), (3, "--target"), (5, "--send")] {
            let mut line = LEAST.to_vec();
            line.drain(at..at + 2);
            let error = parsed(&line).unwrap_err();
            assert!(error.contains(option) && error.contains("serve --help"), "{error}");
        }
        let wrong = |more| parsed(&[&LEAST[..], more].concat()).unwrap_err();
        assert!(wrong(&["--send", "pcap"]).contains("packets or exchanges"));
        assert!(wrong(&["--target", "shop/a"]).contains("NAME=ID"));
        assert!(wrong(&["--queue", "0"]).contains("from 1 to 1024"));
        assert!(wrong(&["--patience", "30"]).contains("with its unit"));
    }
}
