use std::collections::VecDeque;
use std::time::Duration;

use crate::capture::{Mark, Packet, Timestamp};
use crate::counts::Counts;
use crate::limits::Limits;
use crate::pairing::Exchange;

/// What the user may set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The bounds.
    pub limits: Limits,
    /// A response that begins later than this is slow.
    pub slow: Duration,
    /// Ask at once ([`Event::Question`]) when a client closes before the response.
    pub live: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { limits: Limits::default(), slow: Duration::from_secs(1), live: false }
    }
}

/// What the analysis has to say.
#[derive(Clone, Debug)]
pub enum Event {
    /// A client closed before the response; whether it gave up is not proved yet. Only if
    /// [`Settings::live`]. The exchange follows when it is decided.
    Question(Box<Exchange>),
    /// An exchange has ended.
    Exchange(Box<Exchange>),
}

/// The seven stages joined: packets in, exchanges out.
///
/// [`push`](Self::push) packets in the order of the capture, [`advance`](Self::advance) when time
/// passes without packets, [`finish`](Self::finish) at the end; after each of these
/// [`poll`](Self::poll) until it answers `None`.
#[derive(Debug)]
pub struct Analysis {
    counts: Counts,
    events: VecDeque<Event>,
}

impl Analysis {
    /// An analysis that has seen nothing.
    pub fn new(_settings: Settings) -> Self {
        Self { counts: Counts::default(), events: VecDeque::new() }
    }

    /// Takes the next packet of the capture.
    pub fn push(&mut self, packet: &Packet<'_>) {
        self.counts.packets += 1;
        self.counts.last = Some(Mark { ..packet.mark });
    }

    /// Lets time pass without packets.
    pub fn advance(&mut self, _now: Timestamp) {}

    /// The capture has ended: judges what is still open.
    pub fn finish(&mut self) {}

    /// The next thing to say.
    pub fn poll(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The number of the connection that the last packet belonged to; `None` if it was skipped.
    pub fn connection(&self) -> Option<u64> {
        None
    }

    /// What was seen, skipped and lost so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }
}
