/// Why a packet is not analysed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Skip {
    /// A link type we do not read.
    LinkType,
    /// Neither IPv4 nor IPv6 (ARP, LLDP ...).
    NotIp,
    /// IP, but not TCP.
    NotTcp,
    /// A fragment of an IP packet. Reassembling them is not worth it: TCP avoids fragments.
    Fragment,
    /// The snap length cut it inside the headers.
    Cut,
    /// Its headers contradict themselves.
    Malformed,
}

impl Skip {
    /// Every reason.
    pub const ALL: [Self; 6] =
        [Self::LinkType, Self::NotIp, Self::NotTcp, Self::Fragment, Self::Cut, Self::Malformed];

    /// Words for a report.
    pub fn name(self) -> &'static str {
        match self {
            Self::LinkType => "unknown link type",
            Self::NotIp => "not IP",
            Self::NotTcp => "not TCP",
            Self::Fragment => "IP fragments",
            Self::Cut => "cut inside the headers",
            Self::Malformed => "malformed headers",
        }
    }
}
