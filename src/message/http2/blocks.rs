//! Header blocks: joined from their frames, and read when they are whole.

use super::frame::{Frame, Kind};
use super::half::State;
use super::headers::Block;
use super::{Head, Http2, Http2Listener};
use crate::capture::Mark;
use crate::flow::Direction;
use crate::limits::Limit;

impl Http2 {
    /// The next part of a header block; the block is read when it is whole.
    pub(super) fn fragment(
        &mut self,
        direction: Direction,
        frame: Frame,
        part: &[u8],
        mark: Mark,
        room: usize,
        listener: &mut impl Http2Listener,
    ) {
        let half = self.half(direction);
        let first = half.first;
        let Some(mut block) = half.block.take() else {
            if frame.ends_headers() {
                self.whole(direction, frame, part, first, mark, listener);
            } else {
                let bytes = part.to_vec();
                half.block = Some(Box::new(Block { frame, first, bytes, lost: false }));
            }
            return;
        };
        if block.bytes.len() + part.len() > room {
            if !block.lost {
                listener.hit(if room == 0 { Limit::Buffered } else { Limit::Head });
            }
            block.lost = true;
            block.bytes = Vec::new();
        } else if !block.lost {
            block.bytes.extend_from_slice(part);
        }
        if !frame.ends_headers() {
            half.block = Some(block);
            return;
        }
        let Block { frame, first, bytes, lost } = *block;
        if lost {
            half.hpack.lost();
            self.block(direction, frame, Some(&mut Head::unread()), first, mark, listener);
        } else {
            self.whole(direction, frame, &bytes, first, mark, listener);
        }
    }

    /// A header block has come whole.
    fn whole(
        &mut self,
        direction: Direction,
        frame: Frame,
        bytes: &[u8],
        first: Mark,
        mark: Mark,
        listener: &mut impl Http2Listener,
    ) {
        let mut head = Head::default();
        let hpack = &mut self.half(direction).hpack;
        let read = hpack.decode_wanted(bytes, Head::wants, |field| head.field(field));
        self.block(direction, frame, read.is_ok().then_some(&mut head), first, mark, listener);
    }

    /// A header block has ended; `None` if it cannot be read: then its table is not known from here.
    fn block(
        &mut self,
        direction: Direction,
        frame: Frame,
        head: Option<&mut Head>,
        first: Mark,
        mark: Mark,
        listener: &mut impl Http2Listener,
    ) {
        let Some(head) = head else {
            self.half(direction).hpack.lost();
            return self.block(direction, frame, Some(&mut Head::unread()), first, mark, listener);
        };
        if frame.kind == Kind::Headers {
            listener.headers(direction, frame.stream, head, first, mark);
            if frame.ends_stream() {
                listener.end(direction, frame.stream, mark);
            }
        }
    }

    /// A frame was passed over; if it was a part of a header block, that is not known.
    pub(super) fn skipped(
        &mut self,
        direction: Direction,
        frame: Frame,
        mark: Mark,
        listener: &mut impl Http2Listener,
    ) {
        let half = self.half(direction);
        half.state = State::Header;
        match frame.kind {
            Kind::Headers | Kind::PushPromise if !frame.ends_headers() => {
                let (first, bytes) = (half.first, Vec::new());
                half.block = Some(Box::new(Block { frame, first, bytes, lost: true }));
            }
            Kind::Headers | Kind::PushPromise => {
                let first = half.first;
                self.block(direction, frame, None, first, mark, listener);
            }
            Kind::Continuation => {
                let Some(mut block) = half.block.take() else { return };
                if frame.ends_headers() {
                    self.block(direction, block.frame, None, block.first, mark, listener);
                } else {
                    block.lost = true;
                    block.bytes = Vec::new();
                    half.block = Some(block);
                }
            }
            _ => {}
        }
    }
}
