use super::words::{after_hello, certificate_words};
use super::{Code, Detector, Severity};
use crate::pairing::{Exchange, Outcome, Side};

/// One side left in the handshake without an alert.
pub(super) const DETECTOR: Detector = Detector {
    code: Code::TlsLeftSilently,
    severity: Severity::Error,
    title: "one side left the TLS handshake without a word",
    applies: Some(|exchange, _| {
        exchange.outcome == Outcome::TlsClosedNoAlert
            && exchange.tls().is_none_or(|tls| tls.plaintext.is_none())
    }),
    sentence,
    explain: include_str!("../../docs/findings/tls-left-silently.md"),
};

fn sentence(exchange: &Exchange) -> String {
    let after = after_hello(exchange);
    let answered = exchange.tls().is_some_and(|tls| tls.answered.is_some());
    match (exchange.by, answered) {
        (Some(Side::Client), false) => {
            format!("the client left{after}; the server had not answered")
        }
        (Some(Side::Client), true) => format!(
            "the client left{after} without an alert, when it had seen the server's certificate{}",
            certificate_words(exchange)
        ),
        (Some(Side::Server), false) => format!("the server left{after} without an answer"),
        (Some(Side::Server), true) => format!("the server left{after} without an alert"),
        (None, _) => DETECTOR.title.into(),
    }
}
