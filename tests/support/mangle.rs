//! Makes a worse capture of a good one: what a capture loses, doubles and disorders.

use super::{Frame, Random};

/// What is to go wrong. The hosts had every packet; only the capture is bad.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Damage {
    /// Share of packets that the capture lost.
    pub(crate) drop: f64,
    /// Share of packets captured twice, the copy one or two packets later.
    pub(crate) dup: f64,
    /// Share of packets that come up to four places later, with their own time.
    pub(crate) reorder: f64,
    /// Milliseconds at the beginning that the capture lacks.
    pub(crate) skip_ms: i64,
}

/// The farthest a packet is moved.
const DEPTH: u64 = 4;

impl Damage {
    pub(crate) fn to(self, frames: &[Frame], seed: u64) -> Vec<Frame> {
        let mut random = Random::new(seed);
        let begin = frames.first().map_or(0, |frame| frame.time) + self.skip_ms * 1_000_000;
        let kept = frames.iter().filter(|frame| frame.time >= begin || self.skip_ms == 0);
        // Places in quarters, so that a moved packet falls between two others.
        let mut placed: Vec<(u64, Frame)> = Vec::new();
        for (place, frame) in (0u64..).map(|place| place * 4).zip(kept) {
            if random.chance(self.drop) {
                continue;
            }
            let late =
                if random.chance(self.reorder) { 4 * (1 + random.below(DEPTH)) + 2 } else { 0 };
            placed.push((place + late, frame.clone()));
            if random.chance(self.dup) {
                let copy = Frame { time: frame.time + 3000, ..frame.clone() };
                placed.push((place + 4 * (1 + random.below(2)) + 1, copy));
            }
        }
        placed.sort_by_key(|(place, _)| *place);
        placed.into_iter().map(|(_, frame)| frame).collect()
    }
}
