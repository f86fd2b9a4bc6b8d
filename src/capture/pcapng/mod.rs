//! pcapng: sections of blocks.
//!
//! Read first: draft-ietf-opsawg-pcapng, sections 3 (blocks, options) and 4 (the kinds of block).

mod block;
mod clock;
mod describe;
mod options;

use std::io::Read;

use self::block::Block;
use self::clock::Clock;
pub use self::options::Comments;
pub(super) use self::options::Options;
use super::buffer::Buffer;
use super::error::Fault;
use super::item::{Found, Last};
use super::order::Order;
use super::{LinkType, Timestamp};

/// The bytes a pcapng file begins with.
pub(super) const MAGIC: [u8; 4] = block::SECTION_HEADER.to_be_bytes();

const INTERFACE_DESCRIPTION: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

const OPT_COMMENT: u16 = 1;

const TOO_SHORT: Fault = Fault::Corrupt("a block is too short for its fields");

/// A pcapng stream being read.
#[derive(Debug, Default)]
pub(super) struct Pcapng {
    order: Order,
    /// Interfaces of this section; blocks number them from 0 in each.
    interfaces: Vec<Known>,
    /// Interfaces of the sections before.
    before: u32,
    /// Of the packet before: for simple packets, which have no time.
    time: Timestamp,
}

/// What packets need to know of their interface.
#[derive(Clone, Copy, Debug)]
struct Known {
    clock: Clock,
    link: LinkType,
    snaplen: u32,
}

impl Pcapng {
    /// The next item; `None` at the end.
    #[inline]
    pub(super) fn next<R: Read>(
        &mut self,
        buffer: &mut Buffer<R>,
        last: &mut Last,
    ) -> Result<Option<Found>, Fault> {
        while !buffer.is_over()? {
            let block = block::peek(buffer, &mut self.order)?;
            let body = buffer.get(block.body.clone());
            let found = match block.kind {
                ENHANCED_PACKET => Some(self.enhanced(body, &block)?),
                SIMPLE_PACKET => Some(self.simple(body, &block)?),
                OBSOLETE_PACKET => Some(self.obsolete(body, &block)?),
                kind => self.describing(kind, body, last)?,
            };
            // Only now, so that faults are told at the place where the block begins.
            buffer.take(block.len);
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Enhanced packet: interface 4 | time 8 | captured 4 | original 4 | bytes | options.
    #[inline]
    fn enhanced(&mut self, body: &[u8], block: &Block) -> Result<Found, Fault> {
        if body.len() < 20 {
            return Err(TOO_SHORT);
        }
        let interface = self.order.u32(body, 0);
        self.timed(interface, body, block)
    }

    /// Obsolete packet: interface 2 | drops 2, then as the enhanced packet.
    #[cold]
    fn obsolete(&mut self, body: &[u8], block: &Block) -> Result<Found, Fault> {
        if body.len() < 20 {
            return Err(TOO_SHORT);
        }
        let interface = self.order.u16(body, 0).into();
        self.timed(interface, body, block)
    }

    /// The rest of an enhanced or obsolete packet; its 20 bytes of header are there.
    #[inline]
    fn timed(&mut self, interface: u32, body: &[u8], block: &Block) -> Result<Found, Fault> {
        let order = self.order;
        let known = *self.known(interface)?;
        let captured = order.u32(body, 12) as usize;
        if captured > body.len() - 20 {
            return Err(Fault::Corrupt("a packet is longer than its block"));
        }
        self.time = known.clock.time(order.halves(body, 4));
        let start = block.body.start + 20;
        let options = start + captured.next_multiple_of(4);
        Ok(Found::Packet {
            time: self.time,
            interface: self.before + interface,
            link: known.link,
            original_len: order.u32(body, 16),
            bytes: start..start + captured,
            options: options.min(block.body.end)..block.body.end,
            order,
        })
    }

    /// Simple packet: original 4 | bytes. On interface 0, without a time: it gets that of the
    /// packet before.
    #[cold]
    fn simple(&mut self, body: &[u8], block: &Block) -> Result<Found, Fault> {
        let room = body.len().checked_sub(4).ok_or(TOO_SHORT)?;
        let known = *self.known(0)?;
        let original_len = self.order.u32(body, 0);
        let limit = if known.snaplen == 0 { u32::MAX } else { known.snaplen };
        let captured = original_len.min(limit) as usize;
        if captured > room {
            return Err(Fault::Corrupt("a packet is longer than its block"));
        }
        let start = block.body.start + 4;
        Ok(Found::Packet {
            time: self.time,
            interface: self.before,
            link: known.link,
            original_len,
            bytes: start..start + captured,
            options: block.body.end..block.body.end,
            order: self.order,
        })
    }

    /// Blocks that hold no packet; `None` for kinds that are passed over.
    #[cold]
    fn describing(
        &mut self,
        kind: u32,
        body: &[u8],
        last: &mut Last,
    ) -> Result<Option<Found>, Fault> {
        Ok(Some(match kind {
            block::SECTION_HEADER => {
                last.section = describe::section(body, self.order)?;
                self.before += self.interfaces.len() as u32;
                self.interfaces.clear();
                Found::Section
            }
            INTERFACE_DESCRIPTION => {
                let (mut interface, clock) = describe::interface(body, self.order)?;
                interface.index = self.before + self.interfaces.len() as u32;
                let (link, snaplen) = (interface.link, interface.snaplen);
                self.interfaces.push(Known { clock, link, snaplen });
                last.interface = interface;
                Found::Interface
            }
            INTERFACE_STATISTICS => {
                last.statistics = describe::statistics(body, self.order, |interface| {
                    let known = self.known(interface)?;
                    Ok((self.before + interface, known.clock))
                })?;
                Found::Statistics
            }
            _ => return Ok(None),
        }))
    }

    #[inline]
    fn known(&self, interface: u32) -> Result<&Known, Fault> {
        self.interfaces
            .get(interface as usize)
            .ok_or(Fault::Corrupt("a block names an interface that was not described"))
    }
}
