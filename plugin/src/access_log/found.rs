use super::join::{Joins, join};
use super::log::Log;
use super::seen::Seen;
use super::tally::{Tally, agreement};
use super::{Logs, tally};

/// Exchanges and what was logged of them.
pub(crate) struct Found {
    pub(super) seen: Vec<Seen>,
    pub(super) logs: Vec<Log>,
    pub(super) joins: Joins,
    /// One of each log.
    pub(super) tallies: Vec<Tally>,
    pub(super) agreement: tally::Agreement,
    pub(super) unread: Vec<(String, String)>,
    /// Exchanges that were not kept.
    pub(super) over: u64,
}

impl Found {
    pub(super) fn new(seen: Vec<Seen>, over: u64, logs: Logs) -> Self {
        let Logs { read: logs, unread } = logs;
        let joins = join(&seen, &logs);
        let tallies = Tally::of_all(&seen, &logs, &joins);
        let agreement = agreement(&seen, &logs, &joins);
        Self { seen, logs, joins, tallies, agreement, unread, over }
    }

    /// Exchanges that the report is about and whose client gave up.
    pub(super) fn given_up(&self) -> usize {
        self.seen.iter().filter(|seen| seen.counts && seen.gave_up).count()
    }
}
