//! PUSH_PROMISE (RFC 9113 section 6.6): what is pushed is nobody's request and is not followed; its
//! header block is read, because it changes the table.

use super::frame::Frame;
use super::headers::unpadded;

/// The part of a header block in the payload.
pub(super) fn fragment(frame: Frame, payload: &[u8]) -> Option<&[u8]> {
    unpadded(frame, payload)?.get(4..)
}
