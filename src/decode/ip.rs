use etherparse::{IpNumber, Ipv4HeaderSlice, Ipv6ExtensionsSlice, Ipv6HeaderSlice};

use super::{Addresses, Endpoint, Skip};

/// What IP carries, if that is TCP.
pub(super) struct Transport<'a> {
    /// The TCP header and what follows, as far as it was captured and without padding.
    pub(super) bytes: &'a [u8],
    /// Its length on the wire.
    pub(super) len: usize,
    addresses: IpAddresses,
}

enum IpAddresses {
    V4([u8; 4], [u8; 4]),
    V6([u8; 16], [u8; 16]),
}

impl Transport<'_> {
    #[inline]
    pub(super) fn addresses(&self, ports: (u16, u16)) -> Addresses {
        match self.addresses {
            IpAddresses::V4(src, dst) => {
                Addresses { src: Endpoint::v4(src, ports.0), dst: Endpoint::v4(dst, ports.1) }
            }
            IpAddresses::V6(src, dst) => {
                Addresses { src: Endpoint::v6(src, ports.0), dst: Endpoint::v6(dst, ports.1) }
            }
        }
    }
}

/// Reads the IP headers at the front of `bytes`; `wire_len` is their and their payload's length on
/// the wire, padding included.
#[inline]
pub(super) fn transport(bytes: &[u8], wire_len: usize) -> Result<Transport<'_>, Skip> {
    match bytes.first().ok_or(Skip::Cut)? >> 4 {
        4 => ipv4(bytes, wire_len),
        6 => ipv6(bytes, wire_len),
        _ => Err(Skip::NotIp),
    }
}

#[inline]
fn ipv4(bytes: &[u8], wire_len: usize) -> Result<Transport<'_>, Skip> {
    if bytes.len() < 20 || bytes.len() < usize::from(bytes[0] & 0x0f) * 4 {
        return Err(Skip::Cut);
    }
    let header = Ipv4HeaderSlice::from_slice(bytes).map_err(|_| Skip::Malformed)?;
    if header.protocol() != IpNumber::TCP {
        return Err(Skip::NotTcp);
    }
    if header.is_fragmenting_payload() {
        return Err(Skip::Fragment);
    }
    let header_len = header.slice().len();
    let total = match usize::from(header.total_len()) {
        // BIG TCP, or a segment that the network card was to cut: longer than the field can say.
        0 => wire_len,
        total => total,
    };
    let len = total.checked_sub(header_len).ok_or(Skip::Malformed)?;
    Ok(Transport {
        bytes: clip(&bytes[header_len..], len),
        len,
        addresses: IpAddresses::V4(header.source(), header.destination()),
    })
}

fn ipv6(bytes: &[u8], wire_len: usize) -> Result<Transport<'_>, Skip> {
    if bytes.len() < 40 {
        return Err(Skip::Cut);
    }
    let header = Ipv6HeaderSlice::from_slice(bytes).map_err(|_| Skip::Malformed)?;
    let body = match usize::from(header.payload_length()) {
        // BIG TCP: the length stands in a hop-by-hop option, if anywhere.
        0 => wire_len.checked_sub(40).ok_or(Skip::Malformed)?,
        len => len,
    };
    let captured = clip(&bytes[40..], body);
    let (next, rest) = match header.next_header() {
        IpNumber::TCP => (IpNumber::TCP, captured),
        first => {
            let (extensions, next, rest, stopped) =
                Ipv6ExtensionsSlice::from_slice_lax(first, captured);
            if stopped.is_some() {
                return Err(Skip::Cut);
            }
            if extensions.is_fragmenting_payload() {
                return Err(Skip::Fragment);
            }
            (next, rest)
        }
    };
    if next != IpNumber::TCP {
        return Err(Skip::NotTcp);
    }
    Ok(Transport {
        bytes: rest,
        len: body - (captured.len() - rest.len()),
        addresses: IpAddresses::V6(header.source(), header.destination()),
    })
}

fn clip(bytes: &[u8], len: usize) -> &[u8] {
    &bytes[..len.min(bytes.len())]
}
