//! What was captured and not yet taken, in its order, in memory that does not grow.

use std::collections::VecDeque;

use meshsniff::capture::Timestamp;

/// What is written before each record's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Whose it is: index of the target.
    pub(crate) target: u32,
    /// Whether it has a number. A question has none.
    pub(crate) is_unit: bool,
    /// When it was captured.
    pub(crate) time: Timestamp,
    /// Length on the wire.
    pub(crate) original_len: u32,
    /// Bytes that follow.
    pub(crate) len: u32,
}

/// Bytes of a [`Head`].
const HEAD: usize = 21;

impl Head {
    fn bytes(self) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        bytes[..4].copy_from_slice(&self.target.to_le_bytes());
        bytes[4] = self.is_unit.into();
        bytes[5..13].copy_from_slice(&self.time.nanos().to_le_bytes());
        bytes[13..17].copy_from_slice(&self.original_len.to_le_bytes());
        bytes[17..].copy_from_slice(&self.len.to_le_bytes());
        bytes
    }

    fn read(bytes: [u8; HEAD]) -> Self {
        let word = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|i| bytes[at + i]));
        let long = i64::from_le_bytes([0, 1, 2, 3, 4, 5, 6, 7].map(|i| bytes[5 + i]));
        Self {
            target: word(0),
            is_unit: bytes[4] != 0,
            time: Timestamp::from_nanos(long),
            original_len: word(13),
            len: word(17),
        }
    }

    /// Bytes of the whole record.
    fn record(self) -> usize {
        HEAD + self.len as usize
    }
}

/// A place in the [`Ring`], before a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// The number that the next unit from here on has.
    pub(crate) number: u64,
    /// Bytes ever written before it.
    offset: u64,
}

/// The records, the oldest first, until they are forgotten.
///
/// One piece of memory, used round and round: what it takes is what it was made with, however small
/// or large the records are.
#[derive(Debug)]
pub(crate) struct Ring {
    bytes: VecDeque<u8>,
    size: usize,
    front: Place,
    back: Place,
}

impl Ring {
    /// Room for so many bytes. Memory is taken as it is filled.
    pub(crate) fn new(size: usize) -> Self {
        let (front, back) = Default::default();
        Self { bytes: VecDeque::with_capacity(size), size, front, back }
    }

    /// How many bytes have room.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// The place of the oldest record.
    pub(crate) fn front(&self) -> Place {
        self.front
    }

    /// The place of the record that is written next.
    pub(crate) fn back(&self) -> Place {
        self.back
    }

    /// Adds a record, unless there is no room for it: then nothing is changed.
    #[must_use]
    pub(crate) fn push(&mut self, head: Head, bytes: &[u8]) -> bool {
        debug_assert_eq!(head.len as usize, bytes.len());
        if self.bytes.len() + head.record() > self.size {
            return false;
        }
        self.bytes.extend(head.bytes());
        self.bytes.extend(bytes);
        self.back.offset += head.record() as u64;
        self.back.number += u64::from(head.is_unit);
        true
    }

    /// Forgets the units with smaller numbers, and what stands before them.
    pub(crate) fn forget(&mut self, number: u64) {
        let to = self.find(number);
        self.bytes.drain(..self.index(to));
        self.front = to;
    }

    /// The place of the unit with this number, or of the nearest there is.
    pub(crate) fn find(&self, number: u64) -> Place {
        let mut place = self.front;
        while place.number < number
            && let Some(head) = self.head(self.index(place))
        {
            place = after(place, head);
        }
        place
    }

    /// Copies whole records from `place` on, at least one and at most `most` bytes, and says where
    /// the next one begins. Nothing is copied at the end.
    pub(crate) fn copy(&self, mut place: Place, most: usize, into: &mut Vec<u8>) -> Place {
        into.clear();
        let begin = self.index(place);
        let mut end = begin;
        while let Some(head) = self.head(end)
            && (end == begin || end - begin + head.record() <= most)
        {
            end += head.record();
            place = after(place, head);
        }
        let (first, second) = self.bytes.as_slices();
        let split = first.len();
        into.extend_from_slice(&first[begin.min(split)..end.min(split)]);
        into.extend_from_slice(&second[begin.max(split) - split..end.max(split) - split]);
        place
    }

    fn index(&self, place: Place) -> usize {
        usize::try_from(place.offset.saturating_sub(self.front.offset)).unwrap_or(usize::MAX)
    }

    fn head(&self, index: usize) -> Option<Head> {
        let (first, second) = self.bytes.as_slices();
        let whole = match index.checked_sub(first.len()) {
            Some(index) => second.get(index..),
            None => first.get(index..),
        };
        if let Some(head) = whole.and_then(<[u8]>::first_chunk) {
            return Some(Head::read(*head));
        }
        // Torn by the end of the memory, or there is none.
        let mut head = [0; HEAD];
        for (at, byte) in (index..).zip(&mut head) {
            *byte = *first.get(at).or_else(|| second.get(at.checked_sub(first.len())?))?;
        }
        Some(Head::read(head))
    }
}

fn after(place: Place, head: Head) -> Place {
    Place {
        number: place.number + u64::from(head.is_unit),
        offset: place.offset + head.record() as u64,
    }
}

/// The records that [`Ring::copy`] copied.
pub(crate) fn records(mut bytes: &[u8]) -> impl Iterator<Item = (Head, &[u8])> {
    std::iter::from_fn(move || {
        let (head, rest) = bytes.split_first_chunk::<HEAD>()?;
        let head = Head::read(*head);
        let (record, rest) = rest.split_at_checked(head.len as usize)?;
        bytes = rest;
        Some((head, record))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(is_unit: bool, len: usize) -> Head {
        let time = Timestamp::from_nanos(-7);
        Head { target: 3, is_unit, time, original_len: 9, len: len as u32 }
    }

    /// The first bytes of all records from a place on.
    fn from(ring: &Ring, mut place: Place) -> Vec<u8> {
        let (mut all, mut copied) = (Vec::new(), Vec::new());
        loop {
            place = ring.copy(place, 60, &mut copied);
            if copied.is_empty() {
                return all;
            }
            all.extend(records(&copied).map(|(_, bytes)| bytes[0]));
        }
    }

    #[test]
    fn round_and_round_against_a_list() {
        let mut ring = Ring::new(300);
        let mut list: VecDeque<(u64, u8)> = VecDeque::new();
        let (mut number, mut random) = (0, 1u32);
        for step in 0..20_000u32 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let len = (random >> 16) as usize % 40 + 1;
            let value = step as u8;
            if ring.push(head(true, len), &vec![value; len]) {
                list.push_back((number, value));
                number += 1;
            } else {
                let to = ring.front().number + u64::from(random >> 30);
                ring.forget(to);
                list.retain(|(number, _)| *number >= to);
            }
            assert_eq!(ring.back().number, number);
            let at = ring.front().number + u64::from(random >> 28) % 8;
            let wanted: Vec<u8> =
                list.iter().filter(|(number, _)| *number >= at).map(|(_, value)| *value).collect();
            assert_eq!(from(&ring, ring.find(at)), wanted, "step {step}");
        }
        assert!(number > 5000);
    }

    #[test]
    fn a_head_comes_back() {
        let mut ring = Ring::new(100);
        assert!(ring.push(head(true, 4), b"abcd"));
        let mut copied = Vec::new();
        let end = ring.copy(ring.front(), 1, &mut copied);
        assert_eq!(records(&copied).collect::<Vec<_>>(), [(head(true, 4), &b"abcd"[..])]);
        assert_eq!(end, ring.back());
    }

    #[test]
    fn what_has_no_number_stays_with_the_unit_after_it() {
        let mut ring = Ring::new(1000);
        for (is_unit, byte) in [(true, b'0'), (false, b'?'), (true, b'1'), (false, b'!')] {
            assert!(ring.push(head(is_unit, 1), &[byte]));
        }
        assert_eq!(from(&ring, ring.find(1)), b"?1!");
        ring.forget(1);
        assert_eq!(from(&ring, ring.front()), b"?1!");
        ring.forget(99);
        assert_eq!((from(&ring, ring.front()), ring.front()), (vec![], ring.back()));
    }

    #[test]
    fn a_full_ring_says_so_and_keeps_what_it_has() {
        let mut ring = Ring::new(2 * (HEAD + 1));
        assert!(ring.push(head(true, 1), b"a") && ring.push(head(true, 1), b"b"));
        assert!(!ring.push(head(true, 1), b"c"));
        assert_eq!(from(&ring, ring.front()), b"ab");
    }
}
