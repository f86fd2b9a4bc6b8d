use std::collections::BTreeMap;
use std::time::Duration;

use super::compare::{Comparison, compare};
use super::figures::{Wait, span, waits};
use super::sample::Sample;
use super::samples::Samples;
use super::table::Table;
use super::test::Test;
use super::usual::{PATIENCE, Usual};
use crate::problem::Span;

/// Why a pod is named.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// Its name.
    pub pod: String,
    /// The route that it is slow on, if most of it comes from one; otherwise it is on all.
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
    /// When clients of the route with most of its slow requests give up.
    pub limit: Option<Duration>,
    /// What it is like on the route with most of its slow requests.
    pub medians: Option<Medians>,
}

/// The medians of one route.
#[derive(Clone, Debug)]
pub struct Medians {
    /// The route.
    pub route: String,
    /// The median of the pod that is named.
    pub own: Wait,
    /// The usual time of the route: the median of the pod that is at the lower quartile of all.
    pub usual: Duration,
}

impl Evidence {
    /// What stands out most of this pod.
    pub(super) fn new(
        samples: &Samples,
        own: &[Vec<Sample>],
        usual: &[Usual],
        table: &Table,
        named: &[bool],
        pod: usize,
    ) -> Self {
        let sub: Vec<bool> = (0..named.len()).map(|one| !named[one] || one == pod).collect();
        let (test, all) = clearest(table, &sub, pod);
        let beyond = all.slow - all.elsewhere();
        let alone = table.routes().find_map(|route| {
            let here = compare(table, &sub, Some(route), test)[pod];
            let most = here.slow - here.elsewhere() >= 0.6 * beyond;
            let few = here.requests > 0.0 && here.requests <= 0.5 * all.requests;
            (most && few).then_some((route, here))
        });
        let found = alone.map_or(all, |(_, here)| here);
        let route = alone.map(|(route, _)| route);
        let most = route.unwrap_or_else(|| most_slow(table, pod, test));
        let mine = own[pod].iter().filter(|sample| usize::from(sample.route) == most);
        let [median] = waits(mine.clone(), [0.5]);
        let limit = Some(usual[most].limit).filter(|limit| limit.is_finite());
        let usual = usual[most].time;
        let medians = median.filter(|_| usual.is_finite()).map(|own| Medians {
            route: samples.routes[most].to_string(),
            own,
            usual: span(usual),
        });
        let weight = samples.weight();
        Self {
            pod: samples.name(pod).to_owned(),
            route: route.map(|route| samples.routes[route].to_string()),
            test: Some(test),
            slow: weight * found.slow as u64,
            requests: weight * found.requests as u64,
            expected: weight * found.elsewhere().round() as u64,
            given_up: weight
                * match route {
                    Some(_) => given_up(mine),
                    None => given_up(own[pod].iter()),
                },
            limit: limit.map(|limit| span(limit / PATIENCE)),
            medians,
        }
    }

    /// A pod that has answered nothing.
    pub(super) fn silent(samples: &Samples, list: &[Sample], pod: usize) -> Self {
        let requests = samples.weight() * list.len() as u64;
        Self {
            pod: samples.name(pod).to_owned(),
            route: None,
            test: None,
            slow: requests,
            requests,
            expected: 0,
            given_up: samples.weight() * given_up(list.iter()),
            limit: None,
            medians: None,
        }
    }

    /// It in one sentence, or two.
    pub fn sentence(&self) -> String {
        let Self { pod, slow, requests, expected, .. } = self;
        let Some(test) = self.test else {
            return format!("{pod} answers nothing: none of its {requests} requests was answered.");
        };
        let place = self.route.as_ref().map_or(String::new(), |route| format!(" on {route}"));
        let limit = match (test, self.limit) {
            (Test::Limit, Some(limit)) => format!(" ({})", Span(limit)),
            _ => String::new(),
        };
        let mut said = format!(
            "{pod} is slow{place}: {slow} of its {requests} requests {}{limit}; {expected} would \
             have on the other pods.",
            test.words()
        );
        if let Some(Medians { route, own, usual }) = &self.medians {
            let its = match &self.route {
                Some(_) => "Its".to_owned(),
                None => format!("On {route} its"),
            };
            said += &format!(" {its} median is {own}; usual is {}.", Span(*usual));
        }
        said
    }
}

/// The test by which the pod stands out most; one that says more is preferred.
fn clearest(table: &Table, pods: &[bool], pod: usize) -> (Test, Comparison) {
    let mut best: Option<(Test, Comparison)> = None;
    for test in [Test::Limit, Test::FiveTimes, Test::Twice] {
        let found = compare(table, pods, None, test)[pod];
        let better = best.is_none_or(|(_, best)| found.surplus > best.surplus / 0.8);
        if found.requests > 0.0 && better {
            best = Some((test, found));
        }
    }
    best.unwrap_or((Test::Twice, Comparison::default()))
}

fn given_up<'a>(list: impl Iterator<Item = &'a Sample>) -> u64 {
    list.filter(|sample| sample.is_given_up()).count() as u64
}

/// The route on which most of a pod's slow requests were.
fn most_slow(table: &Table, pod: usize, test: Test) -> usize {
    let mut slow = BTreeMap::new();
    let only: Vec<bool> = (0..table.pods).map(|one| one == pod).collect();
    for entry in table.entries(&only, None) {
        *slow.entry(usize::from(entry.route)).or_insert(0) += entry.slow[test as usize];
    }
    slow.into_iter().max_by_key(|(_, slow)| *slow).map_or(0, |(route, _)| route)
}
