//! What the caller asks for.

use std::ffi::OsString;
use std::time::Duration;

use lexopt::prelude::*;

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

Needs the capability CAP_NET_RAW at the start. Exit code: 0 done, 1 failed, 2 not understood.

Examples:
  meshsniff-agent --duration 10s > lo.pcapng
  meshsniff-agent -f 'tcp port 8080' | tshark -r -
  nsenter --net=/proc/PID/ns/net meshsniff-agent | wireshark -k -i -
";

/// Longest frame libpcap keeps; above it libpcap itself cuts to this.
const LONGEST_FRAME: i32 = 262_144;

/// What to capture, from where, and how long.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Args {
    /// Name of the interface.
    pub(crate) interface: String,
    /// In libpcap's language.
    pub(crate) filter: Option<String>,
    /// Bytes kept of a frame. The default keeps every frame whole: those of `lo` are 64 KiB.
    pub(crate) snaplen: i32,
    /// From the first look at the interface; none is until someone ends it.
    pub(crate) duration: Option<Duration>,
    /// Size of the kernel's ring, in bytes.
    pub(crate) buffer: i32,
}

/// What the command line says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Capture(Args),
    Help,
    Version,
}

/// A command line that is not understood. The text says what to write instead.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{0}; `meshsniff-agent --help` lists the options")]
    Syntax(#[from] lexopt::Error),
    #[error("--{option} {value:?} is not {expected}")]
    Value { option: &'static str, value: String, expected: &'static str },
}

/// Reads the command line, without the program's name.
///
/// # Errors
/// [`Error`] for an unknown option or a value out of its range.
pub(crate) fn parse(line: impl IntoIterator<Item = OsString>) -> Result<Command, Error> {
    let mut args = Args {
        interface: "lo".into(),
        filter: None,
        snaplen: LONGEST_FRAME,
        duration: None,
        buffer: 64 << 20,
    };
    let mut parser = lexopt::Parser::from_args(line);
    while let Some(arg) = parser.next()? {
        match arg {
            Short('i') | Long("interface") => args.interface = parser.value()?.string()?,
            Short('f') | Long("filter") => args.filter = Some(parser.value()?.string()?),
            Long("snaplen") => {
                args.snaplen = number("snaplen", parser.value()?.string()?, 64..=LONGEST_FRAME)?;
            }
            Long("buffer") => {
                args.buffer = number("buffer", parser.value()?.string()?, 1..=2047)? << 20;
            }
            Long("duration") => args.duration = Some(duration(parser.value()?.string()?)?),
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('V') | Long("version") => return Ok(Command::Version),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Command::Capture(args))
}

fn number(
    option: &'static str,
    value: String,
    range: std::ops::RangeInclusive<i32>,
) -> Result<i32, Error> {
    let expected = match option {
        "snaplen" => "a number of bytes from 64 to 262144",
        _ => "a number of MiB from 1 to 2047",
    };
    match value.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(Error::Value { option, value, expected }),
    }
}

/// Reads `500ms`, `10s`, `2m`, `1h`: a whole number and a unit.
fn duration(value: String) -> Result<Duration, Error> {
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
            option: "duration",
            value,
            expected: "a time with its unit: 500ms, 10s, 2m, 1h",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &[&str]) -> Result<Command, String> {
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
        assert_eq!(args.interface, "lo");
        assert_eq!((args.snaplen, args.buffer), (262_144, 64 << 20));
        assert_eq!((args.filter, args.duration), (None, None));
    }

    #[test]
    fn options_are_taken_in_both_spellings() {
        let args = capture(&["-ieth0", "--filter=tcp port 80", "--snaplen", "96", "--buffer=1"]);
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
