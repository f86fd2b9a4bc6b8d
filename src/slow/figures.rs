use std::fmt;
use std::time::Duration;

use super::samples::{Sample, Samples};
use super::usual::lower_median;
use crate::problem::Span;

/// What was seen at one pod.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Its name.
    pub name: String,
    /// Requests to it; whatever it asks of others is not counted.
    pub requests: u64,
    /// Those answered, the ones whose client had left included.
    pub answered: u64,
    /// Those that their client gave up.
    pub given_up: u64,
    /// Those that ended in an error: 5xx, a grpc-status, a reset, a truncated answer.
    pub failed: u64,
    /// How long half of them took at most, and how long 99 of a hundred.
    pub median: Option<Wait>,
    /// How long 99 of a hundred took at most.
    pub p99: Option<Wait>,
    /// An upper bound of the probability that a healthy pod looks like this; 1 where nothing is
    /// suspicious.
    pub chance: f64,
}

/// How long requests took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// So long.
    Known(Duration),
    /// Longer: nobody waited for the answer.
    Longer(Duration),
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(span) => write!(f, "{}", Span(*span)),
            Self::Longer(span) => write!(f, ">{}", Span(*span)),
        }
    }
}

/// The figures of each pod.
pub(super) fn figures(samples: &Samples, own: &[Vec<Sample>]) -> Vec<Figures> {
    let weight = samples.weight();
    let of = |(place, list): (usize, &Vec<Sample>)| {
        let count = |is: fn(&Sample) -> bool| {
            weight * list.iter().filter(|sample| is(sample)).count() as u64
        };
        Figures {
            name: samples.name(place).to_owned(),
            requests: weight * list.len() as u64,
            answered: count(|sample| !sample.unseen),
            given_up: count(|sample| !sample.open && sample.gave_up.is_finite()),
            failed: samples.pods[place].failed(),
            median: wait(list, lower_median),
            p99: wait(list, |times| {
                let place = (times.len() * 99).div_ceil(100) - 1;
                *times.select_nth_unstable_by(place, f32::total_cmp).1
            }),
            chance: 1.0,
        }
    };
    own.iter().enumerate().map(of).collect()
}

/// The time at this place of all: if it is that of a request whose answer nobody saw, it was longer
/// than they waited at most.
pub(super) fn wait(list: &[Sample], pick: impl Fn(&mut [f32]) -> f32) -> Option<Wait> {
    if list.is_empty() {
        return None;
    }
    let time = |sample: &Sample| if sample.unseen { f32::INFINITY } else { sample.took };
    let mut times: Vec<f32> = list.iter().map(time).collect();
    let span = |millis: f32| Duration::from_secs_f64(f64::from(millis) / 1000.0);
    let picked = pick(&mut times);
    if picked.is_finite() {
        return Some(Wait::Known(span(picked)));
    }
    let mut waited: Vec<f32> =
        list.iter().filter(|sample| sample.unseen).map(|sample| sample.took).collect();
    Some(Wait::Longer(span(lower_median(&mut waited))))
}
