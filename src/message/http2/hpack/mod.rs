//! Header compression (RFC 7541), read by someone who may have missed the beginning.
//!
//! In:  the header blocks of one direction of a connection, in order.
//! Out: their fields; what is not known of a field is said to be so.
//! Not here: what the fields mean.
//!
//! The tables of fields and of Huffman codes are loona-hpack's. Its decoder is not used: it loses a
//! block, and its place, over one index that it does not know, and it builds the Huffman table anew
//! for each string. It is what this one is tested against.

mod dynamic;
mod fixed;
mod huffman;
#[cfg(test)]
mod tests;

use dynamic::Dynamic;
use huffman::HUFFMAN;

/// A field of a head. None: that was said before what was captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its name.
    pub name: Option<&'a [u8]>,
    /// Its value.
    pub value: Option<&'a [u8]>,
}

/// The block is not HPACK, or is larger than any head may be. What follows it is read as after a
/// block that was missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

/// What a head may be: its names and values, and 32 for each field, as SETTINGS_MAX_HEADER_LIST_SIZE
/// counts it. 256 KiB: four times what a head of HTTP/1 may be. A block of 64 KiB could otherwise say
/// a field of the table 65,000 times.
const LARGEST: usize = 256 << 10;

/// What a field counts beside its bytes, here and in the table (RFC 7541 section 4.1).
const OVERHEAD: usize = 32;

/// Room for decoded strings that is kept from one block to the next.
const KEPT: usize = 1 << 10;

/// What one end of a connection has told the other in its header blocks so far.
#[derive(Debug)]
pub struct Hpack {
    table: Dynamic,
    /// Where names are decoded to, and those copied that go to the table again.
    name: Vec<u8>,
    /// Where values are decoded to.
    value: Vec<u8>,
}

impl Hpack {
    /// Seen from its beginning.
    pub fn new() -> Self {
        Self { table: Dynamic::new(), name: Vec::new(), value: Vec::new() }
    }

    /// Joined in the middle: what the other end has been told before is not known.
    pub fn unknown() -> Self {
        let mut hpack = Self::new();
        hpack.lost();
        hpack
    }

    /// A block was missed: the places of all that was told before it are not known.
    pub fn lost(&mut self) {
        self.table.forget();
    }

    /// Bytes of memory.
    pub fn kept(&self) -> usize {
        self.table.kept() + self.name.capacity() + self.value.capacity()
    }

    /// Reads a whole block and says its fields.
    ///
    /// # Errors
    ///
    /// Fields may have been said before that was seen.
    pub fn decode(&mut self, block: &[u8], field: impl FnMut(Field<'_>)) -> Result<(), Broken> {
        self.decode_wanted(block, |_| true, field)
    }

    /// As [`decode`](Self::decode), but the values of the names that are not wanted, always the same
    /// ones, are not read: they are said to be empty.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode).
    pub(super) fn decode_wanted(
        &mut self,
        block: &[u8],
        wanted: impl Fn(&[u8]) -> bool,
        mut field: impl FnMut(Field<'_>),
    ) -> Result<(), Broken> {
        let read = self.read(block, wanted, &mut field);
        if read.is_err() {
            self.lost();
        }
        for room in [&mut self.name, &mut self.value] {
            if room.capacity() > KEPT {
                *room = Vec::new();
            }
        }
        read
    }

    fn read(
        &mut self,
        mut rest: &[u8],
        wanted: impl Fn(&[u8]) -> bool,
        field: &mut impl FnMut(Field<'_>),
    ) -> Result<(), Broken> {
        let mut room = LARGEST;
        let mut say = |name: Option<&[u8]>, value: Option<&[u8]>| {
            let size = name.map_or(0, <[u8]>::len) + value.map_or(0, <[u8]>::len) + OVERHEAD;
            room = room.checked_sub(size).ok_or(Broken)?;
            field(Field { name, value });
            Ok(())
        };
        while let [first, ..] = *rest {
            // Sections 6.1 to 6.3.
            let (prefix, told) = match first.leading_zeros() {
                0 => {
                    let index = integer(&mut rest, 7)?;
                    let field = self.table.at(index)?;
                    say(field.name, field.value)?;
                    continue;
                }
                2 => {
                    self.table.resize(integer(&mut rest, 5)?);
                    continue;
                }
                1 => (6, true),
                _ => (4, false),
            };
            let index = integer(&mut rest, prefix)?;
            let name = match index {
                0 => Some(string(&mut rest, &mut self.name)?),
                // A copy: what is told may drop the entry that it takes its name from.
                _ => self.table.at(index)?.name.map(|name| {
                    self.name.clear();
                    self.name.extend_from_slice(name);
                    &self.name[..]
                }),
            };
            let value = match name.is_none_or(&wanted) {
                true => string(&mut rest, &mut self.value)?,
                false => passed(&mut rest)?,
            };
            say(name, Some(value))?;
            if told {
                self.table.insert(name, value);
            }
        }
        Ok(())
    }
}

impl Default for Hpack {
    fn default() -> Self {
        Self::new()
    }
}

/// An integer whose first byte shares its upper bits with something else (section 5.1).
fn integer(rest: &mut &[u8], prefix: u32) -> Result<usize, Broken> {
    let (&first, mut tail) = rest.split_first().ok_or(Broken)?;
    let mask = (1 << prefix) - 1;
    let mut value = usize::from(first) & mask;
    if value == mask {
        // Four more bytes: below 2^28, which is more than anything here may be.
        for shift in [0, 7, 14, 21] {
            let (&byte, after) = tail.split_first().ok_or(Broken)?;
            tail = after;
            value += usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                *rest = tail;
                return Ok(value);
            }
        }
        return Err(Broken);
    }
    *rest = tail;
    Ok(value)
}

/// Passes over a string.
fn passed(rest: &mut &[u8]) -> Result<&'static [u8], Broken> {
    let len = integer(rest, 7)?;
    *rest = rest.get(len..).ok_or(Broken)?;
    Ok(b"")
}

/// A string; one in Huffman's code is decoded to `room` (section 5.2).
#[inline]
fn string<'a, 'b: 'a>(rest: &mut &'b [u8], room: &'a mut Vec<u8>) -> Result<&'a [u8], Broken> {
    let huffman = rest.first().is_some_and(|first| first & 0x80 != 0);
    let len = integer(rest, 7)?;
    let (bytes, tail) = rest.split_at_checked(len).ok_or(Broken)?;
    *rest = tail;
    if !huffman {
        return Ok(bytes);
    }
    HUFFMAN.decode(bytes, room)
}
