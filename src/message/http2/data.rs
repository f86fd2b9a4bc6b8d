//! DATA (RFC 9113 section 6.1): its bytes are counted, not kept.

use super::frame::Frame;

/// Where in a DATA frame a direction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Data {
    pub(super) frame: Frame,
    /// Bytes of its payload that have not come, padding included.
    pub(super) left: u32,
    /// Of these, how many at the end are padding; `None` until its length was read.
    pub(super) padding: Option<u32>,
}

impl Data {
    pub(super) fn new(frame: Frame) -> Self {
        Self { frame, left: frame.len, padding: (!frame.is_padded()).then_some(0) }
    }

    /// Takes the next bytes; answers how many it took and those among them that are data. `None`:
    /// more padding than payload.
    pub(super) fn take<'a>(&mut self, bytes: &'a [u8]) -> Option<(usize, &'a [u8])> {
        let Some(padding) = self.padding else {
            let Some(length) = bytes.first() else { return Some((0, &[])) };
            self.left -= 1;
            self.padding = Some(u32::from(*length));
            return (u32::from(*length) <= self.left).then_some((1, &[]));
        };
        let taken = bytes.len().min(self.left as usize);
        let data = taken.min((self.left - padding.min(self.left)) as usize);
        self.left -= taken as u32;
        Some((taken, &bytes[..data]))
    }

    /// Passes over bytes that were not captured; answers how many of them are data.
    pub(super) fn skip(&mut self, len: u32) -> u32 {
        let data = len.min(self.left.saturating_sub(self.padding.unwrap_or(0)));
        self.padding.get_or_insert(0);
        self.left = self.left.saturating_sub(len);
        data
    }
}
