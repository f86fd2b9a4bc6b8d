//! Packets out: pcapng on stdout.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal};
use std::os::fd::{AsFd, BorrowedFd};

use meshsniff::capture::{Interface, Packet, Section, Statistics, Writer};
use nix::fcntl::{FcntlArg, fcntl};

/// What is gathered before it is written, in bytes.
///
/// As much as a pipe holds at most for an ordinary user: a busy interface costs one write per
/// megabyte, an idle one is flushed anyway.
const GATHERED: usize = 1 << 20;

/// Stdout, found fit for packets; nothing is written yet.
pub(crate) struct Stdout {
    gathered: BufWriter<File>,
    /// The same again, to ask whether its reader is still there.
    same: File,
}

/// The way to the reader.
pub(crate) struct Stream {
    writer: Writer<BufWriter<File>>,
    stdout: File,
}

/// Stdout that cannot take packets.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(
        "stdout is a terminal, and packets are binary: redirect them (> lo.pcapng) or pipe them \
         (| tshark -r -)"
    )]
    Terminal,
    #[error("stdout: {0}")]
    Io(#[from] io::Error),
}

impl Stdout {
    /// Takes stdout.
    ///
    /// # Errors
    /// [`Error::Terminal`], or [`Error::Io`] if stdout is closed.
    pub(crate) fn take() -> Result<Self, Error> {
        let stdout = io::stdout();
        if stdout.is_terminal() {
            return Err(Error::Terminal);
        }
        // Not through std's `Stdout`, which looks for ends of lines in what it writes.
        let same = File::from(stdout.as_fd().try_clone_to_owned()?);
        // A larger pipe means fewer turns between writer and reader. Not a pipe: nothing happens.
        let _ = fcntl(&same, FcntlArg::F_SETPIPE_SZ(GATHERED as i32));
        Ok(Self { gathered: BufWriter::with_capacity(GATHERED, same.try_clone()?), same })
    }
}

impl Stream {
    /// Says which interface it is; the reader sees it at once.
    pub(crate) fn begin(stdout: Stdout, interface: &Interface) -> io::Result<Self> {
        let application = concat!("meshsniff-agent ", env!("CARGO_PKG_VERSION")).to_owned();
        let section = Section { application: Some(application), ..Section::default() };
        let mut writer = Writer::new(stdout.gathered, &section)?;
        writer.interface(interface)?;
        writer.flush()?;
        Ok(Self { writer, stdout: stdout.same })
    }

    /// Writes one packet.
    pub(crate) fn packet(&mut self, packet: &Packet<'_>) -> io::Result<()> {
        self.writer.packet(packet, &[])
    }

    /// Writes the interface's counters, and everything before them.
    pub(crate) fn statistics(&mut self, statistics: &Statistics) -> io::Result<()> {
        self.writer.statistics(statistics)?;
        self.writer.flush()
    }

    /// Hands the reader everything written so far.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stdout.as_fd()
    }
}
