use std::collections::HashMap;

use crate::capture::{LinkType, Packet};
use crate::decode::{Endpoint, Seq, decode};

/// Directions that may be inside a head at once; with more, the oldest knowledge is dropped and
/// what follows is cut.
const OPEN: usize = 10_000;
/// Fields whose values are blanked.
const SECRET: [&[u8]; 4] = [b"authorization", b"proxy-authorization", b"cookie", b"set-cookie"];
/// The longest name among them, and one more to see that a name is longer.
const NAME: usize = 20;

/// Makes packets fit to be shared: bodies are cut off, credentials become `x` of the same length.
///
/// Kept of a TCP payload is what certainly is the head of an HTTP/1 message: it begins with a
/// request line or status line, or it continues in order a head that began so. Everything else is
/// cut: bodies, other protocols, what came out of order or again.
#[derive(Debug, Default)]
pub(super) struct Share {
    open: HashMap<(Endpoint, Endpoint), Open>,
    bytes: Vec<u8>,
}

/// A direction whose last packet ended inside a head.
#[derive(Clone, Copy, Debug)]
struct Open {
    next: Seq,
    head: Head,
}

impl Share {
    /// The packet as it may be shared.
    pub(super) fn packet<'a>(&'a mut self, packet: &Packet<'a>) -> Packet<'a> {
        let Ok(segment) = decode(packet) else {
            let keep = link_len(packet.link) + 20;
            return Packet { bytes: first(packet.bytes, keep), ..*packet };
        };
        if segment.payload.is_empty() {
            let keep = link_len(packet.link) + 120;
            return Packet { bytes: first(packet.bytes, keep), ..*packet };
        }
        // Both are slices of one frame: their distance is the length of the headers.
        let start = segment.payload.as_ptr() as usize - packet.bytes.as_ptr() as usize;
        let direction = (segment.addresses.src, segment.addresses.dst);
        let continued = self.open.get(&direction).filter(|open| open.next == segment.seq);
        let mut head = match continued {
            Some(open) => open.head,
            None if begins_head(segment.payload) => Head::default(),
            None => return Packet { bytes: &packet.bytes[..start], ..*packet },
        };
        self.bytes.clear();
        self.bytes.extend_from_slice(&packet.bytes[..start]);
        let kept = head.read(segment.payload, &mut self.bytes);
        if kept < segment.payload.len() || head.ended {
            self.open.remove(&direction);
        } else {
            if self.open.len() >= OPEN && !self.open.contains_key(&direction) {
                self.open.clear();
            }
            let next = segment.seq.plus(kept as u32 + u32::from(segment.flags.syn()));
            self.open.insert(direction, Open { next, head });
        }
        Packet { bytes: &self.bytes, ..*packet }
    }
}

fn first(bytes: &[u8], len: usize) -> &[u8] {
    &bytes[..len.min(bytes.len())]
}

/// Length of the link header without VLAN tags.
fn link_len(link: LinkType) -> usize {
    match link {
        LinkType::Null | LinkType::Loop => 4,
        LinkType::Ethernet => 14,
        LinkType::LinuxSll => 16,
        LinkType::LinuxSll2 => 20,
        LinkType::Raw | LinkType::Ipv4 | LinkType::Ipv6 | LinkType::Other(_) => 0,
    }
}

/// Whether the payload begins with a whole status line or request line of HTTP/1.
fn begins_head(payload: &[u8]) -> bool {
    let Some(end) = payload.iter().position(|byte| *byte == b'\n') else { return false };
    let line = payload[..end].trim_ascii_end();
    let is_status = line.starts_with(b"HTTP/1.");
    let method = line.iter().position(|byte| *byte == b' ').unwrap_or(0);
    let is_request = (1..=20).contains(&method)
        && line[..method].iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'-')
        && (line.ends_with(b" HTTP/1.1") || line.ends_with(b" HTTP/1.0"));
    is_status || is_request
}

/// Where in a head the bytes are. Fields may be split over packets at any byte.
#[derive(Clone, Copy, Debug, Default)]
struct Head {
    place: Place,
    name: [u8; NAME],
    len: usize,
    /// The value of the field before this line is secret: a folded line goes on with it.
    secret: bool,
    ended: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// In the first line.
    #[default]
    First,
    /// At the first byte of a line, which tells whether it folds or ends the head.
    Start,
    /// After a CR at the start of a line.
    Blank,
    /// After a CR at the end of a line that holds no secret.
    Return,
    Name,
    /// Between the colon and the value.
    Colon,
    Value,
}

impl Head {
    /// Copies the head's bytes to `out`, secrets blanked; answers how many there were.
    fn read(&mut self, payload: &[u8], out: &mut Vec<u8>) -> usize {
        for (place, byte) in payload.iter().enumerate() {
            let shown = self.byte(*byte);
            out.push(shown);
            if self.ended {
                return place + 1;
            }
        }
        payload.len()
    }

    /// Takes one byte and answers what may be shown of it.
    fn byte(&mut self, byte: u8) -> u8 {
        match (self.place, byte) {
            (Place::Start | Place::Blank, b'\n') => self.ended = true,
            (_, b'\n') => self.place = Place::Start,
            (Place::Start, b'\r') => self.place = Place::Blank,
            (Place::Return, _) => {
                // For those who are sloppy, a bare CR ends a line as well.
                self.place = Place::Start;
                return self.byte(byte);
            }
            (Place::Start, b' ' | b'\t') => self.place = Place::Colon,
            (Place::Start | Place::Blank, _) => {
                (self.place, self.secret, self.len) = (Place::Name, false, 0);
                self.named(byte);
            }
            (Place::First | Place::Name, b'\r') => self.place = Place::Return,
            (Place::Name, b':') => {
                self.secret = self.is_secret();
                self.place = Place::Colon;
            }
            (Place::Name, _) => self.named(byte),
            (Place::Colon | Place::Value, b'\r') if !self.secret => self.place = Place::Return,
            (Place::Colon, b' ' | b'\t') => return byte,
            (Place::Colon, _) => self.place = Place::Value,
            (Place::First | Place::Value, _) => {}
        }
        match self.place {
            Place::Value if self.secret && byte != b'\r' => b'x',
            _ => byte,
        }
    }

    fn named(&mut self, byte: u8) {
        if let Some(slot) = self.name.get_mut(self.len) {
            *slot = byte.to_ascii_lowercase();
            self.len += 1;
        }
    }

    fn is_secret(&self) -> bool {
        let name = self.name[..self.len].trim_ascii();
        SECRET.contains(&name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Mark;

    const HEAD: &str = "POST /login HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer abc\r\n def\r\n\
        X-Cookie: fine\r\ncookie:a=b; c=d\r\nSet-Cookie : s=1\r\nLast: ok\r\n\r\n";
    const SHARED: &str = "POST /login HTTP/1.1\r\nHost: shop\r\nAuthorization: xxxxxxxxxx\r\n xxx\r\n\
        X-Cookie: fine\r\ncookie:xxxxxxxx\r\nSet-Cookie : xxx\r\nLast: ok\r\n\r\n";

    /// A frame of raw IPv4 from port 1000 to port 80.
    fn frame(seq: u32, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x45, 0];
        bytes.extend((40 + payload.len() as u16).to_be_bytes());
        bytes.extend([0, 0, 0x40, 0, 64, 6, 0, 0, 127, 0, 0, 6, 10, 0, 0, 1]);
        bytes.extend(1000_u16.to_be_bytes());
        bytes.extend(80_u16.to_be_bytes());
        bytes.extend(seq.to_be_bytes());
        bytes.extend([0, 0, 0, 0, 0x50, 0x18, 1, 0, 0, 0, 0, 0]);
        bytes.extend(payload);
        bytes
    }

    fn shared(share: &mut Share, seq: u32, payload: &[u8]) -> String {
        let bytes = frame(seq, payload);
        let original_len = bytes.len() as u32;
        let mark = Mark::default();
        let packet =
            Packet { mark, interface: 0, link: LinkType::Raw, original_len, bytes: &bytes };
        let packet = share.packet(&packet);
        assert_eq!(packet.original_len, original_len);
        assert_eq!(packet.bytes[..40], bytes[..40]);
        String::from_utf8(packet.bytes[40..].to_vec()).unwrap()
    }

    #[test]
    fn the_body_is_cut_and_credentials_are_blanked() {
        let payload = format!("{HEAD}user=me&password=secret");
        assert_eq!(shared(&mut Share::default(), 1, payload.as_bytes()), SHARED);
    }

    #[test]
    fn wherever_the_head_is_split() {
        let payload = format!("{HEAD}password=secret");
        let (seq, first_line) = (u32::MAX - 50, HEAD.find('\n').unwrap() + 1);
        for cut in first_line..payload.len() {
            for second in (cut + 1..payload.len()).step_by(7) {
                let mut share = Share::default();
                let mut all = String::new();
                for (from, to) in [(0, cut), (cut, second), (second, payload.len())] {
                    let at = seq.wrapping_add(from as u32);
                    all += &shared(&mut share, at, &payload.as_bytes()[from..to]);
                }
                assert_eq!(all, SHARED, "cut at {cut} and {second}");
            }
        }
    }

    #[test]
    fn what_cannot_be_told_is_cut() {
        let mut share = Share::default();
        let head = HEAD.as_bytes();
        let cut = HEAD.find("Bearer").unwrap() + 3;
        assert_eq!(shared(&mut share, 1, b"just a body"), "");
        assert_eq!(shared(&mut share, 1, b"POST is a word\r\nthat a body may hold"), "");
        assert_eq!(shared(&mut share, 1, &head[..10]), "", "a request line that is not whole");
        assert!(shared(&mut share, 1, &head[..cut]).ends_with("xxx"));
        assert_eq!(shared(&mut share, 99, &head[cut..]), "", "out of order");
        assert_eq!(shared(&mut share, 1, &head[..cut]), SHARED[..cut], "again from the start");
        assert_eq!(shared(&mut share, 1 + cut as u32, &head[cut..]), SHARED[cut..]);
        assert_eq!(shared(&mut share, 1 + head.len() as u32, b"secret body"), "");
    }
}
