//! Stage 2 of 7: packets in, TCP segments out.
//!
//! In:  [`Packet`], of any link type we know.
//! Out: [`Segment`], a view of the packet, or the reason ([`Skip`]) why there is none.
//! Not here: checksums. On `lo` and with offloading they are wrong in a good capture.
//!
//! The road through a frame: link header → IP headers → TCP header → payload.

mod addresses;
mod ip;
mod link;
mod segment;
mod seq;
mod skip;

pub use addresses::{Addresses, Endpoint};
pub use segment::{Flags, Segment};
pub use seq::Seq;
pub use skip::Skip;

use crate::capture::Packet;

/// Reads the headers of a packet.
///
/// # Errors
/// The reason why the packet is not a TCP segment that can be analysed.
#[inline]
pub fn decode<'a>(packet: &Packet<'a>) -> Result<Segment<'a>, Skip> {
    let network = link::network(packet)?;
    let wire_len = (packet.original_len as usize).saturating_sub(network.skipped);
    let transport = ip::transport(network.bytes, wire_len.max(network.bytes.len()))?;
    let tcp = segment::tcp(transport.bytes)?;
    let payload_len = transport.len.checked_sub(tcp.header_len).ok_or(Skip::Malformed)?;
    Ok(Segment {
        mark: packet.mark,
        interface: packet.interface,
        place: packet.interface.rotate_left(16) ^ network.device,
        addresses: transport.addresses(tcp.ports),
        seq: tcp.seq,
        ack: tcp.ack,
        flags: tcp.flags,
        payload: transport.bytes.get(tcp.header_len..).unwrap_or_default(),
        payload_len: u32::try_from(payload_len).map_err(|_| Skip::Malformed)?,
    })
}

#[cfg(test)]
mod tests;
