//! HEADERS and CONTINUATION (RFC 9113 sections 6.2 and 6.10): header blocks, whole.

use super::frame::Frame;
use crate::capture::Mark;
use crate::flow::Direction;

/// A header block of which more is to come.
#[derive(Debug)]
pub(super) struct Block {
    /// The frame that began it.
    pub(super) frame: Frame,
    /// The packet in which it began.
    pub(super) first: Mark,
    pub(super) bytes: Vec<u8>,
    /// A part of it is missing.
    pub(super) lost: bool,
}

/// The part of a header block in the payload of a HEADERS frame; `None`: its padding is longer.
pub(super) fn fragment(frame: Frame, payload: &[u8]) -> Option<&[u8]> {
    let payload = unpadded(frame, payload)?;
    payload.get(if frame.has_priority() { 5 } else { 0 }..)
}

/// A payload without padding.
pub(super) fn unpadded(frame: Frame, payload: &[u8]) -> Option<&[u8]> {
    if !frame.is_padded() {
        return Some(payload);
    }
    let (padding, rest) = payload.split_first()?;
    rest.get(..rest.len().checked_sub(usize::from(*padding))?)
}

/// Which way a block goes: pseudo-fields stand first, and the static table has them
/// (RFC 7541 appendix A): 1 to 7 are of requests, 8 to 14 of responses.
pub(super) fn direction_of(block: &[u8]) -> Option<Direction> {
    let index = match *block.first()? {
        first if first & 0x80 != 0 => first & 0x7f,
        first if first & 0x40 != 0 => first & 0x3f,
        first if first & 0xe0 == 0 => first & 0x0f,
        _ => 0,
    };
    match index {
        1..=7 => Some(Direction::ToServer),
        8..=14 => Some(Direction::ToClient),
        _ => None,
    }
}
