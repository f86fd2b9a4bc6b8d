use super::table::{Entry, Table};
use super::tail::tail;
use super::test::Test;

/// Requests of a route in one block of seconds from which the block is worth comparing alone.
const CELL: u64 = 10;

/// A pod against the others.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Comparison {
    /// Requests compared, and how many of them were slow.
    pub(super) requests: f64,
    pub(super) slow: f64,
    /// How many would be slow if it were as the average of all pods, itself included.
    expected: f64,
    /// Its requests, each counted by the share of the others in its cell.
    pub(super) free: f64,
    variance: f64,
    /// By how much its share of slow requests exceeds that of the others.
    pub(super) surplus: f64,
    /// The share of slow requests on the others.
    pub(super) rest: f64,
    /// The design effect: bursts count for less.
    pub(super) effect: f64,
    /// The share up to which it would pass as healthy.
    pub(super) healthy: f64,
    /// Different seconds in which it had slow requests, and any.
    pub(super) slow_seconds: usize,
    pub(super) seconds: usize,
    /// An upper bound of the probability that a healthy pod has so many slow requests, and so few.
    pub(super) chance: f64,
    pub(super) chance_fast: f64,
}

/// The sums of one pod in one second.
#[derive(Clone, Copy, Default)]
struct Moment {
    pod: u32,
    known: f64,
    slow: u64,
    /// Slow requests beyond the average of their cells, and what is due to the pod itself of it.
    excess: f64,
    share: f64,
}

/// Compares each of these pods with the others, on one route or on all; by pod. A pod that shares
/// no cell with another one has no requests in it.
pub(super) fn compare(
    table: &Table,
    pods: &[bool],
    route: Option<usize>,
    test: Test,
) -> Vec<Comparison> {
    let width = block(table, pods, route);
    let mut found = vec![Comparison::default(); table.pods];
    // On one route each entry is a moment of its own.
    let count = route.map_or(table.moments, |route| table.entries(pods, Some(route)).count());
    let mut moments = vec![Moment::default(); count];
    let mut place = 0;
    let mut cell: Vec<&Entry> = Vec::new();
    let mut sums = vec![(0.0, 0.0); table.pods];
    let known = |entry: &&Entry| entry.known[test as usize] > 0;
    let mut entries = table.entries(pods, route).filter(known).peekable();
    while let Some(first) = entries.next() {
        cell.clear();
        cell.push(first);
        let same = |entry: &&Entry| {
            entry.route == first.route && entry.second / width == first.second / width
        };
        while let Some(next) = entries.next_if(same) {
            cell.push(next);
        }
        let first = route.map(|_| place);
        place += cell.len();
        add(&cell, first, test, &mut sums, &mut found, &mut moments);
    }
    let mut residuals = vec![[0.0; 3]; table.pods];
    for moment in moments.iter().filter(|moment| moment.known > 0.0) {
        let (pod, sums) = (&mut found[moment.pod as usize], &mut residuals[moment.pod as usize]);
        pod.seconds += 1;
        pod.slow_seconds += usize::from(moment.slow > 0);
        sums[0] += moment.excess * moment.excess;
        sums[1] += moment.excess * moment.share;
        sums[2] += moment.share * moment.share;
    }
    for (pod, residuals) in found.iter_mut().zip(residuals) {
        if pod.requests > 0.0 {
            pod.conclude(test, residuals);
        }
    }
    found
}

/// Adds what one cell, the requests of one route in one block of seconds, says. Its moments are those
/// from `first` on, or else those that its entries name.
fn add(
    cell: &[&Entry],
    first: Option<usize>,
    test: Test,
    sums: &mut [(f64, f64)],
    found: &mut [Comparison],
    moments: &mut [Moment],
) {
    let test = test as usize;
    if cell.iter().all(|entry| entry.pod == cell[0].pod) {
        return;
    }
    for entry in cell {
        let sum = &mut sums[entry.pod as usize];
        sum.0 += f64::from(entry.known[test]);
        sum.1 += f64::from(entry.slow[test]);
    }
    let n: f64 = cell.iter().map(|entry| f64::from(entry.known[test])).sum();
    let k: f64 = cell.iter().map(|entry| f64::from(entry.slow[test])).sum();
    for (place, entry) in cell.iter().enumerate() {
        let known = f64::from(entry.known[test]);
        let others = 1.0 - sums[entry.pod as usize].0 / n;
        let moment = first.map_or(entry.moment as usize, |first| first + place);
        let moment = &mut moments[moment];
        moment.pod = entry.pod;
        moment.known += known;
        moment.slow += u64::from(entry.slow[test]);
        moment.excess += f64::from(entry.slow[test]) - known * k / n;
        moment.share += known * others;
    }
    for entry in cell {
        let (own, slow) = std::mem::take(&mut sums[entry.pod as usize]);
        let pod = &mut found[entry.pod as usize];
        pod.requests += own;
        pod.slow += slow;
        pod.expected += own * k / n;
        pod.free += own * (1.0 - own / n);
        pod.variance += own * (n - own) * k * (n - k) / (n * n * (n - 1.0));
    }
}

impl Comparison {
    fn conclude(&mut self, test: Test, [squares, products, shares]: [f64; 3]) {
        let (n, slow) = (self.requests, self.slow);
        let share = slow / n;
        self.surplus = (slow - self.expected) / self.free;
        self.rest = (share - self.surplus).max(0.0);
        let seconds = self.seconds as f64;
        let squares =
            squares - 2.0 * self.surplus * products + self.surplus * self.surplus * shares;
        let correction = seconds / (seconds - 1.0).max(1.0);
        let burst = (squares / (slow * (1.0 - share)).max(0.5) * correction).max(1.0);
        let average = self.expected / n;
        let dealt = self.variance / (n * average * (1.0 - average)).max(1e-9);
        self.effect = burst * dealt.clamp(0.3, 1.0);
        let allowed = test.tolerance() * self.free;
        let n = n / self.effect;
        self.healthy = ((self.expected + allowed) / self.requests).min(1.0 - 1e-9);
        self.chance = if slow > 0.0 { tail(slow / self.effect, n, self.healthy) } else { 1.0 };
        let fast = self.requests - slow;
        let healthy = ((self.requests - self.expected + allowed) / self.requests).min(1.0 - 1e-9);
        self.chance_fast = if fast > 0.0 { tail(fast / self.effect, n, healthy) } else { 1.0 };
    }

    /// The share of its requests that were slow.
    pub(super) fn share(&self) -> f64 {
        self.slow / self.requests
    }

    /// How many of them would have been slow on the other pods.
    pub(super) fn elsewhere(&self) -> f64 {
        self.rest * self.requests
    }
}

/// How many seconds are compared together: as few as leave most requests in cells worth comparing.
fn block(table: &Table, pods: &[bool], route: Option<usize>) -> u32 {
    for width in [1, 2, 5, 10] {
        if f64::from(width) >= table.window {
            break;
        }
        let (mut all, mut worth, mut cell, mut place) = (0, 0, 0, None);
        for entry in table.entries(pods, route) {
            let here = Some((entry.route, entry.second / width));
            if here != place {
                worth += if cell >= CELL { cell } else { 0 };
                (cell, place) = (0, here);
            }
            cell += u64::from(entry.requests);
            all += u64::from(entry.requests);
        }
        worth += if cell >= CELL { cell } else { 0 };
        if worth as f64 >= 0.8 * all as f64 {
            return width;
        }
    }
    u32::MAX
}
