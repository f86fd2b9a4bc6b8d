//! What is written beside a packet, so that Wireshark shows it.
//!
//! Every comment contains the finding's code: `frame.comment contains "client-closed-first"`.

use super::subject::Subject;
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

/// The comment for a packet of an exchange; nothing if it has no findings.
///
/// `request` is the number of the request's frame, for packets other than itself.
pub fn text(exchange: &Exchange, role: Role, request: Option<u64>) -> Option<String> {
    if exchange.findings.is_empty() {
        return None;
    }
    let (mut before, mut after) = (String::new(), String::new());
    subject(&mut before, exchange);
    predicate(&mut after, exchange);
    Some(join(&before, role, &after, request))
}

/// Whether this program wrote the comment.
pub(super) fn is_ours(comment: &str) -> bool {
    comment.starts_with(OURS)
}

const OURS: &str = "meshsniff: ";

/// Codes, method and path.
pub(super) fn subject(words: &mut String, exchange: &Exchange) {
    words.push_str(OURS);
    for (place, code) in exchange.findings.iter().enumerate() {
        words.push_str(if place == 0 { "" } else { ", " });
        words.push_str(code.name());
    }
    words.push_str(": ");
    let subject = Subject::of(exchange);
    if !matches!(subject, Subject::Connect | Subject::Unknown) {
        let mut name = Vec::new();
        subject.write(&mut name, exchange, 200);
        words.push_str(&String::from_utf8_lossy(&name));
        words.push_str(": ");
    }
}

/// What the findings say.
pub(super) fn predicate(words: &mut String, exchange: &Exchange) {
    for (place, code) in exchange.findings.iter().enumerate() {
        words.push_str(if place == 0 { "" } else { "; " });
        words.push_str(&(code.detector().sentence)(exchange));
    }
}

pub(super) fn join(subject: &str, role: Role, predicate: &str, request: Option<u64>) -> String {
    let what = match role {
        Role::Request => "the request: ",
        Role::Close => "left here: ",
        Role::Answer => "the answer: ",
        Role::Verdict => "",
    };
    let request = request.map_or(String::new(), |number| format!("; request in frame {number}"));
    format!("{subject}{what}{predicate}{request}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pairing::Outcome;
    use crate::problem::samples;

    fn comment(outcome: Outcome, role: Role, request: Option<u64>) -> String {
        text(&samples::judged(outcome), role, request).unwrap_or_default()
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
