use crate::decode::Seq;

use super::waiting::{Kept, Waiting};

/// One direction of a connection: how far its stream has been told, and what waits.
#[derive(Debug, Default)]
pub(super) struct Half {
    /// Position of the first byte known of: behind the SYN, where that was seen.
    pub(super) start: Seq,
    /// Position of the next byte to tell. Meaningful once `known`.
    pub(super) next: Seq,
    /// The highest position that the other side has acknowledged. Meaningful once `known`.
    pub(super) acked: Seq,
    /// Segments that cannot be told yet.
    pub(super) waiting: Option<Box<Waiting>>,
    /// Whether `next` is known: from a SYN, a segment, or what the other side acknowledged.
    pub(super) known: bool,
    /// Whether a packet of this direction was seen.
    pub(super) seen: bool,
    /// Whether a byte, a gap or a SYN of this direction was seen: from then on `next` is exact.
    /// Before it, a first segment without payload may have been a keep-alive probe, one too low.
    pub(super) exact: bool,
    /// Whether the FIN was told; `next` lies behind it then.
    pub(super) fin: bool,
}

impl Half {
    /// The stream begins at `seq`.
    pub(super) fn begin(&mut self, seq: Seq) {
        (self.start, self.next, self.acked, self.known) = (seq, seq, seq, true);
    }

    /// How many bytes the other side has acknowledged that have not been told, FIN included.
    pub(super) fn acked_unseen(&self) -> u32 {
        if self.known { self.acked.distance(self.next).max(0) as u32 } else { 0 }
    }

    /// Notes that everything up to `seq` is acknowledged; answers whether that is news.
    pub(super) fn acknowledge(&mut self, seq: Seq) -> bool {
        if !self.known {
            self.begin(seq);
            return true;
        }
        let news = seq.is_after(self.acked);
        if news {
            self.acked = seq;
        }
        news
    }

    /// Whether no byte waits that stands at or behind `seq`: at most an empty segment there.
    pub(super) fn ends_at(&self, seq: Seq) -> bool {
        let last = self.waiting.as_ref().and_then(|waiting| waiting.back());
        last.is_none_or(|last| last.len == 0 && !last.fin && last.seq == seq)
    }

    /// The first segment that waits.
    pub(super) fn front(&self) -> Option<&Kept> {
        self.waiting.as_ref()?.front()
    }
}
