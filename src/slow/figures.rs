use std::fmt;
use std::time::Duration;

use super::sample::Sample;
use super::samples::Samples;
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
    /// How long half of them took at most.
    pub median: Option<Wait>,
    /// How long 99 of a hundred took at most.
    pub p99: Option<Wait>,
    /// An upper bound of the probability that a healthy pod looks like this, over all routes together; 1
    /// where nothing is suspicious.
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
        let [median, p99] = waits(list.iter(), [0.5, 0.99]);
        Figures {
            name: samples.name(place).to_owned(),
            requests: weight * list.len() as u64,
            answered: count(|sample| !sample.unseen),
            given_up: count(Sample::is_given_up),
            failed: samples.pods[place].failed(),
            median,
            p99,
            chance: 1.0,
        }
    };
    own.iter().enumerate().map(of).collect()
}

/// The times at these quantiles of all. Where it is that of a request whose answer nobody saw, it
/// was longer than those waited. Of no requests there is none.
pub(super) fn waits<'a, const N: usize>(
    list: impl Iterator<Item = &'a Sample> + Clone,
    quantiles: [f64; N],
) -> [Option<Wait>; N] {
    let mut times: Vec<u32> = list.clone().map(Sample::known).collect();
    quantiles.map(|quantile| {
        let place = (times.len() as f64 * quantile).ceil() as usize;
        let place = place.clamp(1, times.len().max(1)) - 1;
        if times.is_empty() {
            return None;
        }
        let picked = f32::from_bits(*times.select_nth_unstable(place).1);
        if picked.is_finite() {
            return Some(Wait::Known(span(picked)));
        }
        // What was only just asked when the capture ended says less than who gave up.
        let left = list.clone().any(|sample| sample.unseen && !sample.open);
        let unseen = list.clone().filter(|sample| sample.unseen && !(left && sample.open));
        let mut waited: Vec<u32> = unseen.map(|sample| sample.took.to_bits()).collect();
        Some(Wait::Longer(span(f32::from_bits(lower_median(&mut waited)))))
    })
}

/// Milliseconds.
pub(super) fn span(millis: f32) -> Duration {
    Duration::from_secs_f64(f64::from(millis) / 1000.0)
}
