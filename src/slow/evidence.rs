use super::compare::{Comparison, compare};
use super::figures::{Wait, wait};
use super::samples::{Sample, Samples};
use super::table::Table;
use super::test::Test;
use super::usual::lower_median;

/// Why a pod is named.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// Its name.
    pub pod: String,
    /// The route that it is slow on, if it is one that most of it comes from.
    pub route: Option<String>,
    /// By what its requests count as slow; `None`: it answers nothing.
    pub test: Option<Test>,
    /// How many of its requests were slow ...
    pub slow: u64,
    /// ... of so many ...
    pub requests: u64,
    /// ... and how many would have been on the other pods.
    pub expected: u64,
    /// How many of them were given up by their client.
    pub given_up: u64,
    /// Its median.
    pub median: Option<Wait>,
    /// The median of the pods that are not named.
    pub others: Option<Wait>,
}

impl Evidence {
    /// What stands out most of this pod.
    pub(super) fn new(
        samples: &Samples,
        own: &[Vec<Sample>],
        table: &Table,
        named: &[bool],
        pod: usize,
    ) -> Self {
        let sub: Vec<bool> = (0..named.len()).map(|one| !named[one] || one == pod).collect();
        let mut best: Option<(Test, Comparison)> = None;
        for test in [Test::Limit, Test::FiveTimes, Test::Twice] {
            let found = compare(table, &sub, None, test)[pod];
            let better = best.is_none_or(|(_, best)| found.surplus > best.surplus / 0.8);
            if found.requests > 0.0 && better {
                best = Some((test, found));
            }
        }
        let (test, mut found) = best.unwrap_or((Test::Twice, Comparison::default()));
        let beyond = found.slow - found.elsewhere();
        let one = table.routes().find_map(|route| {
            let here = compare(table, &sub, Some(route), test)[pod];
            let most = here.slow - here.elsewhere() >= 0.6 * beyond;
            (here.requests > 0.0 && most && here.requests <= 0.5 * found.requests)
                .then_some((route, here))
        });
        if let Some((_, here)) = one {
            found = here;
        }
        let here =
            |sample: &&Sample| one.is_none_or(|(route, _)| usize::from(sample.route) == route);
        let mine: Vec<Sample> = own[pod].iter().filter(here).copied().collect();
        let others = own.iter().zip(named).filter(|(_, named)| !**named);
        let others: Vec<Sample> = others.flat_map(|(list, _)| list).filter(here).copied().collect();
        let weight = samples.weight();
        let gave_up = |sample: &&Sample| !sample.open && sample.gave_up.is_finite();
        Self {
            pod: samples.name(pod).to_owned(),
            route: one.map(|(route, _)| samples.routes[route].to_string()),
            test: Some(test),
            slow: weight * found.slow as u64,
            requests: weight * found.requests as u64,
            expected: weight * found.elsewhere().round() as u64,
            given_up: weight * mine.iter().filter(gave_up).count() as u64,
            median: wait(&mine, lower_median),
            others: wait(&others, lower_median),
        }
    }

    /// A pod that has answered nothing.
    pub(super) fn silent(samples: &Samples, list: &[Sample], pod: usize) -> Self {
        let gave_up = |sample: &&Sample| !sample.open && sample.gave_up.is_finite();
        let weight = samples.weight();
        Self {
            pod: samples.name(pod).to_owned(),
            route: None,
            test: None,
            slow: weight * list.len() as u64,
            requests: weight * list.len() as u64,
            expected: 0,
            given_up: weight * list.iter().filter(gave_up).count() as u64,
            median: wait(list, lower_median),
            others: None,
        }
    }

    /// It in one sentence.
    pub fn sentence(&self) -> String {
        let Self { pod, slow, requests, expected, .. } = self;
        let Some(test) = self.test else {
            return format!(
                "{pod} answers nothing: none of its {requests} requests has an answer."
            );
        };
        let place = self.route.as_ref().map_or(String::new(), |route| format!(" on {route}"));
        let medians = match (self.median, self.others) {
            (Some(own), Some(others)) => format!(" Median {own}, of the others {others}."),
            _ => String::new(),
        };
        format!(
            "{pod} is slow{place}: {slow} of its {requests} requests {}; {expected} would have on \
             the other pods.{medians}",
            test.words()
        )
    }
}
