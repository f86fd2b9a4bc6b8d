//! One relay: what it said, what it gets, and how far it is.

use std::io::{self, Read, Write};
use std::mem;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::board::Board;
use super::ring::Place;
use super::stream::Stream;
use crate::frame::{self, Kind};

/// How often counters are told at least; the contract says 2 s.
const COUNTERS: Duration = Duration::from_secs(1);

/// How long new things gather after everything was sent. Each turn costs every process on the way a
/// few wake-ups, down to the reader, which take more from the pod than the bytes do.
const GATHER: Duration = Duration::from_millis(50);

/// The same where so much comes that nobody reads it as it comes.
const GATHER_MUCH: Duration = Duration::from_millis(500);

/// Bytes of one turn that are much.
const MUCH: usize = 64 << 10;

/// Of this part of the queue in one turn, the next one comes soon: it must not fill up meanwhile.
const PART: usize = 8;

/// What is copied out of the queue at once: others wait for it meanwhile.
const PIECE: usize = 128 << 10;

/// How much waits for the relay to read before nothing more is compressed.
const AHEAD: usize = 256 << 10;

/// The longest line a relay may send: a number has 20 digits.
const LINE: usize = 32;

/// What a relay says, a line each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// So many units are received, and may be forgotten.
    Received(u64),
    /// The capture is to end.
    Stop,
}

/// A connection that has said nothing yet, or only a part of a line.
#[derive(Debug)]
pub(crate) struct Guest {
    socket: UnixStream,
    heard: Vec<u8>,
}

/// A relay that gets the stream.
pub(crate) struct Peer {
    guest: Guest,
    out: Vec<u8>,
    /// Bytes of `out` that are sent.
    sent: usize,
    place: Place,
    stream: Option<Stream>,
    /// Whether something was written since the last flush.
    unflushed: bool,
    /// Bytes of the records among it.
    fresh: usize,
    /// Targets whose end was told.
    told: Vec<bool>,
    counters: Instant,
    /// Until then new things gather.
    gathers: Instant,
    copied: Vec<u8>,
}

impl Guest {
    /// A socket that never waits.
    pub(crate) fn new(socket: OwnedFd) -> Self {
        Self { socket: socket.into(), heard: Vec::new() }
    }

    /// What it says now; `None` is nothing more.
    ///
    /// # Errors
    /// If it left, or says what is not understood.
    pub(crate) fn hear(&mut self) -> io::Result<Option<Said>> {
        loop {
            if let Some(end) = self.heard.iter().position(|byte| *byte == b'\n') {
                let said = understood(&self.heard[..end]);
                self.heard.drain(..=end);
                return said.map(Some).ok_or(io::ErrorKind::InvalidData.into());
            }
            if self.heard.len() > LINE {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let mut bytes = [0; LINE];
            match self.socket.read(&mut bytes) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => self.heard.extend_from_slice(&bytes[..read]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn understood(line: &[u8]) -> Option<Said> {
    match std::str::from_utf8(line).ok()?.trim() {
        "stop" => Some(Said::Stop),
        number => number.parse().ok().map(Said::Received),
    }
}

impl Peer {
    /// Gives the guest the stream from `place` on, and `first` before it.
    ///
    /// # Errors
    /// If there is no memory for it.
    pub(crate) fn new(guest: Guest, place: Place, first: &[u8], board: &Board) -> io::Result<Self> {
        let mut out = Vec::new();
        frame::write(Kind::Stream, first, &mut out);
        Ok(Self {
            guest,
            out,
            sent: 0,
            place,
            stream: Some(Stream::begin(board)?),
            unflushed: true,
            fresh: 0,
            told: vec![false; board.targets()],
            counters: Instant::now() + COUNTERS,
            gathers: Instant::now(),
            copied: Vec::new(),
        })
    }

    /// What it says now.
    ///
    /// # Errors
    /// As [`Guest::hear`].
    pub(crate) fn hear(&mut self) -> io::Result<Option<Said>> {
        self.guest.hear()
    }

    /// The number of the next unit it gets.
    pub(crate) fn number(&self) -> u64 {
        self.place.number
    }

    /// Whether it has something to send.
    pub(crate) fn is_behind(&self) -> bool {
        self.sent < self.out.len()
    }

    /// Whether everything was sent, and nothing more comes.
    pub(crate) fn has_all(&self) -> bool {
        self.stream.is_none() && !self.is_behind()
    }

    /// When it wants to be fed again, though nothing new is there. One that does not read what it
    /// has wants nothing.
    pub(crate) fn next(&self) -> Option<Instant> {
        let wanted = if self.gathers() { self.gathers } else { self.counters };
        (self.stream.is_some() && !self.is_full()).then_some(wanted)
    }

    /// Whether it does not want to know what is new for now.
    pub(crate) fn gathers(&self) -> bool {
        Instant::now() < self.gathers
    }

    fn is_full(&self) -> bool {
        self.out.len() - self.sent >= AHEAD
    }

    /// Sends it what it will take now, and says whether there may be more at once.
    ///
    /// # Errors
    /// If it left.
    pub(crate) fn feed(&mut self, board: &Board) -> io::Result<bool> {
        let mut more = !self.gathers();
        while more && !self.is_full() {
            more = self.write_more(board)?;
        }
        Ok(self.send()? && more)
    }

    /// Whether it took everything.
    fn send(&mut self) -> io::Result<bool> {
        while self.sent < self.out.len() {
            match self.guest.socket.write(&self.out[self.sent..]) {
                Ok(written) => self.sent += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    // What is sent is not kept for ever behind a relay that is always behind.
                    self.out.drain(..self.sent);
                    self.sent = 0;
                    return Ok(false);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.out.clear();
        self.sent = 0;
        Ok(true)
    }

    /// Compresses a piece of what is new, and says whether there was anything.
    fn write_more(&mut self, board: &Board) -> io::Result<bool> {
        let Some(stream) = &mut self.stream else { return Ok(false) };
        let mut more = false;
        // Looked at first: what has ended by now is in the queue.
        let ends: Vec<_> = (0..board.targets()).map(|n| board.target(n).ended.clone()).collect();
        self.place = board.queue().ring.copy(self.place, PIECE, &mut self.copied);
        if !self.copied.is_empty() {
            stream.records(&self.copied, board)?;
            (more, self.unflushed) = (true, true);
            self.fresh += self.copied.len();
        }
        for (target, told) in self.told.iter_mut().enumerate() {
            if let Some(end) = &ends[target]
                && !*told
                && end.number <= self.place.number
            {
                (*told, more, self.unflushed) = (true, true, true);
                stream.counters(target, board)?;
                if end.alone {
                    let words = format!("{}: {}\n", board.target(target).name, end.sentence);
                    frame::write(Kind::Words, words.as_bytes(), &mut self.out);
                }
            }
        }
        if Instant::now() >= self.counters {
            self.counters = Instant::now() + COUNTERS;
            for target in (0..self.told.len()).filter(|target| !self.told[*target]) {
                if board.target(target).ended.is_none() {
                    stream.counters(target, board)?;
                    (more, self.unflushed) = (true, true);
                }
            }
        }
        if self.told.iter().all(|told| *told) {
            return self.end();
        }
        let bytes = if more {
            stream.take()
        } else if self.unflushed {
            self.unflushed = false;
            let much = MUCH..board.queue().ring.size() / PART;
            let fresh = mem::take(&mut self.fresh);
            let gather = if much.contains(&fresh) { GATHER_MUCH } else { GATHER };
            self.gathers = Instant::now() + gather;
            stream.flush()?
        } else {
            return Ok(false);
        };
        frame::write(Kind::Stream, &bytes, &mut self.out);
        Ok(more)
    }

    fn end(&mut self) -> io::Result<bool> {
        if let Some(stream) = self.stream.take() {
            frame::write(Kind::Stream, &stream.end()?, &mut self.out);
            frame::write_end(&mut self.out);
        }
        Ok(true)
    }
}

impl AsFd for Guest {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsFd for Peer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.guest.as_fd()
    }
}
