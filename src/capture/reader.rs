use std::io::Read;

use super::buffer::Buffer;
use super::decompress::Decompress;
use super::error::Fault;
use super::foreign;
use super::item::{Found, Last};
use super::pcap::{self, Pcap};
use super::pcapng::{self, Comments, Options, Pcapng};
use super::{Error, Item, Mark, Packet};

/// The longest packet or block believed, in bytes. The longest that exist are frames merged by the
/// kernel, below 1 MiB; Wireshark's own limit for a packet is 256 KiB for most link types.
pub(super) const MAX_RECORD: usize = 64 << 20;

/// Reads a capture: pcap or pcapng, plain or compressed by gzip or zstd, told by its first bytes.
///
/// Reads in large pieces into one buffer and gives views of it, so it wants a file, a pipe or a
/// socket, not a [`BufReader`](std::io::BufReader). An item is given as soon as its bytes are
/// there: a live stream is never waited for longer than that. Lengths in the capture are believed
/// up to 64 MiB, and memory grows only with bytes that have come.
///
/// Packets are numbered as in Wireshark, with one exception: it also gives numbers to pcapng blocks
/// that hold no packet (custom, journal and Sysdig blocks), and this reader passes over those.
#[derive(Debug)]
pub struct Reader<R> {
    buffer: Buffer<Decompress<R>>,
    format: Format,
    last: Last,
    packets: u64,
}

#[derive(Debug)]
enum Format {
    Unknown,
    Pcap(Pcap),
    Pcapng(Pcapng),
    Ended,
}

impl<R: Read> Reader<R> {
    /// A reader of `read`; nothing is read yet.
    pub fn new(read: R) -> Self {
        Self {
            buffer: Buffer::new(Decompress::new(read)),
            format: Format::Unknown,
            last: Last::default(),
            packets: 0,
        }
    }

    /// How many packets have been given.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// The next item; `None` at the end, and ever after.
    ///
    /// # Errors
    ///
    /// If [`Error::is_pause`], nothing is lost: call again when there may be more bytes. After any
    /// other error the capture has ended.
    #[expect(clippy::should_implement_trait, reason = "an item borrows the reader")]
    #[inline]
    pub fn next(&mut self) -> Result<Option<Item<'_>>, Error> {
        match self.find() {
            Ok(Some(found)) => Ok(Some(self.item(found))),
            Ok(None) => {
                self.format = Format::Ended;
                Ok(None)
            }
            Err(fault) => Err(self.fail(fault)),
        }
    }

    #[inline]
    fn find(&mut self) -> Result<Option<Found>, Fault> {
        loop {
            match &mut self.format {
                Format::Pcap(pcap) => return pcap.next(&mut self.buffer, &mut self.last),
                Format::Pcapng(pcapng) => return pcapng.next(&mut self.buffer, &mut self.last),
                Format::Unknown => self.format = detect(&mut self.buffer)?,
                Format::Ended => return Ok(None),
            }
        }
    }

    #[inline]
    fn item(&mut self, found: Found) -> Item<'_> {
        match found {
            Found::Packet { time, interface, link, original_len, bytes, options, order } => {
                self.packets += 1;
                let mark = Mark { number: self.packets, time };
                let bytes = self.buffer.get(bytes);
                let comments = Comments(Options::new(self.buffer.get(options), order));
                Item::Packet(Packet { mark, interface, link, original_len, bytes }, comments)
            }
            Found::Section => Item::Section(&self.last.section),
            Found::Interface => Item::Interface(&self.last.interface),
            Found::Statistics => Item::Statistics(&self.last.statistics),
        }
    }

    /// Says where a fault is, and ends the capture unless it is only a pause.
    #[cold]
    fn fail(&mut self, fault: Fault) -> Error {
        let (packets, offset) = (self.packets, self.buffer.offset());
        let error = match fault {
            Fault::Cut => Error::Cut { packets, offset },
            Fault::Corrupt(what) => Error::Corrupt { what, packets, offset },
            Fault::NotACapture { found, step } => Error::NotACapture { found, step },
            Fault::Empty => Error::Empty,
            Fault::Io(error) => Error::Io(error),
        };
        if !error.is_pause() {
            self.format = Format::Ended;
        }
        error
    }
}

/// Tells the format from the first 4 bytes.
#[cold]
fn detect<R: Read>(buffer: &mut Buffer<R>) -> Result<Format, Fault> {
    if buffer.is_over()? {
        return Err(Fault::Empty);
    }
    buffer.fill(4)?;
    let head = buffer.rest();
    if head.starts_with(&pcapng::MAGIC) {
        return Ok(Format::Pcapng(Pcapng::default()));
    }
    for (bytes, magic) in pcap::MAGICS {
        if head.starts_with(&bytes) {
            return Ok(Format::Pcap(Pcap::new(magic)));
        }
    }
    let mut magics = pcap::MAGICS.iter().map(|(bytes, _)| bytes).chain([&pcapng::MAGIC]);
    if magics.any(|magic| magic.starts_with(head)) {
        return Err(Fault::Cut);
    }
    Err(foreign::guess(head))
}
