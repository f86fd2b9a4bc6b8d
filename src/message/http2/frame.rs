use crate::flow::Direction;

/// The header of a frame (RFC 9113 section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// Bytes of its payload.
    pub(super) len: u32,
    pub(super) kind: Kind,
    flags: u8,
    /// The stream it is of; 0 is the connection.
    pub(super) stream: u32,
}

/// Bytes of a frame's header.
pub(super) const HEADER: usize = 9;
/// The longest payload that may be sent as long as the receiver does not allow more.
pub(super) const USUAL: u32 = 16_384;

const ACK: u8 = 0x1;
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

/// Kinds of frames (RFC 9113 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Data,
    Headers,
    Priority,
    RstStream,
    Settings,
    PushPromise,
    Ping,
    GoAway,
    WindowUpdate,
    Continuation,
    /// An extension: to be passed over.
    Other,
}

impl Frame {
    pub(super) fn read(header: &[u8; HEADER]) -> Self {
        let [a, b, c, kind, flags, stream @ ..] = *header;
        Self {
            len: u32::from_be_bytes([0, a, b, c]),
            kind: match kind {
                0 => Kind::Data,
                1 => Kind::Headers,
                2 => Kind::Priority,
                3 => Kind::RstStream,
                4 => Kind::Settings,
                5 => Kind::PushPromise,
                6 => Kind::Ping,
                7 => Kind::GoAway,
                8 => Kind::WindowUpdate,
                9 => Kind::Continuation,
                _ => Kind::Other,
            },
            flags,
            stream: u32::from_be_bytes(stream) & 0x7fff_ffff,
        }
    }

    /// The last one of its sender on its stream.
    pub(super) fn ends_stream(self) -> bool {
        matches!(self.kind, Kind::Data | Kind::Headers) && self.flags & END_STREAM != 0
    }

    /// No CONTINUATION follows.
    pub(super) fn ends_headers(self) -> bool {
        self.flags & END_HEADERS != 0
    }

    /// Begins with the length of the padding at its end.
    pub(super) fn is_padded(self) -> bool {
        self.flags & PADDED != 0
    }

    /// Of HEADERS: five bytes of priority stand before the block.
    pub(super) fn has_priority(self) -> bool {
        self.flags & PRIORITY != 0
    }

    /// Of SETTINGS and PING: it answers one.
    pub(super) fn is_ack(self) -> bool {
        self.flags & ACK != 0
    }

    /// Whether it can stand in a stream whose receiver takes payloads of at most `largest` bytes.
    pub(super) fn is_valid(self, direction: Direction, largest: u32) -> bool {
        let of_stream = self.stream != 0;
        self.len <= largest
            && match self.kind {
                Kind::Data => of_stream && self.len >= u32::from(self.is_padded()),
                Kind::Headers => {
                    let before = u32::from(self.is_padded()) + 5 * u32::from(self.has_priority());
                    of_stream && self.len >= before
                }
                Kind::Priority => of_stream && self.len == 5,
                Kind::RstStream => of_stream && self.len == 4,
                Kind::Settings => {
                    !of_stream && self.len.is_multiple_of(6) && !(self.is_ack() && self.len > 0)
                }
                Kind::PushPromise => {
                    let before = u32::from(self.is_padded()) + 4;
                    of_stream && direction == Direction::ToClient && self.len >= before
                }
                Kind::Ping => !of_stream && self.len == 8,
                Kind::GoAway => !of_stream && self.len >= 8,
                Kind::WindowUpdate => self.len == 4,
                Kind::Continuation => of_stream,
                Kind::Other => true,
            }
    }

    /// Whether it is one that peers really send: known, without undefined flags, on a stream that
    /// a client opened.
    fn is_usual(self, direction: Direction) -> bool {
        let flags = match self.kind {
            Kind::Data => END_STREAM | PADDED,
            Kind::Headers => END_STREAM | END_HEADERS | PADDED | PRIORITY,
            Kind::PushPromise => END_HEADERS | PADDED,
            Kind::Continuation => END_HEADERS,
            Kind::Settings | Kind::Ping => ACK,
            Kind::Priority | Kind::RstStream | Kind::GoAway | Kind::WindowUpdate => 0,
            Kind::Other => return false,
        };
        let stream = self.stream == 0 || self.stream % 2 == 1;
        self.is_valid(direction, USUAL) && self.flags & !flags == 0 && stream
    }
}

/// What the beginning of a segment looks like, where it is not known to be one of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Looks {
    /// Frames, of which the last one ends with the segment.
    Whole,
    /// Frames, and then the beginning of one; or only a beginning.
    Begun(Frame),
    /// Something else.
    Other,
}

/// What these bytes look like.
pub(super) fn looks(bytes: &[u8], direction: Direction) -> Looks {
    let Some(header) = bytes.first_chunk() else { return Looks::Other };
    let first = Frame::read(header);
    let mut rest = bytes;
    while let Some(header) = rest.first_chunk() {
        let frame = Frame::read(header);
        if !frame.is_usual(direction) || !has_usual_payload(frame, &rest[HEADER..]) {
            return Looks::Other;
        }
        match rest.get(HEADER + frame.len as usize..) {
            Some([]) => return Looks::Whole,
            Some(more) => rest = more,
            None => break,
        }
    }
    Looks::Begun(first)
}

/// Whether the fixed part of a payload is one that peers send.
fn has_usual_payload(frame: Frame, payload: &[u8]) -> bool {
    let Some(word) = payload.first_chunk().map(|word| u32::from_be_bytes(*word)) else {
        return true;
    };
    match frame.kind {
        Kind::RstStream => word <= 0xff,
        Kind::WindowUpdate => (1..1 << 31).contains(&word),
        Kind::GoAway => word < 1 << 31,
        Kind::Settings if frame.len > 0 => (1..=0xff).contains(&(word >> 16)) || word >> 24 == 0xfe,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_protocols_do_not_look_like_frames() {
        for bytes in [
            &b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"[..],
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"\x4a\x00\x00\x00\x0a\x38\x2e\x30\x2e\x33\x32\x00",
            b"\x00\x00\x00\x08\x04\xd2\x16\x2f",
            b"Q\x00\x00\x00\x0dSELECT 1\x00",
            b"\x00\x00\x00\x1a\x00\x12\x00\x02\x00\x00\x00\x01\x00\x0bkafka-cli-1\x00\x00",
            b"*1\r\n$4\r\nPING\r\n",
            b"\x2f\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\xd4\x07\x00\x00",
        ] {
            for direction in [Direction::ToServer, Direction::ToClient] {
                assert_eq!(looks(bytes, direction), Looks::Other, "{bytes:?}");
            }
        }
    }

    #[test]
    fn frames_look_like_frames() {
        let ping = b"\0\0\x08\x06\0\0\0\0\0abcdefgh";
        assert_eq!(looks(ping, Direction::ToServer), Looks::Whole);
        let data = b"\0\0\x08\0\0\0\0\0\x05abc";
        let frame = Frame { len: 8, kind: Kind::Data, flags: 0, stream: 5 };
        assert_eq!(looks(data, Direction::ToServer), Looks::Begun(frame));
    }
}
