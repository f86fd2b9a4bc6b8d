//! Flow control (RFC 9113 section 5.2), as far as it explains why nothing moves.

use std::time::Duration;

use crate::capture::Mark;

/// The window of every stream and connection before anybody says otherwise.
const INITIAL: i64 = 65_535;
/// A sender that waits less than this for its window does what flow control is for.
const STALL: Duration = Duration::from_millis(100);

/// What one side may still send, on a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    connection: i64,
    /// Of a new stream.
    initial: i64,
}

/// What one side may still send on a stream, and how long it could not.
#[derive(Clone, Copy, Debug)]
pub(super) struct StreamWindow {
    left: i64,
    /// Since when nothing is left.
    full: Option<Mark>,
    /// It was full for so long, and was opened here: whether the sender had waited for that, shows
    /// when it goes on at once.
    opened: Option<(Duration, Mark)>,
    longest: Duration,
}

impl Default for Window {
    fn default() -> Self {
        Self { connection: INITIAL, initial: INITIAL }
    }
}

impl Window {
    pub(super) fn stream(&self) -> StreamWindow {
        StreamWindow { left: self.initial, full: None, opened: None, longest: Duration::ZERO }
    }

    /// SETTINGS_INITIAL_WINDOW_SIZE; answers by how much the windows of open streams change.
    pub(super) fn set_initial(&mut self, size: u32) -> i64 {
        let change = i64::from(size) - self.initial;
        self.initial = i64::from(size);
        change
    }

    /// WINDOW_UPDATE of the connection.
    pub(super) fn opens(&mut self, by: u32) {
        self.connection = self.connection.saturating_add(i64::from(by));
    }

    /// A DATA frame was sent on some stream.
    pub(super) fn sends(&mut self, len: u32) {
        self.connection = self.connection.saturating_sub(i64::from(len));
    }

    /// A DATA frame was sent on this stream.
    pub(super) fn takes(&mut self, stream: &mut StreamWindow, len: u32, mark: Mark) {
        if let Some((waited, opened)) = stream.opened.take()
            && mark.time.since(opened.time) < STALL
        {
            stream.longest = stream.longest.max(waited);
        }
        self.sends(len);
        stream.left = stream.left.saturating_sub(i64::from(len));
        stream.full = self.is_full(stream).then_some(mark);
    }

    /// A window was opened: this stream's by `by`, or the connection's before.
    pub(super) fn opened(&self, stream: &mut StreamWindow, by: i64, mark: Mark) {
        stream.left = stream.left.saturating_add(by);
        if let Some(full) = stream.full
            && !self.is_full(stream)
        {
            stream.full = None;
            let waited = mark.time.since(full.time);
            stream.opened = (waited >= STALL).then_some((waited, mark));
        }
    }

    fn is_full(&self, stream: &StreamWindow) -> bool {
        self.connection <= 0 || stream.left <= 0
    }
}

impl StreamWindow {
    /// The longest stall, and whether that was the one in which it ended, at `end`.
    pub(super) fn stall(&self, end: Mark) -> Option<(Duration, bool)> {
        let last = self.full.map_or(Duration::ZERO, |full| end.time.since(full.time));
        let longest = self.longest.max(last);
        (longest >= STALL).then_some((longest, last >= STALL && last >= self.longest))
    }
}
