//! What is written beside a packet, so that Wireshark shows it.
//!
//! Every comment contains the finding's code: `frame.comment contains "client-closed-first"`.

use std::io::Write as _;

use super::write::shown;
use crate::pairing::Exchange;

/// What a commented packet is to its exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The last packet of the request.
    Request,
    /// The packet with which somebody left.
    Close,
    /// The first packet of the answer.
    Answer,
    /// The packet after which it was decided, in a live capture.
    Verdict,
}

/// Appends the comment for a packet of an exchange with findings; nothing if it has none.
///
/// `request` is the number of the request's frame, for packets other than itself.
pub fn write(out: &mut Vec<u8>, exchange: &Exchange, role: Role, request: Option<u64>) {
    if exchange.findings.is_empty() {
        return;
    }
    out.extend_from_slice(b"meshsniff: ");
    for (place, code) in exchange.findings.iter().enumerate() {
        if place > 0 {
            out.extend_from_slice(b", ");
        }
        out.extend_from_slice(code.name().as_bytes());
    }
    if let (Some(method), Some(path)) = (&exchange.request.method, &exchange.request.path) {
        out.extend_from_slice(b": ");
        shown(out, method, 32);
        out.push(b' ');
        shown(out, path, 200);
    }
    let what = match role {
        Role::Request => "this request: ",
        Role::Close => "left here: ",
        Role::Answer => "the answer: ",
        Role::Verdict => "",
    };
    for (place, code) in exchange.findings.iter().enumerate() {
        let _ = match place {
            0 => write!(out, ": {what}{}", (code.detector().sentence)(exchange)),
            _ => write!(out, "; {}", (code.detector().sentence)(exchange)),
        };
    }
    if let Some(number) = request {
        let _ = write!(out, "; request in frame {number}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pairing::Outcome;
    use crate::problem::samples;

    fn comment(outcome: Outcome, role: Role, request: Option<u64>) -> String {
        let mut out = Vec::new();
        write(&mut out, &samples::judged(outcome), role, request);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_close_names_the_code_and_the_requests_frame() {
        assert_eq!(
            comment(Outcome::ClientFinBeforeResponse, Role::Close, Some(12)),
            "meshsniff: client-closed-first: GET /items: left here: the client closed 498 ms after \
             its request; the answer (200) came 743 ms after the request; request in frame 12"
        );
    }

    #[test]
    fn what_went_well_has_no_comment() {
        assert_eq!(comment(Outcome::Complete, Role::Request, None), "");
    }
}
