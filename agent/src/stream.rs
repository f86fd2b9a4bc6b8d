//! Packets out: pcapng on stdout.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd};

use nix::fcntl::{FcntlArg, fcntl};

/// What is gathered before it is written.
///
/// As much as a pipe holds at most for an ordinary user: a busy interface costs one write per
/// megabyte, an idle one is flushed anyway.
const GATHERED: usize = 1 << 20;

/// What the interface counted since the capture began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// Packets that met the filter, lost ones included.
    pub(crate) received: u64,
    /// Packets lost because the kernel's buffer was full.
    pub(crate) dropped: u64,
    /// Packets written.
    pub(crate) delivered: u64,
}

/// The way to the reader.
pub(crate) struct Stream {
    out: BufWriter<File>,
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

impl Stream {
    /// Takes stdout; nothing is written yet.
    ///
    /// # Errors
    /// [`Error::Terminal`], or [`Error::Io`] if stdout is closed.
    pub(crate) fn stdout() -> Result<Self, Error> {
        let stdout = io::stdout();
        if stdout.is_terminal() {
            return Err(Error::Terminal);
        }
        // Not through `Stdout`, which looks for ends of lines in what it writes.
        let file = File::from(stdout.as_fd().try_clone_to_owned()?);
        // A larger pipe means fewer turns between writer and reader. Not a pipe: nothing happens.
        let _ = fcntl(&file, FcntlArg::F_SETPIPE_SZ(GATHERED as i32));
        Ok(Self { out: BufWriter::with_capacity(GATHERED, file) })
    }

    /// Writes what the reader must know before the first packet.
    pub(crate) fn begin(&mut self, name: &str, link: u32, snaplen: u32) -> io::Result<()> {
        let mut section = Vec::new();
        section.extend(0x1A2B_3C4Du32.to_le_bytes());
        section.extend([1, 0, 0, 0]);
        section.extend((-1i64).to_le_bytes());
        option(&mut section, 4, concat!("meshsniff-agent ", env!("CARGO_PKG_VERSION")).as_bytes());
        section.extend([0; 4]);
        self.block(0x0A0D_0D0A, &section)?;
        let mut interface = Vec::new();
        interface.extend((link as u16).to_le_bytes());
        interface.extend([0; 2]);
        interface.extend(snaplen.to_le_bytes());
        option(&mut interface, 2, name.as_bytes());
        option(&mut interface, 9, &[9]);
        interface.extend([0; 4]);
        self.block(1, &interface)?;
        self.out.flush()
    }

    /// Writes one packet.
    pub(crate) fn packet(&mut self, nanos: u64, original: u32, bytes: &[u8]) -> io::Result<()> {
        let padded = bytes.len().next_multiple_of(4);
        let mut head = [0; 28];
        let words = [
            6,
            32 + padded as u32,
            0,
            (nanos >> 32) as u32,
            nanos as u32,
            bytes.len() as u32,
            original,
        ];
        for (place, word) in head.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        self.out.write_all(&head)?;
        self.out.write_all(bytes)?;
        self.out.write_all(&[0; 3][..padded - bytes.len()])?;
        self.out.write_all(&(32 + padded as u32).to_le_bytes())
    }

    /// Writes the interface's counters and everything before them.
    pub(crate) fn statistics(&mut self, nanos: u64, counted: Counted) -> io::Result<()> {
        let mut block = vec![0; 4];
        block.extend(((nanos >> 32) as u32).to_le_bytes());
        block.extend((nanos as u32).to_le_bytes());
        option(&mut block, 4, &counted.received.to_le_bytes());
        option(&mut block, 7, &counted.dropped.to_le_bytes());
        option(&mut block, 8, &counted.delivered.to_le_bytes());
        block.extend([0; 4]);
        self.block(5, &block)?;
        self.out.flush()
    }

    /// Hands the reader everything written so far.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn block(&mut self, kind: u32, body: &[u8]) -> io::Result<()> {
        let length = (body.len() as u32 + 12).to_le_bytes();
        self.out.write_all(&kind.to_le_bytes())?;
        self.out.write_all(&length)?;
        self.out.write_all(body)?;
        self.out.write_all(&length)
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.out.get_ref().as_fd()
    }
}

fn option(block: &mut Vec<u8>, code: u16, value: &[u8]) {
    block.extend(code.to_le_bytes());
    block.extend((value.len() as u16).to_le_bytes());
    block.extend(value);
    block.resize(block.len().next_multiple_of(4), 0);
}
