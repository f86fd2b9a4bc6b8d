use super::compare::{Comparison, compare};
use super::table::Table;
use super::test::Test;

/// Different seconds in which a pod must have had slow requests to be named: one pause is none.
pub(super) const SECONDS: usize = 5;
/// Where so many of all pods are named, the others are not looked at any more.
const MOST: f64 = 0.6;

/// The pods that are slow, found again and again without those found before; `level` is the
/// probability of naming a healthy one that each test of each pod may have.
pub(super) fn slow(table: &Table, level: f64) -> Vec<bool> {
    let mut named = vec![false; table.pods];
    let routes: Vec<usize> = table.routes().collect();
    loop {
        let rest: Vec<bool> = named.iter().map(|named| !named).collect();
        let mut new = vec![false; table.pods];
        pass(table, &rest, None, level, &mut new);
        if routes.len() > 1 {
            for route in routes.iter().filter(|route| table.requests(**route) >= 2 * SECONDS as u64)
            {
                pass(table, &rest, Some(*route), level / routes.len() as f64, &mut new);
            }
        }
        if !new.contains(&true) {
            return named;
        }
        named.iter_mut().zip(new).for_each(|(named, new)| *named |= new);
        let count = named.iter().filter(|named| **named).count();
        if count as f64 >= MOST * table.pods as f64 {
            return named;
        }
    }
}

/// One look at these pods with each test.
fn pass(table: &Table, pods: &[bool], route: Option<usize>, level: f64, new: &mut [bool]) {
    for test in Test::ALL {
        for (pod, found) in compare(table, pods, route, test).iter().enumerate() {
            let hit = found.chance < level && is_clear(found, test, route.is_some());
            new[pod] |= hit && found.slow_seconds >= SECONDS;
        }
    }
}

/// Whether its surplus is large enough to matter, however certain it is.
pub(super) fn is_clear(found: &Comparison, test: Test, one_route: bool) -> bool {
    found.requests > 0.0
        && found.surplus >= test.surplus(one_route)
        && found.share() >= test.ratio() * found.rest
}

/// The pods that are faster than most. `twice` is the comparison of all by that test.
pub(super) fn fast(twice: &[Comparison], level: f64) -> Vec<usize> {
    let is_fast = |found: &Comparison| {
        found.requests > 0.0
            && found.chance_fast < level
            && found.surplus <= -Test::Twice.surplus(false)
            && found.seconds >= SECONDS
    };
    (0..twice.len()).filter(|pod| is_fast(&twice[*pod])).collect()
}
