//! The failed connects to one destination, in words: how they were tried again, by whom, when.

use std::net::IpAddr;
use std::time::Duration;

use super::verdict::number;
use super::write::time_of_day;
use crate::capture::Timestamp;
use crate::pairing::{Detail, Exchange};
use crate::problem::Span;

/// Connects whose clients and times are compared; later ones only make the time longer. Enough to
/// see a rhythm.
const COMPARED: usize = 256;
/// Clients that are told apart.
const CLIENTS: usize = 64;

/// Failed connects of one kind to one destination.
#[derive(Debug, Default)]
pub(super) struct Connects {
    /// When each began, by client.
    starts: Vec<(IpAddr, Timestamp)>,
    clients: Vec<IpAddr>,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    /// When the SYN was repeated, in ms after the first: of the connect with the most.
    repeats: Vec<u32>,
}

impl Connects {
    pub(super) fn add(&mut self, exchange: &Exchange) {
        let Some(first) = exchange.request.first.map(|mark| mark.time) else { return };
        let last = exchange.request.last.map_or(first, |mark| mark.time);
        self.first = Some(self.first.map_or(first, |before| before.min(first)));
        self.last = self.last.max(Some(last));
        let client = exchange.client.ip();
        if self.clients.len() < CLIENTS && !self.clients.contains(&client) {
            self.clients.push(client);
        }
        if self.starts.len() < COMPARED {
            self.starts.push((client, first));
        }
        if let Some(Detail::Connect(connect)) = exchange.detail.as_deref()
            && connect.repeats.len() > self.repeats.len()
        {
            self.repeats.clone_from(&connect.repeats);
        }
    }

    /// `SYN at 0, 1, 2.1 s, by 3 clients, each every 5 s, from 03:18:06 to 03:18:21`; the part on
    /// the clients only where there were several connects.
    pub(super) fn words(&self) -> String {
        let mut parts = Vec::new();
        if !self.repeats.is_empty() {
            let times: Vec<_> = self.repeats.iter().map(|ms| seconds(*ms)).collect();
            parts.push(format!("SYN at 0, {} s", times.join(", ")));
        }
        if self.starts.len() > 1 {
            let more = if self.clients.len() == CLIENTS { "at least " } else { "" };
            parts.push(format!("by {more}{}", number(self.clients.len() as u64, "client")));
            if let Some(rhythm) = self.rhythm() {
                let each = if self.clients.len() > 1 { "each " } else { "" };
                parts.push(format!("{each}every {}", Span(rhythm)));
            }
            if let (Some(first), Some(last)) = (self.first, self.last) {
                let (first, last) = (time_of_day(first), time_of_day(last));
                parts.push(match first == last {
                    true => format!("at {first}"),
                    false => format!("from {first} to {last}"),
                });
            }
        }
        parts.join(", ")
    }

    /// The time between two connects of one client, if it is always about the same.
    fn rhythm(&self) -> Option<Duration> {
        let mut starts = self.starts.clone();
        starts.sort_unstable();
        let mut spans: Vec<_> = starts
            .windows(2)
            .filter(|pair| pair[0].0 == pair[1].0)
            .map(|pair| pair[1].1.since(pair[0].1))
            .collect();
        spans.sort_unstable();
        let median = *spans.get(spans.len() / 2)?;
        let near = spans.iter().filter(|span| span.abs_diff(median) * 10 <= median).count();
        let rhythmic = spans.len() >= 3 && near * 10 >= spans.len() * 8;
        (rhythmic && median >= Duration::from_secs(1)).then_some(round(median))
    }
}

/// To two digits: a rhythm is not more exact.
fn round(span: Duration) -> Duration {
    let unit = if span < Duration::from_secs(10) { 100 } else { 1000 };
    let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis((millis + unit / 2) / unit * unit)
}

/// `1`, `2.1`: to a tenth.
fn seconds(millis: u32) -> String {
    let tenths = (u64::from(millis) + 50) / 100;
    match tenths % 10 {
        0 => format!("{}", tenths / 10),
        part => format!("{}.{part}", tenths / 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Mark;
    use crate::pairing::{Outcome, detail};
    use crate::problem::samples;

    fn connects(starts: &[(&str, i64)]) -> Connects {
        let mut connects = Connects::default();
        for (client, millis) in starts {
            let mut exchange = samples::exchange(Outcome::ConnectTimeout);
            exchange.client = client.parse().unwrap();
            let mark = |millis| Some(Mark { number: 1, time: samples::at_ms(millis) });
            exchange.request.first = mark(*millis);
            exchange.request.last = mark(millis + 2100);
            let repeats = detail::Connect { repeats: vec![1004, 2100] };
            exchange.detail = Some(Box::new(Detail::Connect(repeats)));
            connects.add(&exchange);
        }
        connects
    }

    #[test]
    fn who_tries_and_how_often() {
        let mut starts = Vec::new();
        for round in 0..4 {
            starts.push(("10.0.0.1:4000", round * 10_000));
            starts.push(("10.0.0.2:4000", round * 10_000 + 40));
        }
        assert_eq!(
            connects(&starts).words(),
            "SYN at 0, 1, 2.1 s, by 2 clients, each every 10 s, from 22:13:20 to 22:13:52"
        );
    }

    #[test]
    fn without_a_rhythm_none_is_said() {
        let starts =
            [("10.0.0.1:1", 0), ("10.0.0.1:2", 900), ("10.0.0.1:3", 7000), ("10.0.0.1:4", 8000)];
        let said = connects(&starts).words();
        assert_eq!(said, "SYN at 0, 1, 2.1 s, by 1 client, from 22:13:20 to 22:13:30");
        assert_eq!(connects(&starts[..1]).words(), "SYN at 0, 1, 2.1 s");
    }
}
