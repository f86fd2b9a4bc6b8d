//! The thread that serves: relays come and go, one at a time gets the stream.

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags};
use nix::sys::socket::{SockFlag, accept4};
use serde::Serialize;

use super::board::{Board, Why};
use super::peer::{Guest, Peer, Said};
use crate::args::Send;
use crate::live::wait;

/// Connections that have not said what they want. More than a broken exec leaves behind.
const GUESTS: usize = 4;

/// Lines of a relay that are heard before it gets something.
const LINES: usize = 64;

/// How long the process stays when all is taken: if it ends, the relay is ended with it, while what
/// the relay wrote may still be on its way.
const LINGER: Duration = Duration::from_secs(1);

/// The first line of the stream.
#[derive(Debug, Serialize)]
struct First<'a> {
    version: &'a str,
    sha256: &'a str,
    capture: &'a str,
    send: &'a str,
    next: u64,
    lost: u64,
    /// Targets that could not be opened.
    refused: Vec<usize>,
}

/// What tells this capture from others, and this file from others.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// Of the file that is executed.
    pub(crate) sha256: String,
    /// Of this run.
    pub(crate) capture: String,
}

/// Serves relays until all is taken, or nobody comes.
pub(crate) struct Server<'a> {
    listener: UnixListener,
    board: &'a Board,
    identity: Identity,
    patience: Duration,
    guests: Vec<Guest>,
    peer: Option<Peer>,
    /// The last sign of life.
    heard: Instant,
    /// The greatest number of units that a relay acknowledged.
    received: u64,
    /// When all was sent to a relay.
    sent: Option<Instant>,
}

impl<'a> Server<'a> {
    /// `listener` never waits.
    pub(crate) fn new(
        listener: UnixListener,
        board: &'a Board,
        identity: Identity,
        patience: Duration,
    ) -> Self {
        Self {
            listener,
            board,
            identity,
            patience,
            guests: Vec::new(),
            peer: None,
            heard: Instant::now(),
            received: 0,
            sent: None,
        }
    }

    /// Serves, and says whether everything was taken. Needs no right.
    ///
    /// # Errors
    /// The system's, if it cannot wait.
    pub(crate) fn serve(mut self) -> io::Result<bool> {
        loop {
            self.accept();
            self.hear_guests();
            let talks = self.hear_peer();
            let gathers = self.peer.as_ref().is_some_and(Peer::gathers);
            if !gathers {
                self.board.sleep();
            }
            let more = self.feed();
            let now = Instant::now();
            if let Some(taken) = self.over(now) {
                return Ok(taken);
            }
            let until = if more || talks { now } else { self.next(now) };
            let waited = self.wait(until.saturating_duration_since(now));
            if !gathers {
                self.board.awake();
            }
            waited?;
        }
    }

    /// Whether it is time to leave, and then whether everything was taken.
    fn over(&mut self, now: Instant) -> Option<bool> {
        if now >= self.heard + self.patience {
            return Some(self.sent.is_some());
        }
        if self.sent.is_some_and(|sent| now >= sent + LINGER) {
            let all = self.received >= self.board.queue().ring.back().number;
            let signalled = self.board.ending() == Some(Why::Signal);
            return (all || signalled).then_some(true);
        }
        // Asked to leave by a signal, and nobody is there who would take anything.
        let alone = self.peer.is_none() && self.sent.is_none() && self.board.all_ended();
        (alone && self.board.ending() == Some(Why::Signal)).then_some(false)
    }

    fn accept(&mut self) {
        while let Ok(socket) = accept(&self.listener) {
            if self.guests.len() == GUESTS {
                self.guests.remove(0);
            }
            self.guests.push(Guest::new(socket));
        }
    }

    /// The last guest that says what it wants becomes the peer: an exec that broke may leave a relay
    /// behind that does not know it yet.
    fn hear_guests(&mut self) {
        for mut guest in std::mem::take(&mut self.guests) {
            match guest.hear() {
                Ok(None) => self.guests.push(guest),
                Ok(Some(Said::Received(number))) => {
                    self.heard = Instant::now();
                    self.peer = self.begin(guest, number).ok();
                    self.sent = None;
                }
                Ok(Some(Said::Stop)) | Err(_) => {}
            }
        }
    }

    fn begin(&mut self, guest: Guest, number: u64) -> io::Result<Peer> {
        let place = {
            let mut queue = self.board.queue();
            let number = number.min(queue.ring.back().number);
            queue.ring.forget(number);
            self.received = self.received.max(number);
            queue.ring.find(number)
        };
        let send = match self.board.send {
            Send::Packets => "packets",
            Send::Exchanges => "exchanges",
        };
        let first = First {
            version: env!("CARGO_PKG_VERSION"),
            sha256: &self.identity.sha256,
            capture: &self.identity.capture,
            send,
            next: place.number,
            lost: place.number.saturating_sub(number),
            refused: (0..self.board.targets()).filter(|n| !self.board.target(*n).open).collect(),
        };
        let mut first = serde_json::to_vec(&first)?;
        first.push(b'\n');
        Peer::new(guest, place, &first, self.board)
    }

    /// Whether it has more to say: one that talks without end is not listened to all the time.
    fn hear_peer(&mut self) -> bool {
        for _ in 0..LINES {
            let Some(peer) = &mut self.peer else { return false };
            match peer.hear() {
                Ok(None) => return false,
                Ok(Some(said)) => {
                    self.heard = Instant::now();
                    match said {
                        Said::Stop => self.board.end(Why::Asked),
                        Said::Received(number) => {
                            // Nobody received what was not sent.
                            self.received = self.received.max(number.min(peer.number()));
                            self.board.queue().ring.forget(self.received);
                        }
                    }
                }
                Err(_) => self.peer = None,
            }
        }
        true
    }

    fn feed(&mut self) -> bool {
        let Some(peer) = &mut self.peer else { return false };
        match peer.feed(self.board) {
            Ok(more) => {
                if peer.has_all() {
                    self.sent.get_or_insert_with(Instant::now);
                }
                more
            }
            Err(_) => {
                self.peer = None;
                false
            }
        }
    }

    /// When there is something to do though nothing happens.
    fn next(&self, now: Instant) -> Instant {
        let mut next = self.heard + self.patience;
        if let Some(counters) = self.peer.as_ref().and_then(Peer::next) {
            next = next.min(counters);
        }
        if let Some(sent) = self.sent
            && sent + LINGER > now
        {
            next = next.min(sent + LINGER);
        }
        next
    }

    fn wait(&self, time: Duration) -> io::Result<()> {
        let mut wanted = vec![
            PollFd::new(self.listener.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.board.woken(), PollFlags::POLLIN),
        ];
        let guests = self.guests.iter().map(|guest| PollFd::new(guest.as_fd(), PollFlags::POLLIN));
        wanted.extend(guests);
        wanted.extend(self.peer.iter().map(|peer| {
            let behind = if peer.is_behind() { PollFlags::POLLOUT } else { PollFlags::empty() };
            PollFd::new(peer.as_fd(), PollFlags::POLLIN | behind)
        }));
        wait(&mut wanted, time)
    }
}

/// The next connection, as a socket that never waits.
#[allow(unsafe_code)]
fn accept(listener: &UnixListener) -> nix::Result<OwnedFd> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let socket = accept4(listener.as_raw_fd(), flags)?;
    // SAFETY: the kernel just made it, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(socket) })
}
