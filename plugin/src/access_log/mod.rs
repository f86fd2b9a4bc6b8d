//! What the proxies logged of the exchanges that were captured: Envoy's access logs, joined.
//!
//! ```text
//! line ─► Entry ─► Log ─┐
//!                       ├─► join ─► Found ─► text, JSON
//! Exchange ─────► Seen ─┘
//! ```
//!
//! A wrong join is worse than none: where two lines fit an exchange equally, neither is taken, and
//! that is counted.

mod entry;
mod fetch;
mod fit;
mod found;
mod index;
mod join;
mod json;
mod log;
mod seen;
mod tally;
mod text;
mod write_json;
mod write_text;

use meshsniff::capture::Timestamp;
use meshsniff::pairing::Exchange;

pub(crate) use fetch::{Asked, Callers, Of, fetch, resolve};
pub(crate) use found::Found;
pub(crate) use log::{Log, Room};
use seen::Seen;

/// Exchanges that are kept for the join: some 60 MB, and their lines, where they wait for it.
pub(crate) const EXCHANGES: usize = 200_000;

/// The logs that there are, and those that could not be read.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    pub(crate) read: Vec<Log>,
    /// The proxy, and why.
    pub(crate) unread: Vec<(String, String)>,
}

impl Logs {
    /// Takes a log; one without a request is no access log.
    pub(crate) fn add(&mut self, log: Log) {
        if log.is_empty() {
            self.unread.push((log.proxy.clone(), log.nothing()));
        } else {
            self.read.push(log);
        }
    }
}

/// When the first exchange began, and the last ended.
pub(crate) type Span = (Timestamp, Timestamp);

/// Reads logs when the last exchange has ended.
type Later = Box<dyn FnOnce(Span) -> Logs>;

/// Takes exchanges, and brings them together with logs at the end.
pub(crate) struct Join {
    seen: Vec<Seen>,
    /// Exchanges beyond the limit.
    over: u64,
    logs: Later,
}

impl Join {
    /// A join with logs that are there.
    pub(crate) fn with(logs: Logs) -> Self {
        Self::later(|_| logs)
    }

    /// A join with logs that are read by `logs` at the end.
    pub(crate) fn later(logs: impl FnOnce(Span) -> Logs + 'static) -> Self {
        Self { seen: Vec::new(), over: 0, logs: Box::new(logs) }
    }

    /// Takes an exchange; answers the place by which [`Found`] knows it. `None`: nothing will be
    /// known of it. Where it does not `count` the report is not about it.
    pub(crate) fn exchange(&mut self, exchange: &Exchange, counts: bool) -> Option<usize> {
        let seen = Seen::new(exchange, counts)?;
        if self.seen.len() >= EXCHANGES {
            self.over += 1;
            return None;
        }
        self.seen.push(seen);
        Some(self.seen.len() - 1)
    }

    /// Brings together what there is.
    pub(crate) fn finish(self) -> Found {
        let first = self.seen.iter().map(|seen| seen.start).min().unwrap_or_default();
        let last = self.seen.iter().map(Seen::until).max().unwrap_or_default();
        let logs = if self.seen.is_empty() { Logs::default() } else { (self.logs)((first, last)) };
        Found::new(self.seen, self.over, logs)
    }
}
