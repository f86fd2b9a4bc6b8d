use std::time::Duration;

use super::event::Direction;
use crate::capture::Timestamp;

/// When bytes came on a connection, as far as its end needs it: the last burst, and the silence
/// before it.
///
/// A burst is bytes without a pause of [`Pulse::PAUSE`] between them. The last one may be only a
/// goodbye (GOAWAY, a Close frame, an alert); then it is the silence before it that tells how long
/// the connection was idle.
#[derive(Clone, Copy, Debug)]
pub struct Pulse {
    /// When the last bytes came.
    pub last: Timestamp,
    /// How many bursts there were.
    pub bursts: u32,
    /// The silence before the last burst, if there was another one before it.
    pub pause: Duration,
    /// Who began the last burst.
    pub from: Direction,
    /// Bytes of the last burst, of both sides.
    pub bytes: u32,
    /// Bytes were not captured since the last burst began: when they came is not known.
    pub lost: bool,
}

impl Default for Pulse {
    fn default() -> Self {
        Self {
            last: Timestamp::default(),
            bursts: 0,
            pause: Duration::ZERO,
            from: Direction::ToServer,
            bytes: 0,
            lost: false,
        }
    }
}

impl Pulse {
    /// A silence that parts two bursts. No side waits so long within what it says.
    pub const PAUSE: Duration = Duration::from_secs(1);

    /// Bytes came.
    #[inline]
    pub(super) fn beat(&mut self, from: Direction, len: u32, time: Timestamp) {
        const PAUSE: i64 = Pulse::PAUSE.as_nanos() as i64;
        if self.bursts == 0 || time.nanos().saturating_sub(self.last.nanos()) >= PAUSE {
            let pause = if self.bursts == 0 { Duration::ZERO } else { time.since(self.last) };
            *self =
                Self { last: time, bursts: self.bursts + 1, pause, from, bytes: len, lost: false };
            return;
        }
        self.last = self.last.max(time);
        self.bytes = self.bytes.saturating_add(len);
    }

    /// Bytes were not captured.
    pub(super) fn miss(&mut self) {
        self.lost = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_nanos(1_700_000_000_000_000_000 + millis * 1_000_000)
    }

    #[test]
    fn a_goodbye_after_a_silence_is_a_burst_of_its_own() {
        let mut pulse = Pulse::default();
        pulse.beat(Direction::ToServer, 100, at(0));
        pulse.beat(Direction::ToClient, 5000, at(900));
        assert_eq!((pulse.bursts, pulse.bytes), (1, 5100));
        pulse.beat(Direction::ToClient, 17, at(60_900));
        assert_eq!((pulse.bursts, pulse.bytes, pulse.from), (2, 17, Direction::ToClient));
        assert_eq!(pulse.pause, Duration::from_secs(60));
    }
}
