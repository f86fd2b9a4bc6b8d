use etherparse::TcpHeaderSlice;

use super::{Addresses, Seq, Skip};
use crate::capture::Mark;

/// One TCP segment: where it came from, its place in the stream and its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// The packet it came in.
    pub mark: Mark,
    /// The interface of the capture.
    pub interface: u32,
    /// Where connections are kept apart although their addresses are equal: the interface of the
    /// capture, mixed with the device's index where one interface of the capture is all devices
    /// (cooked v2).
    pub place: u32,
    /// Sender and receiver.
    pub addresses: Addresses,
    /// Position of the first byte, or of the SYN.
    pub seq: Seq,
    /// What the sender has received so far; meaningful only with [`Flags::ack`].
    pub ack: Seq,
    /// The control bits.
    pub flags: Flags,
    /// The payload, as far as it was captured.
    pub payload: &'a [u8],
    /// Length of the payload on the wire, in bytes; more than `payload` holds if the snap length
    /// cut it.
    pub payload_len: u32,
}

/// The control bits of a segment that matter to an observer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u8);

impl Flags {
    /// From the octet of the header.
    pub fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// No more data from the sender.
    pub fn fin(self) -> bool {
        self.0 & 0x01 != 0
    }

    /// Start of the connection.
    pub fn syn(self) -> bool {
        self.0 & 0x02 != 0
    }

    /// End of the connection at once.
    pub fn rst(self) -> bool {
        self.0 & 0x04 != 0
    }

    /// The acknowledgment number counts.
    pub fn ack(self) -> bool {
        self.0 & 0x10 != 0
    }
}

/// What TCP says in a segment; the rest of [`Segment`] comes from the layers below.
pub(super) struct Tcp {
    pub(super) ports: (u16, u16),
    pub(super) seq: Seq,
    pub(super) ack: Seq,
    pub(super) flags: Flags,
    pub(super) header_len: usize,
}

/// Reads the TCP header at the front of `bytes`. A header whose options were cut by the snap
/// length is read all the same: the options are not needed.
#[inline]
pub(super) fn tcp(bytes: &[u8]) -> Result<Tcp, Skip> {
    let fixed = bytes.first_chunk::<20>().ok_or(Skip::Cut)?;
    let header_len = usize::from(fixed[12] >> 4) * 4;
    let mut without_options = *fixed;
    without_options[12] = 5 << 4 | fixed[12] & 0x0f;
    if header_len < 20 {
        return Err(Skip::Malformed);
    }
    let header = TcpHeaderSlice::from_slice(&without_options).map_err(|_| Skip::Malformed)?;
    Ok(Tcp {
        ports: (header.source_port(), header.destination_port()),
        seq: Seq(header.sequence_number()),
        ack: Seq(header.acknowledgment_number()),
        flags: Flags::from_bits(fixed[13]),
        header_len,
    })
}
