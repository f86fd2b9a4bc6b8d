use std::time::Duration;

use super::case::Case;
use super::compare::compare;
use super::evidence::Evidence;
use super::figures::{Figures, figures};
use super::notes::notes;
use super::samples::Samples;
use super::table::Table;
use super::test::Test;
use super::usual::usual;

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

impl Verdict {
    /// Judges all pods.
    pub fn of(samples: &Samples, question: &Question) -> Self {
        let own = samples.own();
        let limit = question.limit.map(|limit| limit.as_secs_f32() * 1000.0);
        let usual = usual(&own, samples.routes.len(), limit);
        let (from, until) = samples.window();
        let table = Table::new(&own, &usual, until.since(from));
        let all = vec![true; own.len()];
        let case = Case {
            samples,
            own: &own,
            usual: &usual,
            table: &table,
            tests: Test::ALL.map(|test| compare(&table, &all, None, test)),
            error: question.error,
            limit,
        };
        let figures = figures(samples, &own);
        let mut verdict = case.answer();
        verdict.notes.extend(notes(samples, &figures));
        verdict.pods = case.sorted(figures, &verdict.slow);
        verdict
    }

    pub(super) fn new(answer: Answer, sentence: String) -> Self {
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
