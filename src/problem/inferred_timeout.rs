use std::time::Duration;

use super::words::Span;
use super::{Code, Detector, Severity};

/// The give-ups of a route heap at one value.
pub(super) const DETECTOR: Detector = Detector {
    code: Code::InferredTimeout,
    severity: Severity::Note,
    title: TITLE,
    applies: None,
    sentence: |_| TITLE.into(),
    explain: include_str!("../../docs/findings/inferred-timeout.md"),
};

const TITLE: &str = "the give-ups heap at one value: a timeout";

/// How far apart the give-ups of one timeout lie. On a pod's lo, 500 ms showed as 467 to 511 with
/// nine of ten inside 29 ms.
const WINDOW: Duration = Duration::from_millis(30);

/// Fewer give-ups than this say nothing: five random ones within [`WINDOW`] of a range of 3 s are
/// a matter of one in ten million.
const LEAST: usize = 5;

/// The usual values, in ms: what people write into configurations.
const USUAL: [u64; 31] = [
    100, 200, 250, 300, 400, 500, 600, 750, 800, 1000, 1500, 2000, 2500, 3000, 4000, 5000, 6000,
    8000, 10_000, 15_000, 20_000, 25_000, 29_000, 30_000, 45_000, 60_000, 90_000, 100_000, 120_000,
    180_000, 300_000,
];

/// A timeout that the give-ups of one route show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InferredTimeout {
    /// Its value: a usual one if it is within 3 % of what was measured.
    pub value: Duration,
    /// Whether `value` is a usual one; otherwise it is the median as measured.
    pub usual: bool,
    /// The shortest gap that belongs to it.
    pub low: Duration,
    /// The longest gap that belongs to it.
    pub high: Duration,
    /// How many gaps belong to it.
    pub count: usize,
}

impl InferredTimeout {
    /// `a timeout of 500 ms`, or `a timeout of about 437 ms`.
    pub fn words(&self) -> String {
        let about = if self.usual { "" } else { "about " };
        format!("a timeout of {about}{}", Span(self.value))
    }
}

/// The timeout that these gaps show, from a request's end to its client's leaving.
///
/// It is the densest window of 30 ms, if it holds at least 5 gaps and at least 60 % of all;
/// neither the shortest gap nor the mean, which a few impatient people spoil. Where the gaps
/// themselves are short, the window must not be wider than a third of its upper end. Sorts `gaps`.
pub fn infer_timeout(gaps: &mut [Duration]) -> Option<InferredTimeout> {
    gaps.sort_unstable();
    let (mut best, mut start) = (0..0, 0);
    for end in 1..=gaps.len() {
        while gaps[end - 1] - gaps[start] > WINDOW {
            start += 1;
        }
        if end - start > best.len() {
            best = start..end;
        }
    }
    let heap = &gaps[best];
    let (low, high) = (*heap.first()?, *heap.last()?);
    if heap.len() < LEAST || heap.len() * 10 < gaps.len() * 6 || (high - low) * 3 > high {
        return None;
    }
    let median = heap[heap.len() / 2];
    let (value, usual) = match usual(median) {
        Some(value) => (value, true),
        None => (median, false),
    };
    Some(InferredTimeout { value, usual, low, high, count: heap.len() })
}

/// The usual value nearest to `measured`, if it is within 3 % of it.
fn usual(measured: Duration) -> Option<Duration> {
    let nearest = USUAL
        .into_iter()
        .map(Duration::from_millis)
        .min_by_key(|usual| usual.abs_diff(measured))?;
    (nearest.abs_diff(measured) * 100 <= nearest * 3).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A repeatable source of numbers (xorshift64*).
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, bound: u64) -> u64 {
            self.0 ^= self.0 >> 12;
            self.0 ^= self.0 << 25;
            self.0 ^= self.0 >> 27;
            self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % bound
        }

        /// Gaps as seen on a pod's lo: most a few ms below, some above.
        fn around(&mut self, millis: u64) -> Duration {
            Duration::from_micros(millis * 1000 - 12_000 + self.below(8_000) + self.below(9_000))
        }
    }

    #[test]
    fn random_gaps_stay_silent() {
        for seed in 1..=300 {
            let mut dice = Dice(seed * 0x9E37_79B9);
            for count in [5, 6, 7, 8, 10, 20, 50, 200, 1000, 5000] {
                let mut gaps: Vec<_> =
                    (0..count).map(|_| Duration::from_micros(dice.below(3_000_000))).collect();
                assert_eq!(infer_timeout(&mut gaps), None, "seed {seed}, {count} gaps");
            }
        }
    }

    #[test]
    fn a_timeout_is_found_in_its_jitter_and_rounded() {
        for (seed, millis) in [(1, 200), (2, 250), (3, 500), (4, 1000), (5, 15_000), (6, 60_000)] {
            let mut dice = Dice(seed);
            for count in [5, 30, 400] {
                let mut gaps: Vec<_> = (0..count).map(|_| dice.around(millis)).collect();
                let found = infer_timeout(&mut gaps).unwrap();
                assert_eq!((found.value, found.usual), (Duration::from_millis(millis), true));
                assert_eq!(found.count, count);
            }
        }
    }

    #[test]
    fn impatient_people_do_not_hide_it() {
        let mut dice = Dice(7);
        let mut gaps: Vec<_> = (0..70).map(|_| dice.around(500)).collect();
        gaps.extend((0..30).map(|_| Duration::from_micros(dice.below(450_000))));
        let found = infer_timeout(&mut gaps).unwrap();
        assert_eq!(found.value, Duration::from_millis(500));
        assert!(found.count >= 70 && found.low > Duration::from_millis(450));
    }

    #[test]
    fn two_timeouts_half_and_half_are_none() {
        let mut dice = Dice(8);
        let mut gaps: Vec<_> = (0..50).map(|_| dice.around(500)).collect();
        gaps.extend((0..50).map(|_| dice.around(1000)));
        assert_eq!(infer_timeout(&mut gaps), None);
    }

    #[test]
    fn of_two_timeouts_the_one_that_prevails_is_said() {
        let mut dice = Dice(9);
        let mut gaps: Vec<_> = (0..70).map(|_| dice.around(500)).collect();
        gaps.extend((0..30).map(|_| dice.around(1000)));
        assert_eq!(infer_timeout(&mut gaps).unwrap().value, Duration::from_millis(500));
    }

    #[test]
    fn an_unusual_value_is_stated_as_measured() {
        let mut gaps: Vec<_> = (430..440).map(Duration::from_millis).collect();
        let found = infer_timeout(&mut gaps).unwrap();
        assert_eq!((found.value, found.usual), (Duration::from_millis(435), false));
        assert_eq!(found.words(), "a timeout of about 435 ms");
    }

    #[test]
    fn four_give_ups_are_too_few() {
        assert_eq!(infer_timeout(&mut [Duration::from_millis(500); 4]), None);
        assert_eq!(infer_timeout(&mut []), None);
    }

    #[test]
    fn instant_leavers_have_no_timeout() {
        let mut gaps: Vec<_> = (0..30).map(Duration::from_millis).collect();
        assert_eq!(infer_timeout(&mut gaps), None);
    }
}
