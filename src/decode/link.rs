use etherparse::{EtherType, Ethernet2HeaderSlice};

use super::Skip;
use crate::capture::{LinkType, Packet};

/// What is left of a frame without its link header.
pub(super) struct Network<'a> {
    /// IPv4 or IPv6, told by its first four bits.
    pub(super) bytes: &'a [u8],
    /// Bytes of link header in front of it.
    pub(super) skipped: usize,
    /// Index of the device where the link header names one, otherwise 0.
    pub(super) device: u32,
}

/// Takes the link header off.
#[inline]
pub(super) fn network<'a>(packet: &Packet<'a>) -> Result<Network<'a>, Skip> {
    let bytes = packet.bytes;
    match packet.link {
        LinkType::Ethernet => {
            let header = Ethernet2HeaderSlice::from_slice(bytes).map_err(|_| Skip::Cut)?;
            typed(bytes, 14, header.ether_type(), 0)
        }
        LinkType::Raw | LinkType::Ipv4 | LinkType::Ipv6 => from(bytes, 0, 0),
        LinkType::Null | LinkType::Loop => from(bytes, 4, 0),
        // Cooked v1: packet type, ARPHRD type, address length, address (8), protocol.
        LinkType::LinuxSll => typed(bytes, 16, ether_type(bytes, 14)?, 0),
        // Cooked v2: protocol, reserved, interface index (4), ARPHRD type, packet type ...
        LinkType::LinuxSll2 => {
            let index = bytes.get(4..8).ok_or(Skip::Cut)?;
            let device = u32::from_be_bytes([index[0], index[1], index[2], index[3]]);
            typed(bytes, 20, ether_type(bytes, 0)?, device)
        }
        LinkType::Other(_) => Err(Skip::LinkType),
    }
}

/// Passes VLAN tags (any number of them) and checks that IP follows.
#[inline]
fn typed(
    bytes: &[u8],
    mut at: usize,
    mut kind: EtherType,
    device: u32,
) -> Result<Network<'_>, Skip> {
    loop {
        match kind {
            EtherType::IPV4 | EtherType::IPV6 => return from(bytes, at, device),
            EtherType::VLAN_TAGGED_FRAME
            | EtherType::PROVIDER_BRIDGING
            | EtherType::VLAN_DOUBLE_TAGGED_FRAME => {
                kind = ether_type(bytes, at + 2)?;
                at += 4;
            }
            _ => return Err(Skip::NotIp),
        }
    }
}

#[inline]
fn from(bytes: &[u8], at: usize, device: u32) -> Result<Network<'_>, Skip> {
    Ok(Network { bytes: bytes.get(at..).ok_or(Skip::Cut)?, skipped: at, device })
}

#[inline]
fn ether_type(bytes: &[u8], at: usize) -> Result<EtherType, Skip> {
    let field = bytes.get(at..at + 2).ok_or(Skip::Cut)?;
    Ok(EtherType(u16::from_be_bytes([field[0], field[1]])))
}
