/// The longest header: two bytes, a length of eight, a mask of four.
pub(super) const LONGEST: usize = 14;

/// The longest payload of a control frame.
const CONTROL: u64 = 125;

/// What precedes a frame's payload (RFC 6455 section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) opcode: Opcode,
    /// No frame of the same message follows.
    pub(super) last: bool,
    /// A client has to mask its frames and a server must not; not all clients do (wstunnel).
    pub(super) mask: Option<[u8; 4]>,
    /// Of the payload.
    pub(super) len: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation,
    /// Text or binary.
    Data,
    Close,
    Ping,
    Pong,
}

/// What bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// A header of so many bytes.
    Whole(Header, usize),
    /// The beginning of one.
    Partial,
    /// None.
    Invalid,
}

impl Header {
    /// Reads the header at the front of `bytes`. The first of the reserved bits may be set on the
    /// first frame of a message: it is compressed (RFC 7692).
    pub(super) fn read(bytes: &[u8]) -> Read {
        let [flags, rest @ ..] = bytes else { return Read::Partial };
        let last = flags & 0x80 != 0;
        let opcode = match (flags & 0x0f, flags & 0x70, last) {
            (1 | 2, 0 | 0x40, _) => Opcode::Data,
            (0, 0, _) => Opcode::Continuation,
            (8, 0, true) => Opcode::Close,
            (9, 0, true) => Opcode::Ping,
            (10, 0, true) => Opcode::Pong,
            _ => return Read::Invalid,
        };
        let [short, rest @ ..] = rest else { return Read::Partial };
        let is_masked = short & 0x80 != 0;
        let (len, rest) = match (short & 0x7f, rest) {
            (126, [a, b, rest @ ..]) => (u64::from(u16::from_be_bytes([*a, *b])), rest),
            (127, [a, b, c, d, e, f, g, h, rest @ ..]) => {
                (u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]), rest)
            }
            (126 | 127, _) => return Read::Partial,
            (len, rest) => (u64::from(len), rest),
        };
        // The shortest form of a length is the only one, and the highest bit is not used.
        let is_shortest = match short & 0x7f {
            126 => len >= 126,
            127 => len > u64::from(u16::MAX) && len >> 63 == 0,
            _ => true,
        };
        let is_control = !matches!(opcode, Opcode::Continuation | Opcode::Data);
        if !is_shortest || is_control && len > CONTROL {
            return Read::Invalid;
        }
        let (mask, rest) = match (is_masked, rest) {
            (false, rest) => (None, rest),
            (true, [a, b, c, d, rest @ ..]) => (Some([*a, *b, *c, *d]), rest),
            (true, _) => return Read::Partial,
        };
        Read::Whole(Self { opcode, last, mask, len }, bytes.len() - rest.len())
    }
}
