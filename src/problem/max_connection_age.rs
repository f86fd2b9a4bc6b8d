use std::time::Duration;

use super::words::Span;
use super::{Code, Detector, Severity};
use crate::capture::Timestamp;

/// A server cuts its connections at a constant age, in use or not.
pub(super) const DETECTOR: Detector = Detector {
    code: Code::MaxConnectionAge,
    severity: Severity::Warning,
    title: TITLE,
    applies: None,
    sentence: |_| TITLE.into(),
    explain: include_str!("../../docs/findings/max-connection-age.md"),
};

const TITLE: &str = "the server cuts connections at a constant age";

/// How a server closed one of its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// When.
    pub time: Timestamp,
    /// How old it was.
    pub age: Duration,
    /// How long nothing had been said.
    pub idle: Duration,
}

/// Values that lie so near to each other that somebody's timer made them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heap {
    /// The timer: a usual value if what was measured is near one.
    pub value: Duration,
    /// Whether `value` is a usual one; otherwise it is the median as measured.
    pub usual: bool,
    /// They spread by 10 % to both sides, as gRPC servers do it.
    pub jitter: bool,
    /// The least of them.
    pub low: Duration,
    /// The largest of them.
    pub high: Duration,
    /// How many belong to it.
    pub count: usize,
    /// Of how many.
    pub of: usize,
}

/// What people write into configurations, in seconds.
const USUAL: [u64; 20] = [
    5, 10, 15, 20, 30, 60, 75, 90, 120, 180, 240, 300, 350, 600, 900, 1800, 3600, 7200, 14_400,
    86_400,
];

/// How an explanation of a heap is told from chance. Ages that are random over some magnitudes lie
/// within 3 % of a given one with a probability of about 0.01.
struct Rule {
    /// The largest is at most this many thousandths above the least.
    spread: u32,
    /// At least so many belong to it,
    least: usize,
    /// and of all so many in a hundred,
    percent: usize,
    /// and it has a usual value within so many thousandths, if not 0.
    usual: u32,
}

/// Several within 3 %, of any value; or few, all within 1 % of each other and of a usual value.
const EXACT: [Rule; 2] = [
    Rule { spread: 30, least: 5, percent: 60, usual: 0 },
    Rule { spread: 10, least: 3, percent: 100, usual: 10 },
];
/// gRPC's MAX_CONNECTION_AGE has a jitter of 10 % to both sides, and a grace behind it.
const JITTER: Rule = Rule { spread: 230, least: 10, percent: 90, usual: 40 };

impl Closed {
    /// Whether it was idle for most of its age: then an idle timeout explains the end.
    pub fn is_idle(&self) -> bool {
        self.idle >= Duration::from_secs(3) && self.idle * 2 >= self.age
    }
}

/// The age at which a server cuts its connections, as their ends show it. Those that were idle for
/// most of their age are not counted.
pub fn infer_max_age(closed: &[Closed]) -> Option<Heap> {
    let used = closed.iter().filter(|end| !end.is_idle()).map(|end| (end.age, end.time));
    heap(used.collect(), true)
}

/// Where the values heap, each with the time of its end. Ends at one moment are one event (the
/// server stopped) and count once.
pub(super) fn heap(mut values: Vec<(Duration, Timestamp)>, jitter: bool) -> Option<Heap> {
    values.sort_unstable();
    let exact = EXACT.iter().find_map(|rule| rule.apply(&values));
    exact.or_else(|| jitter.then(|| JITTER.apply(&values)).flatten())
}

impl Rule {
    /// The densest window of the sorted values, if it is a heap by this rule.
    fn apply(&self, values: &[(Duration, Timestamp)]) -> Option<Heap> {
        let (mut best, mut start) = (0..0, 0);
        for end in 1..=values.len() {
            while values[end - 1].0 * 1000 > values[start].0 * (1000 + self.spread) {
                start += 1;
            }
            if end - start > best.len() {
                best = start..end;
            }
        }
        let heap = &values[best];
        let (low, high) = (heap.first()?.0, heap.last()?.0);
        let counts = moments(heap, high - low);
        if counts < self.least || heap.len() * 100 < values.len() * self.percent {
            return None;
        }
        let middle = match self.usual {
            40.. => heap.iter().map(|(value, _)| *value).sum::<Duration>() / heap.len() as u32,
            _ => heap[heap.len() / 2].0,
        };
        let usual = usual(middle, self.usual.max(10));
        if self.usual > 0 && usual.is_none() {
            return None;
        }
        Some(Heap {
            value: usual.unwrap_or(middle),
            usual: usual.is_some(),
            jitter: self.spread > 100,
            low,
            high,
            count: heap.len(),
            of: values.len(),
        })
    }
}

/// How many different moments the ends lie in: two that are no further apart than the values
/// themselves may have one cause.
fn moments(heap: &[(Duration, Timestamp)], width: Duration) -> usize {
    let apart = width.max(Duration::from_millis(100));
    let mut times: Vec<_> = heap.iter().map(|(_, time)| *time).collect();
    times.sort_unstable();
    let (mut count, mut last) = (0, None);
    for time in times {
        if last.is_none_or(|last| time.since(last) > apart) {
            count += 1;
            last = Some(time);
        }
    }
    count
}

/// The usual value within so many thousandths of what was measured.
fn usual(measured: Duration, thousandths: u32) -> Option<Duration> {
    let nearest =
        USUAL.into_iter().map(Duration::from_secs).min_by_key(|usual| usual.abs_diff(measured))?;
    (nearest.abs_diff(measured) * 1000 <= nearest * thousandths).then_some(nearest)
}

impl Heap {
    /// `30 min`, `about 437 s`.
    pub fn words(&self) -> String {
        let about = if self.usual { "" } else { "about " };
        format!("{about}{}", long(self.value))
    }
}

/// A long time as people write it: `30 min`, `1 h`, and otherwise as every [`Span`].
pub(super) fn long(span: Duration) -> String {
    match span.as_secs() {
        secs if span.subsec_nanos() > 0 || secs < 120 => Span(span).to_string(),
        secs if secs % 3600 == 0 => format!("{} h", secs / 3600),
        secs if secs % 60 == 0 => format!("{} min", secs / 60),
        _ => Span(span).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A repeatable source of numbers (xorshift64*), below one.
    struct Dice(u64);

    impl Dice {
        fn roll(&mut self) -> f64 {
            self.0 ^= self.0 >> 12;
            self.0 ^= self.0 << 25;
            self.0 ^= self.0 >> 27;
            (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1_u64 << 53) as f64
        }

        /// Connections that began at random times within six hours, of these ages in seconds.
        fn closed(&mut self, count: usize, mut age: impl FnMut(&mut Self) -> f64) -> Vec<Closed> {
            let mut one = |_| {
                let age = Duration::from_secs_f64(age(self));
                let began = Duration::from_secs_f64(self.roll() * 21_600.0);
                let time = Timestamp::from_nanos(1_700_000_000_000_000_000).after(began + age);
                Closed { time, age, idle: Duration::from_millis(20) }
            };
            (0..count).map(&mut one).collect()
        }
    }

    /// The same ends, idle for all of their age.
    fn idle(mut closed: Vec<Closed>) -> Vec<Closed> {
        closed.iter_mut().for_each(|end| end.idle = end.age);
        closed
    }

    #[test]
    fn random_ages_stay_silent() {
        type Age = fn(&mut Dice) -> f64;
        let kinds: [Age; 3] = [
            |dice| 3.0 - 600.0 * (1.0 - dice.roll()).ln(),
            |dice| 3.0 + dice.roll() * 3600.0,
            |dice| 3.0 * (dice.roll() * 7.0).exp(),
        ];
        for seed in 1..=300 {
            let mut dice = Dice(seed * 0x9E37_79B9);
            for age in kinds {
                for count in [3, 4, 5, 6, 7, 8, 10, 12, 20, 50, 200, 512] {
                    let closed = dice.closed(count, age);
                    assert_eq!(infer_max_age(&closed), None, "seed {seed}, {count}");
                    assert_eq!(infer_idle_timeout(&idle(closed)), None, "seed {seed}, {count}");
                }
            }
        }
    }

    use super::super::infer_idle_timeout;

    #[test]
    fn a_maximum_age_is_found_and_named() {
        for (seed, secs) in [(1, 20), (2, 60), (3, 300), (4, 1800), (5, 3600)] {
            let mut dice = Dice(seed);
            for count in [3, 5, 40] {
                let closed = dice.closed(count, |dice| secs as f64 + dice.roll() * 0.06);
                let found = infer_max_age(&closed).unwrap();
                assert_eq!((found.value.as_secs(), found.usual), (secs, true), "{found:?}");
                assert_eq!((found.count, found.jitter), (count, false));
                assert_eq!(infer_idle_timeout(&closed), None, "they were not idle");
            }
        }
    }

    #[test]
    fn grpcs_jitter_does_not_hide_it() {
        let mut dice = Dice(6);
        let mut found = 0;
        for _ in 0..50 {
            let closed = dice.closed(40, |dice| 1800.0 * (0.9 + 0.2 * dice.roll()) + 10.0);
            if let Some(heap) = infer_max_age(&closed) {
                assert_eq!((heap.value.as_secs(), heap.jitter), (1800, true), "{heap:?}");
                found += 1;
            }
        }
        assert!(found >= 45, "{found} of 50");
    }

    #[test]
    fn a_server_that_stops_is_one_event() {
        let stop = Timestamp::from_nanos(1_700_000_000_000_000_000);
        let one = |number: u64| Closed {
            time: stop.after(Duration::from_millis(number * 7)),
            age: Duration::from_secs(1800) + Duration::from_millis(number * 5),
            idle: Duration::ZERO,
        };
        let closed: Vec<_> = (0..10).map(one).collect();
        assert_eq!(infer_max_age(&closed), None);
        assert_eq!(infer_idle_timeout(&idle(closed)), None);
    }

    #[test]
    fn idle_is_told_from_old() {
        let mut dice = Dice(7);
        let mut closed = dice.closed(20, |dice| 61.0 + dice.roll() * 50.0);
        closed.iter_mut().for_each(|end| end.idle = Duration::from_millis(60_004));
        let found = infer_idle_timeout(&closed).unwrap();
        assert_eq!((found.value, found.count), (Duration::from_secs(60), 20));
        assert_eq!(infer_max_age(&closed), None);
    }

    #[test]
    fn two_are_too_few() {
        let closed = Dice(8).closed(2, |_| 1800.0);
        assert_eq!(infer_max_age(&closed), None);
        assert_eq!(infer_max_age(&[]), None);
    }

    #[test]
    fn long_times_are_written_as_people_do() {
        let says = |secs| long(Duration::from_secs(secs));
        assert_eq!((says(20), says(350)), ("20 s".into(), "350 s".into()));
        assert_eq!((says(1800), says(3600)), ("30 min".into(), "1 h".into()));
    }
}
