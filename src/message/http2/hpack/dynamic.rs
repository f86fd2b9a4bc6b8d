use std::collections::VecDeque;

use super::fixed::{self, FIXED};
use super::{Broken, Field, OVERHEAD};

/// The size of a table until something else is said.
const USUAL: usize = 4096;

/// The largest table that is kept. 64 KiB: what browsers allow; proxies and gRPC stay at 4 KiB.
const LARGEST: usize = 64 << 10;

/// The table of what was told (RFC 7541 section 2.3.2), or those newest entries of it that are known.
///
/// An index counts from the newest entry. Whatever was in the table when this one was begun, what
/// has been inserted since is at the front in its order: it is right at its index, and what is
/// behind it is unknown. So it is never wrong to keep more than the real table has, of which no index
/// speaks any more, nor to keep less:
///
/// - The size of an entry whose name is not known, or whose value was not wanted, is taken as less than
///   it is: it may be kept longer.
/// - The real size of a table joined in the middle may be larger (entries are dropped too early) or
///   smaller (too late).
/// - An entry larger than the table empties it and is not in it (section 4.4). If that is not seen, it
///   is kept as one of which no index speaks; if it is only believed, it is behind the known ones.
#[derive(Debug)]
pub(super) struct Dynamic {
    /// The static table, which comes before it.
    fixed: &'static [fixed::Entry],
    /// The newest entry first.
    entries: VecDeque<Entry>,
    /// Names and values in the order of their insertion, the dropped ones in front.
    bytes: Vec<u8>,
    size: usize,
    max: usize,
    /// What is not in it.
    rest: Rest,
}

/// What the entries behind the known ones are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    /// There are none.
    Nothing,
    /// Unknown.
    Unknown,
}

/// A name and a value, one behind the other.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Where they are in [`Dynamic::bytes`].
    start: u32,
    /// Its length. None: not known.
    name: Option<u32>,
    /// Its length.
    value: u32,
}

impl Entry {
    fn len(self) -> usize {
        (self.name.unwrap_or(0) + self.value) as usize
    }

    fn of(self, bytes: &[u8]) -> Field<'_> {
        let bytes = &bytes[self.start as usize..][..self.len()];
        let (name, value) = bytes.split_at(self.name.unwrap_or(0) as usize);
        Field { name: self.name.map(|_| name), value: Some(value) }
    }
}

impl Dynamic {
    pub(super) fn new() -> Self {
        Self {
            fixed: &FIXED,
            entries: VecDeque::new(),
            bytes: Vec::new(),
            size: 0,
            max: USUAL,
            rest: Rest::Nothing,
        }
    }

    /// From here nothing is known.
    pub(super) fn forget(&mut self) {
        self.drop_to(0);
        self.rest = Rest::Unknown;
    }

    pub(super) fn kept(&self) -> usize {
        self.bytes.capacity() + self.entries.capacity() * size_of::<Entry>()
    }

    /// The field at an index, which counts from 1 through the static table and then through this.
    #[inline]
    pub(super) fn at(&self, index: usize) -> Result<Field<'_>, Broken> {
        let index = index.checked_sub(1).ok_or(Broken)?;
        if let Some((name, value)) = self.fixed.get(index) {
            return Ok(Field { name: Some(name), value: Some(value) });
        }
        match self.entries.get(index - self.fixed.len()) {
            Some(entry) => Ok(entry.of(&self.bytes)),
            None if self.rest == Rest::Unknown => Ok(Field { name: None, value: None }),
            None => Err(Broken),
        }
    }

    /// A size was said. What is kept of a larger table than this one may be is its front.
    pub(super) fn resize(&mut self, max: usize) {
        self.max = max.min(LARGEST);
        if max > LARGEST {
            self.rest = Rest::Unknown;
        }
        self.drop_to(self.max);
    }

    /// A field was told.
    pub(super) fn insert(&mut self, name: Option<&[u8]>, value: &[u8]) {
        let size = name.map_or(0, <[u8]>::len) + value.len() + OVERHEAD;
        let Some(others) = self.max.checked_sub(size) else { return self.drop_to(0) };
        self.drop_to(others);
        self.size += size;
        let entry = Entry {
            start: self.bytes.len() as u32,
            name: name.map(|name| name.len() as u32),
            value: value.len() as u32,
        };
        self.bytes.extend_from_slice(name.unwrap_or_default());
        self.bytes.extend_from_slice(value);
        self.entries.push_front(entry);
    }

    /// Drops the oldest entries until the others are not larger than this.
    fn drop_to(&mut self, size: usize) {
        while self.size > size {
            let Some(oldest) = self.entries.pop_back() else { break };
            self.size -= oldest.len() + OVERHEAD;
        }
        self.tidy();
    }

    /// Gives back the room of dropped entries once it is more than that of the others.
    fn tidy(&mut self) {
        let dropped = self.entries.back().map_or(self.bytes.len(), |oldest| oldest.start as usize);
        if dropped > self.bytes.len() / 2 {
            self.bytes.drain(..dropped);
            for entry in &mut self.entries {
                entry.start -= dropped as u32;
            }
        }
    }
}
