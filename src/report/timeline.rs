use std::time::Duration;

use crate::capture::Timestamp;
use crate::pairing::{Exchange, Outcome, Side};
use crate::problem::{Attempt, Fate, Outage, outages};

/// Failures remembered of one server. An outage with more of them is as certain.
const FAILED: usize = 1024;
/// Times of answers remembered of one server, each with those near to it.
const ANSWERED: usize = 128;
/// Answers that are nearer to each other than this are taken together; with too many to remember,
/// twice as much, and again.
const NEAR: Duration = Duration::from_millis(50);

/// When a server answered and when not.
#[derive(Debug)]
pub(super) struct Timeline {
    failed: Vec<Attempt>,
    /// In the order of time, none touching the next.
    answered: Vec<Attempt>,
    near: Duration,
}

impl Default for Timeline {
    fn default() -> Self {
        Self { failed: Vec::new(), answered: Vec::new(), near: NEAR }
    }
}

/// What an exchange says of its server's being there, and when; `None` if nothing.
#[inline]
pub(super) fn fate(exchange: &Exchange) -> Option<(Fate, Timestamp)> {
    let request = &exchange.request;
    let asked = || request.first.map(|mark| mark.time);
    let fate = match (exchange.outcome, exchange.by) {
        (Outcome::Refused | Outcome::ConnectTimeout, _) => Fate::NoConnect,
        (Outcome::ServerClosedBeforeResponse, _)
        | (Outcome::TruncatedResponse | Outcome::TruncatedRequest, Some(Side::Server)) => {
            return Some((Fate::Dropped, exchange.close?.time));
        }
        (Outcome::TlsOk | Outcome::WsClosed | Outcome::WsAborted, _) => Fate::Answered,
        // What a proxy answers by itself says nothing of the server.
        _ if exchange.response.as_ref()?.proxy.is_some() => return None,
        _ => Fate::Answered,
    };
    Some((fate, asked()?))
}

impl Timeline {
    #[inline]
    pub(super) fn add(&mut self, fate: Fate, time: Timestamp) {
        let attempt = Attempt { time, until: time, fate, count: 1 };
        if fate != Fate::Answered {
            if self.failed.len() < FAILED {
                self.failed.push(attempt);
            }
            return;
        }
        let near = self.near;
        match self.answered.last_mut() {
            Some(last) if time >= last.time && time <= last.until.after(near) => {
                last.until = last.until.max(time);
                last.count += 1;
            }
            _ => self.insert(attempt),
        }
    }

    /// One that is not a part of the last.
    #[cold]
    fn insert(&mut self, attempt: Attempt) {
        let place = self.answered.partition_point(|other| other.time <= attempt.time);
        self.answered.insert(place, attempt);
        self.join();
        while self.answered.len() > ANSWERED {
            self.near *= 2;
            self.join();
        }
    }

    /// Takes together what is near to each other.
    fn join(&mut self) {
        let near = self.near;
        self.answered.dedup_by(|next, before| {
            let joins = next.time <= before.until.after(near);
            if joins {
                before.until = before.until.max(next.until);
                before.count += next.count;
            }
            joins
        });
    }

    /// The times in which the server was away.
    pub(super) fn outages(&self) -> Vec<Outage> {
        if self.failed.is_empty() || self.answered.is_empty() {
            return Vec::new();
        }
        outages(&mut self.failed.iter().chain(&self.answered).copied().collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::samples::at_ms;

    /// Requests each 20 ms, the server away from 5 to 8 s; told in whatever order.
    fn timeline(mut order: impl FnMut(usize) -> usize) -> Timeline {
        let mut timeline = Timeline::default();
        for place in 0..1000 {
            let millis = order(place) as i64 * 20;
            let away = (5000..8000).contains(&millis);
            timeline.add(if away { Fate::NoConnect } else { Fate::Answered }, at_ms(millis));
        }
        timeline
    }

    #[test]
    fn an_outage_is_found_in_any_order() {
        let outage = Outage {
            from: at_ms(5000),
            until: at_ms(7980),
            connects: 150,
            dropped: 0,
            before: true,
        };
        assert_eq!(timeline(|place| place).outages(), [outage]);
        assert_eq!(timeline(|place| 999 - place).outages(), [outage]);
        assert_eq!(timeline(|place| place * 7 % 1000).outages(), [outage]);
    }

    #[test]
    fn memory_is_bounded() {
        let mut timeline = Timeline::default();
        for second in 0..100_000 {
            timeline.add(Fate::Answered, at_ms(second * 1000));
            timeline.add(Fate::NoConnect, at_ms(second * 1000 + 500));
        }
        assert!(timeline.answered.len() <= ANSWERED && timeline.failed.len() == FAILED);
        assert_eq!(timeline.answered.iter().map(|a| a.count).sum::<u64>(), 100_000);
        assert_eq!(timeline.outages(), []);
    }
}
