use std::time::Duration;

use super::case::Case;
use super::sample::Sample;
use super::verdict::{Answer, Verdict};
use crate::problem::Span;
use crate::wilson::wilson;

/// Wilson's lower bound (90 %) of the share of give-ups from which all are slow alike, and how many.
const ALIKE: (f64, usize) = (0.02, 10);

impl Case<'_> {
    /// Clients give up at all pods.
    pub(super) fn alike(&self, active: &[usize]) -> Option<Verdict> {
        let gave_up = |sample: &&Sample| {
            sample.is_given_up() || self.limit.is_some_and(|limit| sample.took >= limit)
        };
        let all_given_up = self.own.iter().flatten().filter(gave_up).all(Sample::is_given_up);
        let counts: Vec<(f64, f64)> = self
            .own
            .iter()
            .map(|list| (list.iter().filter(gave_up).count() as f64, list.len() as f64))
            .collect();
        let (all, n) = counts.iter().fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let share = all / n;
        let expecting = |pod: &&usize| counts[**pod].1 * share >= 2.0;
        let mut large: Vec<usize> = active.iter().filter(expecting).copied().collect();
        if large.len() < 2 {
            large = active.to_vec();
        }
        let with = large.iter().filter(|pod| counts[**pod].0 > 0.0).count();
        let (least, few) = ALIKE;
        if all < few as f64 || wilson(all, n, 1.645).0 < least || 3 * with < 2 * large.len() {
            return None;
        }
        let shares = large.iter().map(|pod| counts[*pod].0 / counts[*pod].1);
        let (low, high) =
            shares.fold((1.0_f64, 0.0_f64), |(low, high), share| (low.min(share), high.max(share)));
        let mut by_route = vec![0_usize; self.usual.len()];
        for sample in self.own.iter().flatten().filter(gave_up) {
            by_route[usize::from(sample.route)] += 1;
        }
        let route = (0..by_route.len()).rev().max_by_key(|route| by_route[*route]).unwrap_or(0);
        let usual = self.usual[route].time;
        let usual = match usual.is_finite() {
            true => format!(" (usual time {})", Span(Duration::from_secs_f32(usual / 1000.0))),
            false => " (which is hardly ever answered)".to_owned(),
        };
        let weight = self.samples.weight() as f64;
        let (count, requests) = (all * weight, n * weight);
        let what = match all_given_up {
            true => format!("clients gave up on {count:.0} of {requests:.0} requests"),
            false => {
                format!("{count:.0} of {requests:.0} requests were given up or reached the limit")
            }
        };
        Some(Verdict::new(
            Answer::Alike,
            format!(
                "All pods are slow alike: {what} ({:.0}-{:.0} % per pod), most of them {}{usual}: a \
                 shared dependency, or a timeout too short for this route.",
                100.0 * low,
                100.0 * high,
                self.samples.routes[route],
            ),
        ))
    }
}
