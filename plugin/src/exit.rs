use std::fmt;
use std::io;
use std::process::ExitCode;

/// How the command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything was done.
    Done = 0,
    /// Something could not be read or written; what could be done was done.
    Error = 1,
    /// The command line asks for what cannot be.
    Usage = 2,
    /// There are findings, and `--exit-code` was given; a pod is slow, and that was asked.
    Findings = 3,
    /// All pods are slow alike.
    Alike = 4,
    /// Too little was seen to tell whether a pod is slow.
    NotEnough = 5,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A command line that clap accepts and that makes no sense all the same.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Whether the reader of our output has gone: `| head` is a normal end.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
