//! pcap: one header, then records.
//!
//! Read first: draft-ietf-opsawg-pcap, sections 4 (file header) and 5 (packet record).
//!
//! ```text
//! file    magic 4 | major 2 | minor 2 | zone 4 | sigfigs 4 | snaplen 4 | link type 4
//! record  seconds 4 | fraction 4 | captured length 4 | original length 4 | bytes
//! ```

use std::io::Read;

use super::buffer::Buffer;
use super::error::Fault;
use super::item::{Found, Last};
use super::order::Order;
use super::reader::MAX_RECORD;
use super::{Interface, LinkType, Timestamp};

const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;

/// The byte order and unit of time that a file's magic number tells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Magic {
    order: Order,
    /// Nanoseconds in one unit of a record's fraction.
    unit: u32,
}

/// The magic numbers, as bytes of a file.
pub(super) const MAGICS: [([u8; 4], Magic); 4] = [
    ([0xd4, 0xc3, 0xb2, 0xa1], Magic { order: Order::Little, unit: 1000 }),
    ([0xa1, 0xb2, 0xc3, 0xd4], Magic { order: Order::Big, unit: 1000 }),
    ([0x4d, 0x3c, 0xb2, 0xa1], Magic { order: Order::Little, unit: 1 }),
    ([0xa1, 0xb2, 0x3c, 0x4d], Magic { order: Order::Big, unit: 1 }),
];

/// A pcap file being read.
#[derive(Debug)]
pub(super) struct Pcap {
    magic: Magic,
    /// Of all packets; `None` until the file header was read.
    link: Option<LinkType>,
}

impl Pcap {
    pub(super) fn new(magic: Magic) -> Self {
        Self { magic, link: None }
    }

    /// The next item; `None` at the end.
    #[inline]
    pub(super) fn next<R: Read>(
        &mut self,
        buffer: &mut Buffer<R>,
        last: &mut Last,
    ) -> Result<Option<Found>, Fault> {
        let Some(link) = self.link else { return self.header(buffer, last).map(Some) };
        if buffer.is_over()? {
            return Ok(None);
        }
        buffer.need(RECORD_HEADER)?;
        let header = &buffer.rest()[..RECORD_HEADER];
        let order = self.magic.order;
        let captured = order.u32(header, 8) as usize;
        if captured > MAX_RECORD {
            return Err(Fault::Corrupt("a packet claims more than 64 MiB"));
        }
        // 32 bits of seconds since 1970, so that 2^32 * 10^9 fits.
        let time = i64::from(order.u32(header, 0)) * 1_000_000_000
            + i64::from(order.u32(header, 4)) * i64::from(self.magic.unit);
        let original_len = order.u32(header, 12);
        buffer.need(RECORD_HEADER + captured)?;
        let record = buffer.take(RECORD_HEADER + captured);
        Ok(Some(Found::Packet {
            time: Timestamp::from_nanos(time),
            interface: 0,
            link,
            original_len,
            options: record.end..record.end,
            bytes: record.start + RECORD_HEADER..record.end,
            order,
        }))
    }

    #[cold]
    fn header<R: Read>(&mut self, buffer: &mut Buffer<R>, last: &mut Last) -> Result<Found, Fault> {
        buffer.need(FILE_HEADER)?;
        let range = buffer.take(FILE_HEADER);
        let header = buffer.get(range);
        let order = self.magic.order;
        // The zone is 0 in practice and other readers ignore it. The link type's upper half holds
        // the length of the frame check sequence.
        let link = LinkType::from_number(order.u32(header, 20) & 0xffff);
        self.link = Some(link);
        last.interface = Interface::new(link, order.u32(header, 16));
        Ok(Found::Interface)
    }
}
