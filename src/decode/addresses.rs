use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// An IP address and a port, in the form in which connections are looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// `address << 16 | port`.
    V4(u64),
    /// The address's two halves and the port.
    V6([u64; 2], u16),
}

impl Endpoint {
    pub(super) fn v4(address: [u8; 4], port: u16) -> Self {
        Self::V4(u64::from(u32::from_be_bytes(address)) << 16 | u64::from(port))
    }

    pub(super) fn v6(address: [u8; 16], port: u16) -> Self {
        let bits = u128::from_be_bytes(address);
        Self::V6([(bits >> 64) as u64, bits as u64], port)
    }

    /// The port.
    pub fn port(self) -> u16 {
        match self {
            Self::V4(bits) => bits as u16,
            Self::V6(_, port) => port,
        }
    }

    /// As the standard library writes it.
    pub fn socket(self) -> SocketAddr {
        let ip = match self {
            Self::V4(bits) => IpAddr::V4(Ipv4Addr::from_bits((bits >> 16) as u32)),
            Self::V6([high, low], _) => {
                IpAddr::V6(Ipv6Addr::from_bits(u128::from(high) << 64 | u128::from(low)))
            }
        };
        SocketAddr::new(ip, self.port())
    }
}

/// Sender and receiver of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The sender.
    pub src: Endpoint,
    /// The receiver.
    pub dst: Endpoint,
}
