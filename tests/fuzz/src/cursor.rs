use std::time::Duration;

/// Reads numbers and words off the front of the input; zeros and empty words when it is used up.
pub(crate) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(crate) fn new(input: &'a [u8]) -> Self {
        Self(input)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn take(&mut self, len: usize) -> &'a [u8] {
        let (front, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        front
    }

    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    pub(crate) fn u8(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    pub(crate) fn u16(&mut self) -> u16 {
        u16::from(self.u8()) << 8 | u16::from(self.u8())
    }

    pub(crate) fn u32(&mut self) -> u32 {
        u32::from(self.u16()) << 16 | u32::from(self.u16())
    }

    pub(crate) fn u64(&mut self) -> u64 {
        u64::from(self.u32()) << 32 | u64::from(self.u32())
    }

    /// A word of at most 255 bytes.
    pub(crate) fn word(&mut self) -> &'a [u8] {
        let len = self.u8();
        self.take(len.into())
    }

    /// A text; bytes that are not UTF-8 are replaced.
    pub(crate) fn text(&mut self) -> Box<str> {
        String::from_utf8_lossy(self.word()).into()
    }

    /// One time in four nothing.
    pub(crate) fn maybe<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.u8() & 3 != 0).then(|| read(self))
    }

    /// One of `choices`.
    pub(crate) fn one<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::from(self.u8()) % choices.len()]
    }

    /// From a microsecond to some minutes: a byte of magnitude, a byte of value.
    pub(crate) fn span(&mut self) -> Duration {
        let magnitude = u32::from(self.u8() % 24);
        Duration::from_micros(u64::from(self.u8()) << magnitude)
    }
}
