use super::sample::Sample;

/// Requests of a route below which a pod's median says nothing.
const ENOUGH: usize = 10;

/// The limit is this share of the median patience: on a pod's loopback a timeout shows as a little
/// less than it is.
pub(super) const PATIENCE: f32 = 0.95;

/// What is usual on a route, in ms; infinite where it is not known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Usual {
    /// The median on the pod that is at the lower quartile of all.
    pub(super) time: f32,
    /// What took so long would have been given up: a little less than the median patience of those
    /// who gave up. The route's, not of each client: an impatient one says nothing of the pod.
    pub(super) limit: f32,
}

/// What is usual on each route. None is longer than `limit`.
pub(super) fn usual(pods: &[Vec<Sample>], routes: usize, limit: Option<f32>) -> Vec<Usual> {
    let mut by_route: Vec<Route> = vec![Route::default(); routes];
    let mut of_pod: Vec<Vec<u32>> = vec![Vec::new(); routes];
    for samples in pods {
        for sample in samples {
            let route = usize::from(sample.route);
            of_pod[route].push(sample.known());
            if sample.is_given_up() {
                by_route[route].gave_up.push(sample.gave_up.to_bits());
            }
        }
        for (times, route) in of_pod.iter_mut().zip(&mut by_route) {
            if times.len() >= ENOUGH {
                route.medians.push(lower_median(times));
            }
            route.all.append(times);
        }
    }
    by_route.into_iter().map(|route| route.usual(limit)).collect()
}

/// Times of a route, as bits: those of positive numbers sort as the numbers do, and faster.
#[derive(Clone, Default)]
struct Route {
    all: Vec<u32>,
    /// Of the pods that have enough.
    medians: Vec<u32>,
    gave_up: Vec<u32>,
}

impl Route {
    fn usual(mut self, limit: Option<f32>) -> Usual {
        let mut time = f32::INFINITY;
        if !self.all.is_empty() {
            time = f32::from_bits(lower_median(&mut self.all));
        }
        if self.medians.len() >= 2 {
            let place = (self.medians.len() - 1) / 4;
            time = time.min(f32::from_bits(*self.medians.select_nth_unstable(place).1));
        }
        let given = limit.unwrap_or(f32::INFINITY);
        let limit = match self.gave_up.is_empty() {
            true => given,
            false => given.min(PATIENCE * median(&mut self.gave_up)),
        };
        Usual { time, limit }
    }
}

/// The median; of an even number, the smaller of the two in the middle. There must be one.
pub(super) fn lower_median(times: &mut [u32]) -> u32 {
    *times.select_nth_unstable((times.len() - 1) / 2).1
}

/// The median; of an even number, the mean of the two in the middle. There must be one.
fn median(times: &mut [u32]) -> f32 {
    let upper = f32::from_bits(*times.select_nth_unstable(times.len() / 2).1);
    if times.len() % 2 == 1 {
        return upper;
    }
    (f32::from_bits(lower_median(times)) + upper) / 2.0
}
