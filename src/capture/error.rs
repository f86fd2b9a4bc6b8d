use std::io;

/// Why a capture cannot be read on.
///
/// All packets before the error have been returned. Only [`Error::is_pause`] leaves the reader
/// able to go on; after any other error it has ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is not a single byte.
    #[error(
        "the capture is empty: not even a file header was written; check that the capture was \
         started and could write, then capture again"
    )]
    Empty,
    /// The first bytes are not those of a capture this library reads.
    #[error("this is not a pcap or pcapng capture but {found}; {step}")]
    NotACapture {
        /// What the first bytes look like.
        found: &'static str,
        /// What to do next.
        step: &'static str,
    },
    /// The capture ends in the middle of a record.
    #[error(
        "the capture ends in the middle of a record at byte {offset}, after {packets} whole \
         packets; what came before can be used, for the rest copy the file again or let the \
         capture end by itself"
    )]
    Cut {
        /// How many packets were whole.
        packets: u64,
        /// Where the broken record begins, in bytes of the uncompressed capture.
        offset: u64,
    },
    /// A record contradicts itself; nothing after it can be trusted.
    #[error(
        "the capture is damaged at byte {offset}, after {packets} packets: {what}; what came \
         before can be used, for the rest copy the file again"
    )]
    Corrupt {
        /// What is wrong with the record.
        what: &'static str,
        /// How many packets came before.
        packets: u64,
        /// Where the damaged record begins, in bytes of the uncompressed capture.
        offset: u64,
    },
    /// The input could not be read, or its compression is damaged.
    #[error("the capture cannot be read: {0}; check the file or the connection it comes through")]
    Io(#[from] io::Error),
}

impl Error {
    /// Whether nothing is wrong but no bytes are there yet: call `next` again later.
    ///
    /// So if the input answered [`WouldBlock`](io::ErrorKind::WouldBlock) or
    /// [`TimedOut`](io::ErrorKind::TimedOut).
    pub fn is_pause(&self) -> bool {
        matches!(self, Self::Io(error)
            if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut))
    }
}

/// What goes wrong within one record, before the reader adds where that is.
#[derive(Debug)]
pub(super) enum Fault {
    Cut,
    Corrupt(&'static str),
    NotACapture { found: &'static str, step: &'static str },
    Empty,
    Io(io::Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
