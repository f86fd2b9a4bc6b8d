use std::ops::Range;
use std::time::Duration;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::sample::Sample;
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

/// What takes less than this longer, in ms, is not slow whatever is usual: it is how the node's
/// processors are shared.
const NOTICED: f32 = 1.0;

/// From how long on, in ms, a request of a route is slow, by test; `None` where that is not known.
pub(super) fn bounds(usual: Usual) -> [Option<f32>; 3] {
    let times = |times: f32| {
        let bound = (times * usual.time).max(usual.time + NOTICED);
        usual.time.is_finite().then_some(bound)
    };
    [times(2.0), times(5.0), Some(usual.limit)]
}

/// Whether a request was slow; `None` if its client left too early to tell.
pub(super) fn is_slow(sample: &Sample, bound: Option<f32>) -> Option<bool> {
    let slow = sample.took >= bound?;
    (slow || !sample.unseen).then_some(slow)
}

impl Table {
    /// Sums up the requests of a capture of this length.
    pub(super) fn new(pods: &[Vec<Sample>], usual: &[Usual], window: Duration) -> Self {
        let bounds: Vec<_> = usual.iter().map(|usual| bounds(*usual)).collect();
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
                let second = sample.at / 1000;
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
                for (test, bound) in bounds[route].into_iter().enumerate() {
                    let slow = is_slow(sample, bound);
                    entry.known[test] += u32::from(slow.is_some());
                    entry.slow[test] += u32::from(slow == Some(true));
                }
            }
        }
        entries.sort_unstable_by_key(|entry| (entry.route, entry.second, entry.pod));
        let at = |route: usize| entries.partition_point(|entry| usize::from(entry.route) < route);
        let routes = (0..usual.len()).map(|route| at(route)..at(route + 1)).collect();
        let window = window.as_secs_f64();
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

    /// How many requests there are on a route.
    pub(super) fn requests(&self, route: usize) -> u64 {
        let entries = &self.entries[self.routes[route].clone()];
        entries.iter().map(|entry| u64::from(entry.requests)).sum()
    }

    /// Routes with requests.
    pub(super) fn routes(&self) -> impl Iterator<Item = usize> {
        (0..self.routes.len()).filter(|route| !self.routes[*route].is_empty())
    }
}
