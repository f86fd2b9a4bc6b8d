use super::http2::{is_frames, is_servers_preface};
use super::tls;
use crate::flow::Direction;

/// What is spoken on a connection, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoken {
    /// HTTP/1.0 or HTTP/1.1.
    Http1,
    /// HTTP/2, by its connection preface or its frames.
    Http2,
    /// TLS, by its first record.
    Tls,
    /// Something else.
    Other,
    /// Not enough bytes to tell.
    NeedMore,
}

/// The longest method that is taken for one; the longest registered has 17 letters.
const METHOD: usize = 32;

/// What the first bytes of a stream are.
pub(super) fn identify(bytes: &[u8], direction: Direction) -> Spoken {
    if bytes.starts_with(b"PRI * HTTP/2") {
        return Spoken::Http2;
    }
    // A TLS handshake record: type 22, version 3.x.
    match bytes {
        [22] => return Spoken::NeedMore,
        [22, 3, ..] => return Spoken::Tls,
        _ => {}
    }
    match direction {
        Direction::ToServer => request_line(bytes),
        Direction::ToClient if is_servers_preface(bytes) => Spoken::Http2,
        Direction::ToClient => prefix(bytes, b"HTTP/1."),
    }
}

/// What a segment is that may be from anywhere in a stream.
pub(super) fn identify_in_the_middle(bytes: &[u8], direction: Direction) -> Spoken {
    match identify(bytes, direction) {
        Spoken::Other | Spoken::NeedMore if is_frames(bytes, direction) => Spoken::Http2,
        Spoken::Other | Spoken::Tls if tls::is_row(bytes) => Spoken::Tls,
        Spoken::Tls => Spoken::Other,
        spoken => spoken,
    }
}

/// Which way bytes like these go at the start of a stream: requests and ClientHello to the server,
/// responses and ServerHello to the client.
pub fn direction_of(bytes: &[u8]) -> Option<Direction> {
    if bytes.starts_with(b"HTTP/1.") {
        return Some(Direction::ToClient);
    }
    match bytes {
        [22, 3, _, _, _, 1, ..] => return Some(Direction::ToServer),
        [22, 3, _, _, _, 2, ..] => return Some(Direction::ToClient),
        _ => {}
    }
    if let Some(direction) = super::http2::direction_of(bytes) {
        return Some(direction);
    }
    let request = bytes.starts_with(b"PRI * HTTP/2")
        || (bytes.contains(&b'\n') && request_line(bytes) == Spoken::Http1);
    request.then_some(Direction::ToServer)
}

/// `method SP target SP HTTP/1.x`, as far as it is there.
fn request_line(bytes: &[u8]) -> Spoken {
    let line = match bytes.iter().position(|b| *b == b'\n') {
        Some(end) => &bytes[..end],
        None => {
            let method = bytes.iter().take(METHOD + 1).position(|b| *b == b' ');
            let word = &bytes[..method.unwrap_or(bytes.len().min(METHOD + 1))];
            let line = bytes.strip_suffix(b"\r").unwrap_or(bytes);
            let plausible = word.len() <= METHOD
                && word.iter().all(|b| is_token(*b))
                && !line.iter().any(|b| b.is_ascii_control());
            return match (plausible, method) {
                (true, Some(1..)) | (true, None) => Spoken::NeedMore,
                _ => Spoken::Other,
            };
        }
    };
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let method = line.iter().take(METHOD + 1).position(|b| *b == b' ').unwrap_or(0);
    let version = line.len().checked_sub(9).map(|at| &line[at..]).unwrap_or_default();
    if method > 0 && line[..method].iter().all(|b| is_token(*b)) && version.starts_with(b" HTTP/1.")
    {
        Spoken::Http1
    } else {
        Spoken::Other
    }
}

fn prefix(bytes: &[u8], expected: &[u8]) -> Spoken {
    let len = bytes.len().min(expected.len());
    match bytes[..len] == expected[..len] {
        true if len == expected.len() => Spoken::Http1,
        true => Spoken::NeedMore,
        false => Spoken::Other,
    }
}

/// RFC 9110 section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to_server(bytes: &[u8]) -> Spoken {
        identify(bytes, Direction::ToServer)
    }

    #[test]
    fn requests_are_known_by_their_first_line() {
        assert_eq!(to_server(b"GET / HTTP/1.1\r\nHost: a\r\n"), Spoken::Http1);
        assert_eq!(to_server(b"M-SEARCH * HTTP/1.0\n"), Spoken::Http1);
        for cut in 1..14 {
            assert_eq!(to_server(&b"GET / HTTP/1.1\r\n"[..cut]), Spoken::NeedMore, "{cut}");
        }
    }

    #[test]
    fn other_protocols_are_not_requests() {
        for bytes in [
            &b"EHLO mail\r\n"[..],
            b"*1\r\n$4\r\nPING\r\n",
            b"SSH-2.0-x\r\n",
            b"\x00\x00\x00\x08",
            b" GET / HTTP/1.1\r\n",
        ] {
            assert_eq!(to_server(bytes), Spoken::Other, "{bytes:?}");
        }
        assert_eq!(to_server(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Spoken::Http2);
        assert_eq!(to_server(b"\x16\x03\x01\x02\x00\x01"), Spoken::Tls);
    }

    #[test]
    fn responses_are_known_by_seven_bytes() {
        assert_eq!(identify(b"HTTP/1.1 200", Direction::ToClient), Spoken::Http1);
        assert_eq!(identify(b"HTT", Direction::ToClient), Spoken::NeedMore);
        assert_eq!(identify(b"220 mail", Direction::ToClient), Spoken::Other);
    }
}
