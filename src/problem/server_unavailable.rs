use super::{Code, Detector, Severity};
use crate::capture::Timestamp;

/// A server refused or dropped everything for a while, and answered before or after.
pub(super) const DETECTOR: Detector = Detector {
    code: Code::ServerUnavailable,
    severity: Severity::Error,
    title: TITLE,
    applies: None,
    sentence: |_| TITLE.into(),
    explain: include_str!("../../docs/findings/server-unavailable.md"),
};

const TITLE: &str = "the server was away for a while";

/// Shorter than this nothing restarts; and connects at one moment are one failure.
const SHORT: std::time::Duration = std::time::Duration::from_secs(1);
/// Fewer failed connects say nothing.
const LEAST: u64 = 5;
/// How likely the failures may lie together by chance.
const CHANCE: f64 = 1e-4;

/// What happened at a moment, to a connect or to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attempt {
    /// Of a connect, when it began; of a request that was answered, when it was sent; of one that
    /// was dropped, when.
    pub time: Timestamp,
    /// Until when the same went on: later than `time` where several are taken together.
    pub until: Timestamp,
    /// What became of it.
    pub fate: Fate,
    /// How many it stands for.
    pub count: u64,
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// The server answered.
    Answered,
    /// The connect was refused or not answered.
    NoConnect,
    /// The server closed before the answer, or in the middle of it.
    Dropped,
}

/// A time in which a server did not answer at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// The first failure.
    pub from: Timestamp,
    /// The last failure.
    pub until: Timestamp,
    /// Connects that failed.
    pub connects: u64,
    /// Requests that were dropped.
    pub dropped: u64,
    /// Whether it had answered before.
    pub before: bool,
}

/// The times in which a server was away: connects failed, none was answered, and afterwards it
/// answered.
///
/// Connects, because they do not depend on what is asked. They are told only where all failed ones
/// lie together in a few such times, which by chance happens once in 10,000 servers: one that
/// refuses now and then, as a service does of which one pod is gone, was never away.
pub fn outages(attempts: &mut [Attempt]) -> Vec<Outage> {
    attempts.sort_unstable();
    let mut groups: Vec<Outage> = Vec::new();
    let (mut answered, mut until, mut open) = (0, None, None::<Outage>);
    for attempt in attempts.iter() {
        match attempt.fate {
            Fate::Answered => {
                answered += attempt.count;
                until = until.max(Some(attempt.until));
                groups.extend(open.take());
            }
            // Among answers that are taken together.
            _ if until.is_some_and(|until| attempt.time <= until) => {
                groups.push(Outage::of(attempt, true));
            }
            _ => match &mut open {
                Some(outage) => outage.add(attempt),
                None => open = Some(Outage::of(attempt, until.is_some())),
            },
        }
    }
    let (mut connects, mut runs) = (0, 0);
    for outage in groups.iter().chain(&open).filter(|outage| outage.connects > 0) {
        connects += outage.connects;
        runs += 1;
    }
    groups.retain(|outage| outage.connects >= LEAST && outage.until.since(outage.from) >= SHORT);
    if groups.is_empty() || chance(connects, answered, runs) > CHANCE {
        return Vec::new();
    }
    groups
}

impl Outage {
    fn of(attempt: &Attempt, before: bool) -> Self {
        let (from, until) = (attempt.time, attempt.until);
        let mut outage = Self { from, until, connects: 0, dropped: 0, before };
        outage.add(attempt);
        outage
    }

    fn add(&mut self, attempt: &Attempt) {
        self.until = self.until.max(attempt.until);
        match attempt.fate {
            Fate::NoConnect => self.connects += attempt.count,
            _ => self.dropped += attempt.count,
        }
    }
}

/// How likely `failed` among `failed + answered` lie in at most `runs` runs, if each order is as
/// likely as any other: the number of runs of one kind (Wald and Wolfowitz).
fn chance(failed: u64, answered: u64, runs: u64) -> f64 {
    let exact = |runs: u64| {
        ln_choose(failed.saturating_sub(1), runs.saturating_sub(1)) + ln_choose(answered + 1, runs)
            - ln_choose(failed + answered, failed)
    };
    (1..=runs.min(failed).min(answered + 1)).map(|runs| exact(runs).exp()).sum()
}

/// The logarithm of the binomial coefficient.
fn ln_choose(n: u64, k: u64) -> f64 {
    if k > n {
        return f64::NEG_INFINITY;
    }
    let k = k.min(n - k);
    (0..k).map(|i| ((n - i) as f64 / (k - i) as f64).ln()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_nanos(1_700_000_000_000_000_000 + millis * 1_000_000)
    }

    fn attempt(millis: i64, fate: Fate) -> Attempt {
        Attempt { time: at(millis), until: at(millis), fate, count: 1 }
    }

    /// One attempt each 200 ms; `.` was answered, `x` refused, `d` dropped.
    fn told(fates: &str) -> Vec<Outage> {
        let fate = |letter| match letter {
            '.' => Fate::Answered,
            'd' => Fate::Dropped,
            _ => Fate::NoConnect,
        };
        let each = fates.chars().enumerate();
        let mut all: Vec<_> =
            each.map(|(place, letter)| attempt(place as i64 * 200, fate(letter))).collect();
        // As they come: not in the order of their times.
        all.reverse();
        outages(&mut all)
    }

    #[test]
    fn a_restart_is_told_with_its_times() {
        let outage =
            Outage { from: at(2000), until: at(4800), connects: 14, dropped: 1, before: true };
        assert_eq!(told("..........dxxxxxxxxxxxxxx.........."), [outage]);
        assert_eq!(told("xxxxxxxxxxxxxxx..........").len(), 1, "it started late");
    }

    #[test]
    fn a_crash_loop_is_several() {
        assert_eq!(told("......xxxxxxxx......xxxxxxx......xxxxxxxx.....").len(), 3);
    }

    #[test]
    fn a_server_that_stays_away_has_not_come_back() {
        assert_eq!(told("..........xxxxxxxxxxxxxx"), []);
        assert_eq!(told("xxxxxxxxxxxxxxxxxx"), []);
    }

    #[test]
    fn a_few_failures_are_no_outage() {
        assert_eq!(told("..........xxxx.........."), []);
        assert_eq!(told("....dddddddddddddd...."), [], "it depends on what was asked, perhaps");
    }

    #[test]
    fn one_bad_pod_of_two_is_no_outage() {
        assert_eq!(told(".x.x.x.x.x.x.x.x.x.x.xxxxxx.x.x.x.x.x.x.x."), []);
    }

    #[test]
    fn failures_at_random_are_no_outage() {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let mut said = 0;
        for share in [10, 30, 50, 70, 90] {
            for length in [10, 20, 40, 100, 400] {
                for _ in 0..200 {
                    let mut letter = |_| {
                        state ^= state >> 12;
                        state ^= state << 25;
                        state ^= state >> 27;
                        let roll = (state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % 100;
                        if roll < share { 'x' } else { '.' }
                    };
                    said += usize::from(
                        !told(&(0..length).map(&mut letter).collect::<String>()).is_empty(),
                    );
                }
            }
        }
        assert_eq!(said, 0);
    }

    #[test]
    fn chances_are_those_of_counting() {
        // Three of seven in one run: five places among 35.
        assert!((chance(3, 4, 1) - 5.0 / 35.0).abs() < 1e-9);
        assert!((chance(3, 4, 3) - 1.0).abs() < 1e-9);
    }
}
