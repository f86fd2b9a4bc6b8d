use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use meshsniff::pairing::Exchange;

/// Exchanges of a pod from which the quickest of them tells something.
const ENOUGH: u64 = 20;
/// Clocks that are this far apart put what happened together into different seconds. Below it may be
/// the way from the node to here.
const APART: Duration = Duration::from_millis(750);

/// How far the clocks of the pods' nodes are apart, by how long after its end an exchange came here:
/// the quickest of each pod needed next to nothing.
#[derive(Debug, Default)]
pub(super) struct Clocks {
    pods: BTreeMap<usize, Pod>,
}

#[derive(Debug)]
struct Pod {
    exchanges: u64,
    /// In nanoseconds; negative where that clock is ahead of ours.
    quickest: i128,
}

impl Clocks {
    /// An exchange of this pod has come.
    pub(super) fn arrived(&mut self, pod: usize, exchange: &Exchange) {
        let answer = exchange.response.as_ref().map(|response| response.last);
        let late = exchange.late.map(|late| late.mark);
        let last = [exchange.request.last, answer, late, exchange.close];
        let Some(end) = last.into_iter().flatten().map(|mark| mark.time.nanos()).max() else {
            return;
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.took(pod, now.as_nanos() as i128 - i128::from(end));
    }

    fn took(&mut self, pod: usize, nanos: i128) {
        let pod = self.pods.entry(pod).or_insert(Pod { exchanges: 0, quickest: nanos });
        pod.exchanges += 1;
        pod.quickest = pod.quickest.min(nanos);
    }

    /// A note, if they are too far apart to compare second with second.
    pub(super) fn note(&self) -> Option<String> {
        let enough = self.pods.values().filter(|pod| pod.exchanges >= ENOUGH);
        let quickest = enough.map(|pod| pod.quickest);
        let apart = quickest.clone().max()? - quickest.min()?;
        (apart >= APART.as_nanos() as i128).then(|| {
            format!(
                "The clocks of the nodes seem to be {:.1} s apart: pods are compared second by \
                 second, and what was slow for all at one moment may look like a slow pod.",
                apart as f64 / 1e9
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clocks(quickest: [i128; 2]) -> Clocks {
        let mut clocks = Clocks::default();
        for (pod, quickest) in quickest.into_iter().enumerate() {
            for place in 0..30 {
                clocks.took(pod, quickest + place * 40_000_000);
            }
        }
        clocks
    }

    #[test]
    fn a_clock_that_is_ahead_is_noted() {
        let note = clocks([250_000_000, -1_050_000_000]).note().unwrap();
        assert!(note.contains("1.3 s apart"), "{note}");
    }

    #[test]
    fn the_way_from_the_nodes_is_not() {
        assert_eq!(clocks([250_000_000, 20_000_000]).note(), None);
        assert_eq!(Clocks::default().note(), None);
    }
}
