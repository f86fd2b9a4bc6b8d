use std::collections::VecDeque;

use crate::capture::Mark;
use crate::decode::Seq;

/// Segments of one direction that cannot be told yet: bytes before them are missing, or what they
/// acknowledge is.
///
/// Invariant: sorted by `seq`; no segment is wholly covered by the ones before it.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    segments: VecDeque<Kept>,
    bytes: usize,
}

/// A segment that was copied to wait.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) seq: Seq,
    /// Length on the wire; more than `bytes` holds if the snap length cut it.
    pub(super) len: u32,
    pub(super) bytes: Box<[u8]>,
    /// What it acknowledges, if anything.
    pub(super) ack: Option<Seq>,
    pub(super) fin: bool,
    pub(super) mark: Mark,
}

/// What a waiting segment costs besides its bytes.
const OVERHEAD: usize = size_of::<Kept>();

impl Kept {
    fn cost(&self) -> usize {
        self.bytes.len() + OVERHEAD
    }

    fn end(&self) -> Seq {
        self.seq.plus(self.len)
    }
}

impl Waiting {
    /// Adds a segment at its place. One that is wholly there already is dropped; answers whether
    /// it was kept.
    pub(super) fn insert(&mut self, kept: Kept) -> bool {
        let at = self.segments.partition_point(|s| !s.seq.is_after(kept.seq));
        if let Some(before) = at.checked_sub(1).map(|i| &self.segments[i])
            && !kept.end().is_after(before.end())
            && (before.fin || !kept.fin)
        {
            return false;
        }
        self.bytes += kept.cost();
        self.segments.insert(at, kept);
        true
    }

    /// The first one.
    pub(super) fn front(&self) -> Option<&Kept> {
        self.segments.front()
    }

    /// The last one.
    pub(super) fn back(&self) -> Option<&Kept> {
        self.segments.back()
    }

    /// Takes the first one.
    pub(super) fn pop(&mut self) -> Option<Kept> {
        let kept = self.segments.pop_front()?;
        self.bytes -= kept.cost();
        Some(kept)
    }

    /// What all of them cost, in bytes.
    pub(super) fn cost(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(seq: u32, len: u32) -> Kept {
        Kept {
            seq: Seq(seq),
            len,
            bytes: vec![0; len as usize].into(),
            ack: None,
            fin: false,
            mark: Mark::default(),
        }
    }

    #[test]
    fn sorted_across_the_wrap() {
        let mut waiting = Waiting::default();
        for seq in [5, u32::MAX - 4, 15] {
            assert!(waiting.insert(kept(seq, 10)));
        }
        let order: Vec<u32> = std::iter::from_fn(|| waiting.pop()).map(|k| k.seq.0).collect();
        assert_eq!(order, [u32::MAX - 4, 5, 15]);
        assert_eq!(waiting.cost(), 0);
    }

    #[test]
    fn a_covered_segment_is_not_kept() {
        let mut waiting = Waiting::default();
        assert!(waiting.insert(kept(0, 10)));
        assert!(!waiting.insert(kept(0, 10)));
        assert!(!waiting.insert(kept(3, 7)));
        assert!(waiting.insert(kept(3, 8)));
    }

    #[test]
    fn a_fin_on_covered_bytes_is_kept() {
        let mut waiting = Waiting::default();
        assert!(waiting.insert(kept(0, 10)));
        assert!(waiting.insert(Kept { fin: true, ..kept(10, 0) }));
        assert!(!waiting.insert(Kept { fin: true, ..kept(10, 0) }));
    }
}
