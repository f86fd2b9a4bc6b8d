use std::ops::Range;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::samples::Sample;
use super::test::Test;
use super::usual::Usual;

/// The requests of all pods, summed up: one entry for each route, second and pod.
#[derive(Debug)]
pub(super) struct Table {
    /// Sorted by route, second, pod.
    entries: Vec<Entry>,
    /// Where the entries of each route are.
    routes: Vec<Range<usize>>,
    /// The length of the capture, in s.
    pub(super) window: f64,
    pub(super) pods: usize,
    /// How many pairs of pod and second there are.
    pub(super) moments: usize,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) route: u16,
    pub(super) second: u32,
    pub(super) pod: u32,
    /// The number of its pair of pod and second.
    pub(super) moment: u32,
    pub(super) requests: u32,
    /// By test: of how many it is known whether they are slow, and how many are.
    pub(super) known: [u32; 3],
    pub(super) slow: [u32; 3],
}

/// Whether each route was slow in this way; `None` if the client left too early to tell.
pub(super) fn is_slow(sample: &Sample, usual: Usual, test: Test) -> Option<bool> {
    let times = match test {
        Test::Twice => 2.0,
        Test::FiveTimes => 5.0,
        Test::Limit if sample.unseen && sample.gave_up < usual.limit => return None,
        Test::Limit => return Some(sample.took >= usual.limit),
    };
    let bound = times * usual.time;
    if usual.time == f32::INFINITY || (sample.unseen && sample.took < bound) {
        return None;
    }
    Some(sample.took >= bound)
}

impl Table {
    /// `from` and `until` in the unit of [`Sample::at`].
    pub(super) fn new(pods: &[Vec<Sample>], usual: &[Usual], from: u32, until: u32) -> Self {
        let mut entries: Vec<Entry> = Vec::new();
        let mut found: HashMap<(u16, u32), usize, FixedState> = HashMap::default();
        let mut moments: HashMap<u32, u32, FixedState> = HashMap::default();
        let mut moment = 0;
        for (pod, samples) in pods.iter().enumerate() {
            // Requests come in the order of time, or nearly so: the entry is that of the last one.
            let mut last: Vec<Option<(u32, usize)>> = vec![None; usual.len()];
            found.clear();
            moments.clear();
            for sample in samples {
                let route = usize::from(sample.route);
                let second = sample.at.saturating_sub(from) / 1000;
                let place = match last[route] {
                    Some((at, place)) if at == second => place,
                    _ => *found.entry((sample.route, second)).or_insert_with(|| {
                        let moment = *moments.entry(second).or_insert_with(|| {
                            moment += 1;
                            moment - 1
                        });
                        entries.push(Entry {
                            route: sample.route,
                            second,
                            pod: pod as u32,
                            moment,
                            requests: 0,
                            known: [0; 3],
                            slow: [0; 3],
                        });
                        entries.len() - 1
                    }),
                };
                last[route] = Some((second, place));
                let entry = &mut entries[place];
                entry.requests += 1;
                for test in Test::ALL {
                    if let Some(slow) = is_slow(sample, usual[route], test) {
                        entry.known[test as usize] += 1;
                        entry.slow[test as usize] += u32::from(slow);
                    }
                }
            }
        }
        entries.sort_unstable_by_key(|entry| (entry.route, entry.second, entry.pod));
        let at = |route: usize| entries.partition_point(|entry| usize::from(entry.route) < route);
        let routes = (0..usual.len()).map(|route| at(route)..at(route + 1)).collect();
        let window = f64::from(until.saturating_sub(from)) / 1000.0;
        Self { entries, routes, window, pods: pods.len(), moments: moment as usize }
    }

    /// The entries of these pods: on one route, or on all.
    pub(super) fn entries<'a>(
        &'a self,
        pods: &'a [bool],
        route: Option<usize>,
    ) -> impl Iterator<Item = &'a Entry> {
        let range = route.map_or(0..self.entries.len(), |route| self.routes[route].clone());
        self.entries[range].iter().filter(|entry| pods[entry.pod as usize])
    }

    /// Routes with requests.
    pub(super) fn routes(&self) -> impl Iterator<Item = usize> {
        (0..self.routes.len()).filter(|route| !self.routes[*route].is_empty())
    }
}
