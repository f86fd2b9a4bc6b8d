/// Counts the messages of gRPC in one direction of a stream: each has a prefix of five bytes, a
/// flag and its length. Nothing of them is kept.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Messages {
    whole: u64,
    /// How much of a prefix has come.
    prefix: u8,
    /// The length, as far as it has come; then what is left of the message.
    left: u32,
    /// The place was lost.
    lost: bool,
}

const PREFIX: u8 = 5;

impl Messages {
    pub(super) fn take(&mut self, mut bytes: &[u8]) {
        if self.lost {
            return;
        }
        while let Some(first) = bytes.first() {
            if self.prefix < PREFIX {
                // The flag's bits move out of the length.
                self.left = self.left << 8 | u32::from(*first);
                self.prefix += 1;
                bytes = &bytes[1..];
            } else {
                let taken = bytes.len().min(self.left as usize);
                self.left -= taken as u32;
                bytes = &bytes[taken..];
            }
            self.next();
        }
    }

    /// So many bytes were not captured.
    pub(super) fn miss(&mut self, len: u32) {
        if self.prefix == PREFIX && len <= self.left {
            self.left -= len;
            self.next();
        } else if len > 0 {
            self.lost = true;
        }
    }

    /// How many were whole; `None` if that is not known.
    pub(super) fn whole(self) -> Option<u64> {
        (!self.lost).then_some(self.whole)
    }

    pub(super) fn lose(&mut self) {
        self.lost = true;
    }

    fn next(&mut self) {
        if self.prefix == PREFIX && self.left == 0 {
            self.whole += 1;
            self.prefix = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_counted_however_they_are_cut() {
        let bytes = [&b"\0\0\0\0\x03abc"[..], b"\0\0\0\0\0", b"\x01\0\0\x01\0", &[7; 256]].concat();
        for cut in 1..bytes.len() {
            let mut messages = Messages::default();
            for piece in bytes.chunks(cut) {
                messages.take(piece);
            }
            assert_eq!(messages.whole(), Some(3), "{cut}");
        }
    }

    #[test]
    fn a_gap_inside_a_message_is_counted_through() {
        let mut messages = Messages::default();
        messages.take(b"\0\0\0\0\x09abc");
        messages.miss(6);
        assert_eq!(messages.whole(), Some(1));
        messages.miss(1);
        messages.take(b"\0\0\0\0\0");
        assert_eq!(messages.whole(), None);
    }
}
