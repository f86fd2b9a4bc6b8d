/// What the bytes of a frame begin with: the LINKTYPE_ value of its interface.
///
/// Source: the tcpdump group's list of link-layer header types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkType {
    /// BSD loopback: a 4-byte address family in the byte order of the capturing host (0).
    Null,
    /// Ethernet (1); Linux's `lo` too.
    Ethernet,
    /// OpenBSD loopback: as [`LinkType::Null`] in network byte order (108).
    Loop,
    /// IP without a link header; the first 4 bits tell the version (12, 14, 101).
    Raw,
    /// Linux cooked, version 1: 16 bytes, from `-i any` (113).
    LinuxSll,
    /// Raw IPv4 (228).
    Ipv4,
    /// Raw IPv6 (229).
    Ipv6,
    /// Linux cooked, version 2: 20 bytes with the interface's index (276).
    LinuxSll2,
    /// Any other: its frames are counted, not read.
    Other(u32),
}

impl LinkType {
    /// The link type with this number.
    pub fn from_number(number: u32) -> Self {
        match number {
            0 => Self::Null,
            1 => Self::Ethernet,
            12 | 14 | 101 => Self::Raw,
            108 => Self::Loop,
            113 => Self::LinuxSll,
            228 => Self::Ipv4,
            229 => Self::Ipv6,
            276 => Self::LinuxSll2,
            other => Self::Other(other),
        }
    }

    /// The number to write for it. Raw IP is written as 101 whatever was read.
    pub fn number(self) -> u32 {
        match self {
            Self::Null => 0,
            Self::Ethernet => 1,
            Self::Raw => 101,
            Self::Loop => 108,
            Self::LinuxSll => 113,
            Self::Ipv4 => 228,
            Self::Ipv6 => 229,
            Self::LinuxSll2 => 276,
            Self::Other(number) => number,
        }
    }
}
