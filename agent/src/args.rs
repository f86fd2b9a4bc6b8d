//! What the caller asks for.

mod relay;
mod serve;

use std::ffi::OsString;
use std::time::Duration;

use lexopt::prelude::*;

pub(crate) use relay::Relay;
pub(crate) use serve::{Send, Serve, Until};

/// Fits a screen of 24 lines.
pub(crate) const HELP: &str = "\
Captures one interface and writes pcapng to stdout; gives up every right before the first packet.

Usage: meshsniff-agent [OPTIONS] > FILE.pcapng
       meshsniff-agent [OPTIONS] | READER

  -i, --interface NAME  interface to capture [lo]; 'any' for all of them
  -f, --filter FILTER   only what this filter lets through, as for tcpdump
      --snaplen BYTES   keep at most so many bytes of a frame [262144]
      --duration TIME   end after 500ms, 10s, 2m or 1h [until ^C, TERM, HUP or a closed pipe]
      --buffer MIB      memory of the kernel for packets not yet read [64]
  -h, --help            this text
  -V, --version         the version

`serve` and `relay` are what kubectl-meshsniff runs in a pod: `meshsniff-agent serve --help`.
Needs the capability CAP_NET_RAW at the start. Exit code: 0 done, 1 failed, 2 not understood.

Examples:
  meshsniff-agent --duration 10s > lo.pcapng
  meshsniff-agent -f 'tcp port 8080' | tshark -r -
  nsenter --net=/proc/PID/ns/net meshsniff-agent | wireshark -k -i -
";

/// Longest frame libpcap keeps; above it libpcap itself cuts to this.
const LONGEST_FRAME: i32 = 262_144;

/// What to capture, and how long.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Args {
    /// From where.
    pub(crate) source: Source,
    /// From the first look at the interface; none is until someone ends it.
    pub(crate) duration: Option<Duration>,
}

/// An interface, and what is wanted of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// Name of the interface.
    pub(crate) interface: String,
    /// In libpcap's language.
    pub(crate) filter: Option<String>,
    /// Bytes kept of a frame. The default keeps every frame whole: those of `lo` are 64 KiB.
    pub(crate) snaplen: i32,
    /// Size of the kernel's ring, in bytes.
    pub(crate) buffer: i32,
}

/// What the command line says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Capture(Args),
    Serve(Serve),
    Relay(Relay),
    /// Only see whether the filter is understood.
    Filter(Source),
    /// Print this text.
    Help(&'static str),
    Version,
}

/// A command line that is not understood. The text says what to write instead.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{0}; `meshsniff-agent --help` lists the options")]
    Syntax(#[from] lexopt::Error),
    #[error("`meshsniff-agent {command}` needs {option}; {command} --help lists the options")]
    Missing { option: &'static str, command: &'static str },
    #[error(transparent)]
    Target(#[from] crate::target::NotATarget),
    #[error("--{option} {value:?} is not {expected}")]
    Value { option: &'static str, value: String, expected: String },
}

impl Default for Source {
    fn default() -> Self {
        Self { interface: "lo".into(), filter: None, snaplen: LONGEST_FRAME, buffer: 64 << 20 }
    }
}

/// An option that says something of a [`Source`].
enum OfSource {
    Interface,
    Filter,
    Snaplen,
    Buffer,
}

impl OfSource {
    fn of(arg: &lexopt::Arg<'_>) -> Option<Self> {
        match arg {
            Short('i') | Long("interface") => Some(Self::Interface),
            Short('f') | Long("filter") => Some(Self::Filter),
            Long("snaplen") => Some(Self::Snaplen),
            Long("buffer") => Some(Self::Buffer),
            _ => None,
        }
    }
}

impl Source {
    fn set(&mut self, option: OfSource, parser: &mut lexopt::Parser) -> Result<(), Error> {
        match option {
            OfSource::Interface => self.interface = parser.value()?.string()?,
            OfSource::Filter => self.filter = Some(parser.value()?.string()?),
            OfSource::Snaplen => {
                self.snaplen = number("snaplen", parser, 64..=LONGEST_FRAME, "bytes")?;
            }
            OfSource::Buffer => self.buffer = number("buffer", parser, 1..=2047, "MiB")? << 20,
        }
        Ok(())
    }
}

/// Reads the command line, without the program's name.
///
/// # Errors
/// [`Error`] for an unknown option or a value out of its range.
pub(crate) fn parse(line: impl IntoIterator<Item = OsString>) -> Result<Command, Error> {
    let mut line = line.into_iter().peekable();
    match line.peek().and_then(|word| word.to_str()) {
        Some("serve") => serve::parse(line.skip(1)),
        Some("relay") => relay::parse(line.skip(1)),
        Some("filter") => match capture(line.skip(1))? {
            Command::Capture(args) => Ok(Command::Filter(args.source)),
            other => Ok(other),
        },
        _ => capture(line),
    }
}

fn capture(line: impl IntoIterator<Item = OsString>) -> Result<Command, Error> {
    let mut args = Args { source: Source::default(), duration: None };
    let mut parser = lexopt::Parser::from_args(line);
    while let Some(arg) = parser.next()? {
        if let Some(option) = OfSource::of(&arg) {
            args.source.set(option, &mut parser)?;
            continue;
        }
        match arg {
            Long("duration") => args.duration = Some(duration("duration", &mut parser)?),
            Short('h') | Long("help") => return Ok(Command::Help(HELP)),
            Short('V') | Long("version") => return Ok(Command::Version),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Command::Capture(args))
}

/// A whole number of `unit`s within `range`.
fn number<N>(
    option: &'static str,
    parser: &mut lexopt::Parser,
    range: std::ops::RangeInclusive<N>,
    unit: &str,
) -> Result<N, Error>
where
    N: std::str::FromStr + PartialOrd + std::fmt::Display,
{
    let value = parser.value()?.string()?;
    match value.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => {
            let (from, to) = range.into_inner();
            let expected = format!("a number of {unit} from {from} to {to}");
            Err(Error::Value { option, value, expected })
        }
    }
}

/// Reads `500ms`, `10s`, `2m`, `1h`: a whole number and a unit.
fn duration(option: &'static str, parser: &mut lexopt::Parser) -> Result<Duration, Error> {
    let value = parser.value()?.string()?;
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let (count, unit) = value.split_at(digits);
    let millis = match unit {
        "ms" => Some(1),
        "s" => Some(1000),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    match (count.parse::<u32>(), millis) {
        (Ok(count @ 1..), Some(millis)) => Ok(Duration::from_millis(u64::from(count) * millis)),
        _ => Err(Error::Value {
            option,
            value,
            expected: "a time with its unit: 500ms, 10s, 2m, 1h".into(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn parsed(line: &[&str]) -> Result<Command, String> {
        parse(line.iter().map(OsString::from)).map_err(|error| error.to_string())
    }

    fn capture(line: &[&str]) -> Args {
        match parsed(line) {
            Ok(Command::Capture(args)) => args,
            other => panic!("{line:?} gave {other:?}"),
        }
    }

    #[test]
    fn an_empty_line_captures_lo_whole_until_it_is_ended() {
        let args = capture(&[]);
        assert_eq!(args.source.interface, "lo");
        assert_eq!((args.source.snaplen, args.source.buffer), (262_144, 64 << 20));
        assert_eq!((args.source.filter, args.duration), (None, None));
    }

    #[test]
    fn options_are_taken_in_both_spellings() {
        let args = capture(&["-ieth0", "--filter=tcp port 80", "--snaplen", "96", "--buffer=1"]);
        let args = args.source;
        assert_eq!(args.interface, "eth0");
        assert_eq!(args.filter.as_deref(), Some("tcp port 80"));
        assert_eq!((args.snaplen, args.buffer), (96, 1 << 20));
    }

    #[test]
    fn a_duration_has_a_unit() {
        let of = |text| capture(&["--duration", text]).duration.map(|span| span.as_millis());
        assert_eq!(of("500ms"), Some(500));
        assert_eq!(of("10s"), Some(10_000));
        assert_eq!(of("2m"), Some(120_000));
        assert_eq!(of("1h"), Some(3_600_000));
        for wrong in ["10", "0s", "s", "-1s", "1.5s", "1 s", "99999999999s", ""] {
            let error = parsed(&["--duration", wrong]).unwrap_err();
            assert!(error.contains("500ms, 10s, 2m, 1h"), "{wrong}: {error}");
        }
    }

    #[test]
    fn what_is_not_understood_says_what_would_be() {
        assert!(parsed(&["--snaplen", "0"]).unwrap_err().contains("from 64 to 262144"));
        assert!(parsed(&["--buffer", "4096"]).unwrap_err().contains("from 1 to 2047"));
        assert!(parsed(&["--colour"]).unwrap_err().contains("--help"));
        assert!(parsed(&["lo"]).unwrap_err().contains("--help"));
    }

    #[test]
    fn the_help_fits_a_screen() {
        assert!(HELP.lines().count() <= 24);
        assert!(HELP.lines().all(|line| line.len() <= 100));
    }
}
