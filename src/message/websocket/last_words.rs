use super::header::{Header, Opcode, Read};
use super::unmask;
use crate::flow::Direction;

/// The body of the Close with which a segment ends that is nothing but whole frames.
///
/// Where the segment begins in its stream is not known, so all of it has to fit: a text or a
/// compressed message that happens to look like this is one in millions.
pub(super) fn close(bytes: &[u8], from: Direction) -> Option<Vec<u8>> {
    let mut rest = bytes;
    loop {
        let Read::Whole(header, len) = Header::read(rest) else { return None };
        if header.mask.is_some() != (from == Direction::ToServer) {
            return None;
        }
        let (_, behind) = rest.split_at(len);
        let payload = usize::try_from(header.len).ok().filter(|len| *len <= behind.len())?;
        let (payload, next) = behind.split_at(payload);
        if header.opcode == Opcode::Close {
            let mut body = payload.to_vec();
            unmask(&mut body, header.mask.unwrap_or_default());
            return (next.is_empty() && is_meant(&body)).then_some(body);
        }
        rest = next;
    }
}

/// A code that may be sent (RFC 6455 section 7.4) and a reason that is text.
fn is_meant(body: &[u8]) -> bool {
    let [high, low, reason @ ..] = body else { return false };
    let code = u16::from_be_bytes([*high, *low]);
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) && std::str::from_utf8(reason).is_ok()
}
