//! Writes pcap and pcapng as other programs may: any byte order, any resolution.

/// Bytes of a capture in one byte order.
#[derive(Clone, Default)]
pub(crate) struct Builder {
    pub(crate) bytes: Vec<u8>,
    big: bool,
}

impl Builder {
    pub(crate) fn little() -> Self {
        Self::default()
    }

    pub(crate) fn big() -> Self {
        Self { big: true, ..Self::default() }
    }

    fn u16(&self, value: u16) -> [u8; 2] {
        if self.big { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    fn u32(&self, value: u32) -> [u8; 4] {
        if self.big { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    pub(crate) fn u64(&self, value: u64) -> [u8; 8] {
        if self.big { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    pub(crate) fn halves(&self, value: u64) -> [u8; 8] {
        let mut bytes = [0; 8];
        bytes[..4].copy_from_slice(&self.u32((value >> 32) as u32));
        bytes[4..].copy_from_slice(&self.u32(value as u32));
        bytes
    }

    /// A pcap file header.
    pub(crate) fn pcap(mut self, magic: u32, link: u32) -> Self {
        for field in [magic, if self.big { 0x0002_0004 } else { 0x0004_0002 }, 0, 0, 65535, link] {
            self.bytes.extend(self.u32(field));
        }
        self
    }

    /// A pcap record.
    pub(crate) fn record(
        mut self,
        seconds: u32,
        fraction: u32,
        original: u32,
        data: &[u8],
    ) -> Self {
        for field in [seconds, fraction, data.len() as u32, original] {
            self.bytes.extend(self.u32(field));
        }
        self.bytes.extend(data);
        self
    }

    /// Any block; the body is padded.
    pub(crate) fn block(mut self, kind: u32, body: &[u8]) -> Self {
        let len = self.u32(12 + body.len().next_multiple_of(4) as u32);
        self.bytes.extend(self.u32(kind));
        self.bytes.extend(len);
        self.bytes.extend(padded(body));
        self.bytes.extend(len);
        self
    }

    pub(crate) fn options(&self, options: &[(u16, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (code, value) in options {
            bytes.extend(self.u16(*code));
            bytes.extend(self.u16(value.len() as u16));
            bytes.extend(padded(value));
        }
        if !options.is_empty() {
            bytes.extend([0; 4]);
        }
        bytes
    }

    pub(crate) fn section(self, options: &[(u16, &[u8])]) -> Self {
        let mut body = self.u32(0x1a2b_3c4d).to_vec();
        body.extend(self.u16(1));
        body.extend(self.u16(0));
        body.extend([0xff; 8]);
        body.extend(self.options(options));
        self.block(0x0a0d_0d0a, &body)
    }

    pub(crate) fn interface(self, link: u16, snaplen: u32, options: &[(u16, &[u8])]) -> Self {
        let mut body = self.u16(link).to_vec();
        body.extend([0; 2]);
        body.extend(self.u32(snaplen));
        body.extend(self.options(options));
        self.block(1, &body)
    }

    /// An enhanced packet.
    pub(crate) fn packet(
        self,
        interface: u32,
        ticks: u64,
        data: &[u8],
        options: &[(u16, &[u8])],
    ) -> Self {
        let body = [&self.u32(interface)[..], &self.timed(ticks, data, options)].concat();
        self.block(6, &body)
    }

    /// An obsolete packet.
    pub(crate) fn obsolete(self, interface: u16, ticks: u64, data: &[u8]) -> Self {
        let body = [&self.u16(interface)[..], &[0; 2], &self.timed(ticks, data, &[])].concat();
        self.block(2, &body)
    }

    fn timed(&self, ticks: u64, data: &[u8], options: &[(u16, &[u8])]) -> Vec<u8> {
        let len = self.u32(data.len() as u32);
        [&self.halves(ticks)[..], &len, &len, &padded(data), &self.options(options)].concat()
    }

    /// A simple packet.
    pub(crate) fn simple(self, original: u32, data: &[u8]) -> Self {
        let body = [&self.u32(original)[..], data].concat();
        self.block(3, &body)
    }

    pub(crate) fn statistics(self, interface: u32, ticks: u64, options: &[(u16, &[u8])]) -> Self {
        let options = self.options(options);
        let body = [&self.u32(interface)[..], &self.halves(ticks), &options].concat();
        self.block(5, &body)
    }

    /// Whatever `other` holds, after this.
    pub(crate) fn then(mut self, other: Self) -> Self {
        self.bytes.extend(other.bytes);
        self
    }
}

fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// A capture with everything this library reads: two sections of different byte orders, several
/// interfaces and resolutions, all kinds of packets, comments and a block of an unknown kind.
///
/// Its simple packet is at the end, as it has no time.
pub(crate) fn everything() -> Builder {
    let second = 1_700_000_000;
    let first = Builder::little();
    let received = first.u64(12);
    let ended = first.halves(second * 1000 + 9);
    let minus = first.u64((-3_600_i64).cast_unsigned());
    let first = first
        .section(&[(1, b"made by a test"), (4, b"builder 1")])
        .interface(1, 0, &[(2, b"eth0"), (9, &[3])])
        .interface(
            113,
            96,
            &[(2, b"any"), (3, b"all"), (9, &[9]), (14, &minus), (1, b"an hour late")],
        )
        .packet(0, second * 1000 + 1, &[1; 60], &[(1, b"one"), (2, &[0; 4]), (1, b"two")])
        .block(0x0000_5555, b"whatever")
        .packet(1, (second + 3600) * 1_000_000_000 + 123_456_789, &[2; 61], &[])
        .obsolete(0, second * 1000 + 2, &[3; 63])
        .statistics(0, second * 1000 + 10, &[(3, &ended), (4, &received)]);
    let plus = Builder::big().u64(86_400);
    let second_section = Builder::big()
        .section(&[])
        .interface(101, 62, &[(9, &[0x80 | 20])])
        .interface(1, 0, &[(14, &plus)])
        .packet(0, (second << 20) + 1, &[0x45; 62], &[(1, "größer".as_bytes())])
        .packet(1, (second - 86_400) * 1_000_000 + 5, &[5; 64], &[])
        .simple(100, &[0x45; 62]);
    first.then(second_section)
}
