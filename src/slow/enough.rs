use super::case::{Case, rounded};
use super::compare::Comparison;
use super::find::is_clear;
use super::table::{bounds, is_slow};
use super::tail::needed;
use super::test::Test;
use super::verdict::{Answer, Verdict};

/// The share of pods that must have enough requests for "none".
const QUORUM: f64 = 0.8;

impl Case<'_> {
    /// A pod that may be slow, if nothing else is: more requests would tell.
    pub(super) fn suspect(&self, level: f64) -> Option<Verdict> {
        let mut best: Option<(f64, usize, Test, Comparison)> = None;
        for (test, found) in Test::ALL.into_iter().zip(&self.tests) {
            for (pod, found) in found.iter().enumerate() {
                let suspicious = found.chance < 10.0 * level && found.slow_seconds >= 3;
                if !suspicious || !is_clear(found, test, false) {
                    continue;
                }
                let shrink = (found.free / found.requests).clamp(0.3, 1.0);
                let needed = needed(level, found.healthy, found.share(), 0.9, shrink);
                let needed = found.effect.max(1.0) * needed;
                let more = self.table.window * (needed / found.requests - 1.0);
                if best.is_none_or(|(least, ..)| more < least) {
                    best = Some((more, pod, test, *found));
                }
            }
        }
        let (more, pod, test, found) = best?;
        let words = format!(
            "{} may be slow, but {} requests cannot tell it from chance ({} {}, {:.0} expected).",
            self.samples.name(pod),
            found.requests,
            found.slow,
            test.words(),
            found.elsewhere()
        );
        Some(self.not_enough(words, rounded(more)))
    }

    /// Nobody stands out, if one would have.
    pub(super) fn none(&self, active: &[usize], level: f64) -> Verdict {
        let twice = &self.tests[Test::Twice as usize];
        let (slow, known) =
            twice.iter().fold((0.0, 0.0), |sum, one| (sum.0 + one.slow, sum.1 + one.requests));
        if known == 0.0 {
            let answered = self.own.iter().flatten().any(|sample| !sample.unseen);
            let words = match answered {
                true => "No route was asked of two pods in the same seconds: nothing to compare.",
                false => {
                    "No request was answered, so that nothing is known to be usual: --limit says what \
                     is too long."
                }
            };
            return self.not_enough(words.to_owned(), rounded(self.table.window));
        }
        let rest = slow / known;
        let (mut slower, mut told) = (0.0, 0.0);
        for sample in self.own.iter().flatten() {
            let usual = self.usual[usize::from(sample.route)];
            let [twice, ..] = bounds(usual);
            if is_slow(sample, twice).is_some() {
                told += 1.0;
                slower +=
                    f64::from(u8::from(twice.is_some_and(|bound| 3.0 * sample.took >= bound)));
            }
        }
        let slower: f64 = if told > 0.0 { (slower / told).min(0.97) } else { 0.9 };
        let mut ratios: Vec<f64> = active
            .iter()
            .map(|pod| {
                let n = twice[*pod].requests;
                let free = if n > 0.0 { (twice[*pod].free / n).max(0.02) } else { 0.02 };
                let healthy =
                    rest + (1.0 - free) * (slower - rest) + Test::Twice.tolerance() * free;
                needed(level, healthy, slower, 0.8, free.clamp(0.3, 1.0)) / n.max(0.5)
            })
            .collect();
        ratios.sort_unstable_by(f64::total_cmp);
        let few = ratios.iter().filter(|ratio| **ratio > 1.0).count();
        let place = (QUORUM * ratios.len() as f64).ceil() as usize;
        let ratio = ratios[place.clamp(1, ratios.len()) - 1];
        let weight = self.samples.weight() as usize;
        if ratio > 1.0 {
            let fewest = active.iter().map(|pod| self.own[*pod].len()).min().unwrap_or(0);
            let words = format!(
                "Not enough data: {few} of {} pods had too few requests (fewest {}) to notice a pod \
                 three times slower.",
                active.len(),
                fewest * weight
            );
            return self.not_enough(words, rounded(self.table.window * (ratio - 1.0)));
        }
        let requests: usize = self.own.iter().map(Vec::len).sum();
        let except = match few {
            0 => String::new(),
            few => format!(" (except on {few} with few requests)"),
        };
        Verdict::new(
            Answer::None,
            format!(
                "No pod stands out: {} requests on {} pods compared route by route; a pod three \
                 times slower would have been noticed{except}.",
                requests * weight,
                active.len()
            ),
        )
    }
}
