use std::io::Read;
use std::ops::Range;

use crate::capture::buffer::Buffer;
use crate::capture::error::Fault;
use crate::capture::order::Order;
use crate::capture::reader::MAX_RECORD;

/// The block that begins a section; the same in either byte order.
pub(super) const SECTION_HEADER: u32 = 0x0a0d_0d0a;

/// Type, length, length again.
const AROUND: usize = 12;

/// A block whose bytes are all there.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) kind: u32,
    /// Of all of it, to take it from the buffer.
    pub(super) len: usize,
    /// Where in the buffer what is between the lengths is.
    pub(super) body: Range<usize>,
}

/// Waits for the next block, without taking it; a section header sets `order`.
///
/// ```text
/// type 4 | length of all 4 | body, padded to 4 | length again 4
/// ```
#[inline]
pub(super) fn peek<R: Read>(buffer: &mut Buffer<R>, order: &mut Order) -> Result<Block, Fault> {
    buffer.need(8)?;
    let kind = order.u32(buffer.rest(), 0);
    if kind == SECTION_HEADER {
        *order = section_order(buffer)?;
    }
    let order = *order;
    let len = order.u32(buffer.rest(), 4) as usize;
    if len < AROUND || !len.is_multiple_of(4) {
        return Err(Fault::Corrupt("a block's length is too small or not a multiple of 4"));
    }
    if len > MAX_RECORD {
        return Err(Fault::Corrupt("a block claims more than 64 MiB"));
    }
    buffer.need(len)?;
    if order.u32(buffer.rest(), len - 4) as usize != len {
        return Err(Fault::Corrupt("the two lengths of a block differ"));
    }
    let block = buffer.ahead(len);
    Ok(Block { kind, len, body: block.start + 8..block.end - 4 })
}

/// The byte order of the section that begins here.
#[cold]
fn section_order<R: Read>(buffer: &mut Buffer<R>) -> Result<Order, Fault> {
    buffer.need(AROUND)?;
    match buffer.rest()[8..12] {
        [0x4d, 0x3c, 0x2b, 0x1a] => Ok(Order::Little),
        [0x1a, 0x2b, 0x3c, 0x4d] => Ok(Order::Big),
        _ => Err(Fault::Corrupt("a section header's byte-order magic is unknown")),
    }
}
