//! What one relay gets: pcapng or JSON Lines, in one zstd frame.

use std::io::{self, BufWriter, Write};
use std::mem;

use meshsniff::capture::{Mark, Packet, Section, Statistics, Writer};
use zstd::stream::write::Encoder;

use super::board::{Board, State};
use super::line::Line;
use super::ring::{Head, records};
use crate::args::Send;
use crate::live::now;

/// zstd's level: what is saved on the way must not be taken from the pod's processor.
///
/// Measured with 50,000 requests a second: packets shrink to 9 %, lines of JSON to 10 %. The negative
/// levels make less work here, but leave twice as much for everything else on the way.
const LEVEL: i32 = 1;

/// The stream, and what of it is compressed and waits to be taken.
pub(crate) enum Stream {
    /// pcapng.
    Packets(Box<Writer<Compressed>>),
    /// JSON Lines.
    Exchanges(Compressed),
}

type Compressed = BufWriter<Encoder<'static, Vec<u8>>>;

/// What is gathered for zstd: given line by line, it takes twice the time.
const GATHERED: usize = 64 << 10;

impl Stream {
    /// Begins a stream, with all that comes before the first unit.
    ///
    /// # Errors
    /// If there is no memory; so for the others.
    pub(crate) fn begin(board: &Board) -> io::Result<Self> {
        let encoder = Encoder::new(Vec::new(), LEVEL)?;
        let compressed = BufWriter::with_capacity(GATHERED, encoder);
        match board.send {
            Send::Exchanges => Ok(Self::Exchanges(compressed)),
            Send::Packets => {
                let application = concat!("meshsniff-agent ", env!("CARGO_PKG_VERSION"));
                let application = Some(application.to_owned());
                let section = Section { application, ..Section::default() };
                let mut writer = Writer::new(compressed, &section)?;
                for number in 0..board.targets() {
                    writer.interface(&board.target(number).interface)?;
                }
                Ok(Self::Packets(Box::new(writer)))
            }
        }
    }

    /// Writes the records, as the queue copied them.
    pub(crate) fn records(&mut self, bytes: &[u8], board: &Board) -> io::Result<()> {
        match self {
            Self::Exchanges(compressed) => {
                records(bytes).try_for_each(|(_, line)| compressed.write_all(line))
            }
            Self::Packets(writer) => {
                let links: Vec<_> =
                    (0..board.targets()).map(|n| board.target(n).interface.link).collect();
                records(bytes).try_for_each(|(head, bytes)| {
                    let Head { target: interface, time, original_len, .. } = head;
                    let Some(&link) = links.get(interface as usize) else { return Ok(()) };
                    let mark = Mark { number: 0, time };
                    writer.packet(&Packet { mark, interface, link, original_len, bytes }, &[])
                })
            }
        }
    }

    /// Writes a target's counters, and its end if it has ended.
    pub(crate) fn counters(&mut self, target: usize, board: &Board) -> io::Result<()> {
        let state = board.target(target);
        match self {
            Self::Packets(writer) => writer.statistics(&statistics(target, &state, board)),
            Self::Exchanges(compressed) => {
                let line = Line {
                    counts: Some(&state.counts),
                    dropped: Some(state.counted.dropped),
                    lost: Some(state.refused),
                    ended: state.ended.as_ref().map(|ended| &*ended.sentence),
                    ..Line::of(target)
                };
                compressed.write_all(&line.bytes())
            }
        }
    }

    /// Takes all that was written so far, whole.
    pub(crate) fn flush(&mut self) -> io::Result<Vec<u8>> {
        match self {
            Self::Packets(writer) => writer.flush()?,
            Self::Exchanges(compressed) => compressed.flush()?,
        }
        Ok(self.take())
    }

    /// Takes what is compressed already.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        match self {
            Self::Packets(writer) => mem::take(writer.get_mut().get_mut().get_mut()),
            Self::Exchanges(compressed) => mem::take(compressed.get_mut().get_mut()),
        }
    }

    /// Ends it, and takes the rest.
    pub(crate) fn end(self) -> io::Result<Vec<u8>> {
        let compressed = match self {
            Self::Packets(writer) => writer.into_inner()?,
            Self::Exchanges(mut compressed) => {
                compressed.write_all(&Line::end().bytes())?;
                compressed
            }
        };
        compressed.into_inner().map_err(io::IntoInnerError::into_error)?.finish()
    }
}

fn statistics(target: usize, state: &State, board: &Board) -> Statistics {
    Statistics {
        interface: target as u32,
        time: now(),
        started: Some(board.started),
        ended: state.ended.as_ref().map(|ended| ended.time),
        received: Some(state.counted.received),
        // Here the interface's own losses have their place, and libpcap does not know them.
        dropped: Some(state.refused),
        accepted: None,
        os_dropped: Some(state.counted.dropped),
        delivered: Some(state.queued),
    }
}
