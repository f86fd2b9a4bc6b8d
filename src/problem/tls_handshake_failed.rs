use super::words::{after_hello, alert_words};
use super::{Code, Detector, Severity, tls_certificate_rejected, tls_client_certificate};
use crate::pairing::{Exchange, Outcome, Side};

/// An alert that is not about a certificate ended the handshake.
pub(super) const DETECTOR: Detector = Detector {
    code: Code::TlsHandshakeFailed,
    severity: Severity::Error,
    title: "an alert ended the TLS handshake",
    applies: Some(|exchange, _| {
        exchange.outcome == Outcome::TlsAlert
            && !tls_certificate_rejected::is_rejection(exchange)
            && !tls_client_certificate::is_refusal(exchange)
    }),
    sentence,
    explain: include_str!("../../docs/findings/tls-handshake-failed.md"),
};

fn sentence(exchange: &Exchange) -> String {
    let who = match exchange.by {
        Some(Side::Client) => "the client",
        Some(Side::Server) => "the server",
        None => "one side",
    };
    let after = after_hello(exchange);
    match exchange.tls().and_then(|tls| tls.alert?.description) {
        Some(description) => format!("{who} ended it{after}: {}", alert_words(description)),
        None => format!("{who} ended it{after} by an encrypted alert"),
    }
}
