//! `meshsniff-agent relay`: what the plugin executes in the pod.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::prelude::*;

use super::{Command, Error};

const HELP: &str = "\
Passes what `meshsniff-agent serve` captured to stdout, from a given unit on.

Usage: meshsniff-agent relay --dir DIR [--from N]

      --dir DIR         where `serve` has its socket
      --from N          the number of units that the reader has already [0]

stdin: lines with the number of units received so far, at least every 30 s; or `stop`.
Exit code: 0 everything was passed on, 1 it was cut short, 2 not understood.
";

/// Where to connect, and what to ask for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Relay {
    /// Where the socket is.
    pub(crate) dir: PathBuf,
    /// The number of the first unit that is wanted.
    pub(crate) from: u64,
}

pub(super) fn parse(line: impl IntoIterator<Item = OsString>) -> Result<Command, Error> {
    let (mut dir, mut from) = (None, 0);
    let mut parser = lexopt::Parser::from_args(line);
    while let Some(arg) = parser.next()? {
        match arg {
            Long("dir") => dir = Some(PathBuf::from(parser.value()?)),
            Long("from") => from = super::number("from", &mut parser, 0..=u64::MAX, "units")?,
            Short('h') | Long("help") => return Ok(Command::Help(HELP)),
            other => return Err(other.unexpected().into()),
        }
    }
    let dir = dir.ok_or(Error::Missing { option: "--dir DIR", command: "relay" })?;
    Ok(Command::Relay(Relay { dir, from }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::tests::parsed;

    #[test]
    fn a_place_and_a_number() {
        let dir = || PathBuf::from("/run/x");
        let relay = |from| Ok(Command::Relay(Relay { dir: dir(), from }));
        assert_eq!(parsed(&["relay", "--dir", "/run/x"]), relay(0));
        assert_eq!(parsed(&["relay", "--dir=/run/x", "--from", "17"]), relay(17));
        assert!(parsed(&["relay"]).unwrap_err().contains("--dir DIR"));
        assert!(parsed(&["relay", "--dir", "/", "--from", "-1"]).unwrap_err().contains("from 0"));
    }
}
