use std::time::Duration;

use super::attributes::shared;
use super::compare::Comparison;
use super::evidence::Evidence;
use super::figures::Figures;
use super::find::{fast, slow};
use super::notes::names;
use super::sample::Sample;
use super::samples::Samples;
use super::silent::silent;
use super::table::Table;
use super::test::Test;
use super::usual::Usual;
use super::verdict::{Answer, Verdict};

/// The share of active pods from which several slow ones are a group.
const GROUP: f64 = 0.3;

/// What is judged.
pub(super) struct Case<'a> {
    pub(super) samples: &'a Samples,
    pub(super) own: &'a [Vec<Sample>],
    pub(super) usual: &'a [Usual],
    pub(super) table: &'a Table,
    /// All pods compared, by test.
    pub(super) tests: [Vec<Comparison>; 3],
    pub(super) error: f64,
    pub(super) limit: Option<f32>,
}

impl Case<'_> {
    pub(super) fn answer(&self) -> Verdict {
        let active = self.active();
        if active.len() < 2 {
            let words = match active.first() {
                None => "No pod had a request.".to_owned(),
                Some(one) => format!(
                    "Only {} had requests; there is nothing to compare it with.",
                    self.samples.name(*one)
                ),
            };
            return self.not_enough(words, rounded(self.table.window));
        }
        let level = self.error / 2.0 / self.worth().max(1) as f64 / 3.0;
        let silent = silent(self.own, self.usual);
        let mut named = slow(self.table, level);
        named.iter_mut().zip(&silent).for_each(|(named, silent)| *named |= silent);
        if named.contains(&true) {
            return self.named(&named, &silent, active.len());
        }
        if self.own.len() > 2 {
            let fast = fast(&self.tests[Test::Twice as usize], level);
            if !fast.is_empty() {
                return self.mostly_slow(&fast);
            }
        }
        self.suspect(level)
            .or_else(|| self.alike(&active))
            .unwrap_or_else(|| self.none(&active, level))
    }

    /// The pods with requests.
    fn active(&self) -> Vec<usize> {
        (0..self.own.len()).filter(|pod| !self.own[*pod].is_empty()).collect()
    }

    /// How many pods have enough requests to be looked at.
    fn worth(&self) -> usize {
        self.own.iter().filter(|list| list.len() >= 3).count()
    }

    fn named(&self, named: &[bool], silent: &[bool], active: usize) -> Verdict {
        let pods: Vec<usize> = (0..named.len()).filter(|pod| named[*pod]).collect();
        let of = |pod: &usize| match silent[*pod] {
            true => Evidence::silent(self.samples, &self.own[*pod], *pod),
            false => Evidence::new(self.samples, self.own, self.usual, self.table, named, *pod),
        };
        let slow: Vec<Evidence> = pods.iter().map(of).collect();
        let shared = shared(&self.samples.pods, named);
        let split = pods.len() >= 2 && pods.len() as f64 >= GROUP * active as f64;
        let (answer, sentence) = if split {
            let count = pods.len();
            let why = what(&shared, "they");
            (
                Answer::Split,
                format!("The pods fall into two groups: {count} of {active} are slow. {why}"),
            )
        } else {
            let names: Vec<&str> = pods.iter().map(|pod| self.samples.name(*pod)).collect();
            let are = if pods.len() == 1 { "is" } else { "are" };
            let own = match (shared.is_empty(), pods.len()) {
                (true, _) => String::new(),
                (_, 1) => format!(" Only it has {}.", shared.join(", ")),
                _ => format!(" Only they have {}.", shared.join(", ")),
            };
            (Answer::Slow, format!("{} {are} slow.{own}", self::names(&names)))
        };
        Verdict { slow, shared, ..Verdict::new(answer, sentence) }
    }

    fn mostly_slow(&self, fast: &[usize]) -> Verdict {
        let mut named = vec![false; self.own.len()];
        fast.iter().for_each(|pod| named[*pod] = true);
        let shared = shared(&self.samples.pods, &named);
        let list: Vec<&str> = fast.iter().map(|pod| self.samples.name(*pod)).collect();
        let are = if fast.len() == 1 { "is" } else { "are" };
        let why = what(&shared, "these");
        let sentence = format!("Most pods are slow: only {} {are} fast. {why}", names(&list));
        let fast = list.into_iter().map(str::to_owned).collect();
        Verdict { fast, shared, ..Verdict::new(Answer::Split, sentence) }
    }

    pub(super) fn not_enough(&self, words: String, more: Duration) -> Verdict {
        let sentence = format!("{words} Capture {} more seconds.", more.as_secs());
        Verdict { more: Some(more), ..Verdict::new(Answer::NotEnough, sentence) }
    }

    /// Those that are named first, then the most suspicious.
    pub(super) fn sorted(&self, mut figures: Vec<Figures>, named: &[Evidence]) -> Vec<Figures> {
        for found in &self.tests {
            for (figures, found) in figures.iter_mut().zip(found) {
                if found.requests > 0.0 {
                    figures.chance = figures.chance.min(found.chance);
                }
            }
        }
        let is_named = |figures: &Figures| named.iter().any(|named| named.pod == figures.name);
        figures.sort_by(|a, b| {
            let most = |figures: &Figures| figures.requests.saturating_sub(figures.answered);
            is_named(b)
                .cmp(&is_named(a))
                .then_with(|| a.chance.total_cmp(&b.chance))
                .then_with(|| most(b).cmp(&most(a)))
        });
        figures
    }
}

/// What a group shares, or the question.
fn what(shared: &[String], who: &str) -> String {
    match shared {
        [] => format!("What do {who} share (version, node, zone)?"),
        shared => format!("Only {who} have {}.", shared.join(", ")),
    }
}

/// Whole seconds, up to the next five.
pub(super) fn rounded(seconds: f64) -> Duration {
    let fives = (seconds / 5.0).ceil().clamp(1.0, 100_000.0);
    Duration::from_secs(5 * fives as u64)
}
