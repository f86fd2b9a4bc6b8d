use std::time::Duration;

use super::attributes::shared;
use super::compare::{Comparison, compare};
use super::evidence::Evidence;
use super::figures::{Figures, figures};
use super::find::{fast, is_clear, slow};
use super::notes::{names, notes};
use super::samples::{Sample, Samples};
use super::silent::silent;
use super::table::{Table, bounds, is_slow};
use super::tail::{needed, wilson_low};
use super::test::Test;
use super::usual::{Usual, usual};
use crate::problem::Span;

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// The probability of a false accusation over all pods and tests of this look.
    pub error: f64,
    /// From how long on a request counts as given up where no client gives up.
    pub limit: Option<Duration>,
}

impl Default for Question {
    /// One false accusation in a hundred looks, no limit.
    fn default() -> Self {
        Self { error: 0.01, limit: None }
    }
}

/// The answer in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// One pod is slow, or a few are.
    Slow,
    /// The pods fall into two groups.
    Split,
    /// All are slow alike.
    Alike,
    /// None stands out, and one three times slower would have.
    None,
    /// There was too little to tell.
    NotEnough,
}

impl Answer {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Slow => "slow",
            Self::Split => "split",
            Self::Alike => "alike",
            Self::None => "none",
            Self::NotEnough => "not_enough",
        }
    }
}

/// Which pod is slow, and why that is said.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The answer.
    pub answer: Answer,
    /// It in one sentence; of slow pods the evidence says more.
    pub sentence: String,
    /// The slow pods.
    pub slow: Vec<Evidence>,
    /// Of a split, where most pods are slow: the fast ones.
    pub fast: Vec<String>,
    /// What the slow ones (of a split: the named ones) share and the others have not.
    pub shared: Vec<String>,
    /// Not enough: how much longer would do.
    pub more: Option<Duration>,
    /// What else is to be known, each a sentence.
    pub notes: Vec<String>,
    /// All pods, the most suspicious first.
    pub pods: Vec<Figures>,
}

/// Wilson's lower bound of the share of give-ups from which all are slow alike, and how many.
const ALIKE: (f64, usize) = (0.02, 10);
/// The share of active pods from which several slow ones are a group.
const GROUP: f64 = 0.3;
/// The share of pods that must have enough requests for "none".
const QUORUM: f64 = 0.8;

impl Verdict {
    /// Judges all pods.
    pub fn of(samples: &Samples, question: &Question) -> Self {
        let own = samples.own();
        let limit = question.limit.map(|limit| limit.as_secs_f32() * 1000.0);
        let usual = usual(&own, samples.routes.len(), limit);
        let (from, until) = samples.window();
        let table = Table::new(&own, &usual, from, until);
        let case =
            Case { samples, own: &own, usual: &usual, table: &table, error: question.error, limit };
        let figures = figures(samples, &own);
        let mut verdict = case.answer();
        verdict.notes.extend(notes(samples, &figures));
        verdict.pods = case.sorted(figures);
        verdict
    }

    fn new(answer: Answer, sentence: String) -> Self {
        Self {
            answer,
            sentence,
            slow: Vec::new(),
            fast: Vec::new(),
            shared: Vec::new(),
            more: None,
            notes: Vec::new(),
            pods: Vec::new(),
        }
    }
}

/// What is judged.
struct Case<'a> {
    samples: &'a Samples,
    own: &'a [Vec<Sample>],
    usual: &'a [Usual],
    table: &'a Table,
    error: f64,
    limit: Option<f32>,
}

impl Case<'_> {
    fn answer(&self) -> Verdict {
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
        let all = vec![true; self.own.len()];
        let tests = Test::ALL.map(|test| compare(self.table, &all, None, test));
        if self.own.len() > 2 {
            let fast = fast(&tests[Test::Twice as usize], level);
            if !fast.is_empty() {
                return self.mostly_slow(&fast);
            }
        }
        self.suspect(&tests, level)
            .or_else(|| self.alike(&active))
            .unwrap_or_else(|| self.none(&tests[Test::Twice as usize], &active, level))
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

    /// A pod that may be slow, if nothing else is: more requests would tell.
    fn suspect(&self, tests: &[Vec<Comparison>; 3], level: f64) -> Option<Verdict> {
        let mut best: Option<(f64, usize, Test, Comparison)> = None;
        for (test, found) in Test::ALL.into_iter().zip(tests) {
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

    /// Clients give up at all pods.
    fn alike(&self, active: &[usize]) -> Option<Verdict> {
        let gave_up = |sample: &&Sample| {
            let reached = self.limit.is_some_and(|limit| sample.took >= limit);
            sample.is_given_up() || (reached && !self.gives_up(sample))
        };
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
        if all < few as f64 || wilson_low(all, n) < least || 3 * with < 2 * large.len() {
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
        let who =
            if self.limit.is_some() { "the limit was reached by" } else { "clients gave up on" };
        Some(Verdict::new(
            Answer::Alike,
            format!(
                "All pods are slow alike: {who} {:.0} of {:.0} requests ({:.0}-{:.0} % per pod), \
                 most of them {}{usual}: a shared dependency, or a timeout too short for this route.",
                all * weight,
                n * weight,
                100.0 * low,
                100.0 * high,
                self.samples.routes[route],
            ),
        ))
    }

    /// Whether clients of this request's route give up by themselves.
    fn gives_up(&self, sample: &Sample) -> bool {
        Some(self.usual[usize::from(sample.route)].limit) != self.limit
    }

    /// Nobody stands out, if one would have.
    fn none(&self, twice: &[Comparison], active: &[usize], level: f64) -> Verdict {
        let (slow, known) =
            twice.iter().fold((0.0, 0.0), |sum, one| (sum.0 + one.slow, sum.1 + one.requests));
        if known == 0.0 {
            let words =
                "No route was asked of two pods in the same seconds; there is nothing to compare.";
            return self.not_enough(words.to_owned(), rounded(self.table.window));
        }
        let rest = slow / known;
        let (mut slower, mut told) = (0.0, 0.0);
        for sample in self.own.iter().flatten() {
            let usual = self.usual[usize::from(sample.route)];
            let [twice, ..] = bounds(usual);
            if is_slow(sample, twice).is_some() {
                told += 1.0;
                slower += f64::from(u8::from(sample.took >= 2.0 * usual.time / 3.0));
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

    fn not_enough(&self, words: String, more: Duration) -> Verdict {
        let sentence = format!("{words} Capture {} more seconds.", more.as_secs());
        Verdict { more: Some(more), ..Verdict::new(Answer::NotEnough, sentence) }
    }

    /// The most suspicious first.
    fn sorted(&self, mut figures: Vec<Figures>) -> Vec<Figures> {
        let all = vec![true; self.own.len()];
        for test in Test::ALL {
            for (figures, found) in figures.iter_mut().zip(compare(self.table, &all, None, test)) {
                if found.requests > 0.0 {
                    figures.chance = figures.chance.min(found.chance);
                }
            }
        }
        figures.sort_by(|a, b| {
            let most = |figures: &Figures| figures.requests.saturating_sub(figures.answered);
            a.chance.total_cmp(&b.chance).then_with(|| most(b).cmp(&most(a)))
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
fn rounded(seconds: f64) -> Duration {
    let fives = (seconds / 5.0).ceil().clamp(1.0, 100_000.0);
    Duration::from_secs(5 * fives as u64)
}
