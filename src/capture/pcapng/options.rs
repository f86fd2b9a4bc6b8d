use std::borrow::Cow;

use crate::capture::order::Order;

/// Options of a block: a code, a length, a value padded to 4 bytes; ended by code 0 or the block.
///
/// Options that do not fit the block end it too: they never make a packet unreadable.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::capture) struct Options<'a> {
    bytes: &'a [u8],
    order: Order,
}

impl<'a> Options<'a> {
    #[inline]
    pub(in crate::capture) fn new(bytes: &'a [u8], order: Order) -> Self {
        Self { bytes, order }
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        if self.bytes.len() < 4 {
            return None;
        }
        let code = self.order.u16(self.bytes, 0);
        let len = usize::from(self.order.u16(self.bytes, 2));
        if code == 0 {
            return None;
        }
        let value = self.bytes.get(4..4 + len)?;
        self.bytes = self.bytes.get(4 + len.next_multiple_of(4)..).unwrap_or_default();
        Some((code, value))
    }
}

/// The text of an option; bytes that are not UTF-8 are replaced, a closing NUL is dropped.
pub(super) fn text(value: &[u8]) -> String {
    lossy(value).into_owned()
}

fn lossy(value: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(value.strip_suffix(b"\0").unwrap_or(value))
}

/// The comments on a packet, in their order; they are only looked for when iterated over.
///
/// Empty for pcap, which has none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Comments<'a>(pub(in crate::capture) Options<'a>);

impl<'a> Iterator for Comments<'a> {
    type Item = Cow<'a, str>;

    fn next(&mut self) -> Option<Self::Item> {
        let (_, value) = self.0.find(|(code, _)| *code == super::OPT_COMMENT)?;
        Some(lossy(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comments(bytes: &[u8]) -> Vec<Cow<'_, str>> {
        Comments(Options::new(bytes, Order::Little)).collect()
    }

    #[test]
    fn comments_among_other_options() {
        let bytes = b"\x02\0\x04\0abcd\x01\0\x03\0one\0\x01\0\x03\0two\0\0\0\0\0\x01\0\x01\0no  ";
        assert_eq!(comments(bytes), ["one", "two"]);
    }

    #[test]
    fn an_option_longer_than_its_block_ends_them() {
        assert_eq!(comments(b"\x01\0\x01\0x\0\0\0\x01\0\xff\0yy"), ["x"]);
    }

    #[test]
    fn padding_of_the_last_option_may_be_missing() {
        assert_eq!(comments(b"\x01\0\x01\0x"), ["x"]);
    }
}
