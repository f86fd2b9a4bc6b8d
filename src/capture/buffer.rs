use std::io::{self, ErrorKind, Read};
use std::ops::Range;

use super::error::Fault;

/// How much is read at once. Larger does not get faster, smaller costs more system calls.
const SIZE: usize = 1 << 20;

/// The bytes of a capture that have been read and not yet used.
///
/// ```text
///          start        end
///   [ used | to be used | room for read(2) ]
/// ```
///
/// When the room is needed the middle is moved to the front: less than one record, so cheap. Bytes
/// are only moved by [`need`](Self::need), so ranges taken after it hold until the next one.
///
/// Invariant: `start <= end <= bytes.len()`.
#[derive(Debug)]
pub(super) struct Buffer<R> {
    read: R,
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// Where `bytes[0]` is in the capture.
    base: u64,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// More may come.
    Open,
    /// The stream has ended.
    Ended,
    /// The stream was compressed and has ended where more must follow.
    EndedEarly,
}

impl<R: Read> Buffer<R> {
    pub(super) fn new(read: R) -> Self {
        Self { read, bytes: Vec::new(), start: 0, end: 0, base: 0, state: State::Open }
    }

    /// The bytes to be used, as many as are there.
    #[inline]
    pub(super) fn rest(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// The bytes of a range that [`ahead`](Self::ahead) or [`take`](Self::take) gave.
    #[inline]
    pub(super) fn get(&self, range: Range<usize>) -> &[u8] {
        &self.bytes[range]
    }

    /// Where the next byte to be used is in the capture.
    pub(super) fn offset(&self) -> u64 {
        self.base + self.start as u64
    }

    /// Whether the capture ends here, at the end of a record.
    #[inline]
    pub(super) fn is_over(&mut self) -> Result<bool, Fault> {
        if self.start < self.end {
            return Ok(false);
        }
        self.fill(1)?;
        match self.state {
            State::EndedEarly if self.start == self.end => Err(Fault::Cut),
            _ => Ok(self.start == self.end),
        }
    }

    /// Waits until `len` bytes are there, and not for more.
    #[inline]
    pub(super) fn need(&mut self, len: usize) -> Result<(), Fault> {
        if self.end - self.start >= len {
            return Ok(());
        }
        self.fill(len)?;
        if self.end - self.start >= len { Ok(()) } else { Err(Fault::Cut) }
    }

    /// Where the next `len` bytes are, which must have been [needed](Self::need).
    #[inline]
    pub(super) fn ahead(&self, len: usize) -> Range<usize> {
        self.start..(self.start + len).min(self.end)
    }

    /// Marks `len` bytes as used and answers where they are. They must have been
    /// [needed](Self::need).
    #[inline]
    pub(super) fn take(&mut self, len: usize) -> Range<usize> {
        let taken = self.ahead(len);
        self.start = taken.end;
        taken
    }

    /// Reads until `len` bytes are there or the stream ends.
    ///
    /// May be called again after an error; nothing is lost. Memory grows with what has come, never
    /// with what a length says: it at most doubles when it is full.
    #[cold]
    pub(super) fn fill(&mut self, len: usize) -> io::Result<()> {
        if self.bytes.is_empty() {
            self.bytes = vec![0; SIZE];
        }
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.base += self.start as u64;
            self.end -= self.start;
            self.start = 0;
        }
        while self.end < len && self.state == State::Open {
            if self.end == self.bytes.len() {
                self.bytes.resize(len.min(2 * self.end), 0);
            }
            match self.read.read(&mut self.bytes[self.end..]) {
                Ok(0) => self.state = State::Ended,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    self.state = State::EndedEarly;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
