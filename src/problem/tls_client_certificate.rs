use super::words::alert_words;
use super::{Code, Detector, Severity};
use crate::pairing::detail::{Shape, Tls};
use crate::pairing::{Exchange, Outcome, Side};

/// The server wanted a certificate of the client, and got none or one that it does not take.
pub(super) const DETECTOR: Detector = Detector {
    code: Code::TlsClientCertificate,
    severity: Severity::Error,
    title: "the server refused the client's certificate, or wanted one",
    applies: Some(|exchange, _| is_refusal(exchange)),
    sentence,
    explain: include_str!("../../docs/findings/tls-client-certificate.md"),
};

/// Whether the server's alert is about the client's certificate.
pub(super) fn is_refusal(exchange: &Exchange) -> bool {
    let Some(tls) = exchange.tls() else { return false };
    let Some(alert) = tls.alert.filter(|alert| alert.by == Side::Server) else { return false };
    exchange.outcome == Outcome::TlsAlert
        && match alert.description {
            // handshake_failure is what OpenSSL and others say up to TLS 1.2 if there is none.
            Some(40) => tls.client_certificate_empty,
            Some(description) => matches!(description, 41..=46 | 48 | 116),
            None => tls.shape.is_some(),
        }
}

fn is_absent(tls: &Tls) -> bool {
    tls.client_certificate_empty
        || tls.shape == Some(Shape::NoCertificate)
        || tls.alert.is_some_and(|alert| matches!(alert.description, Some(41 | 116)))
}

fn sentence(exchange: &Exchange) -> String {
    let Some(tls) = exchange.tls() else { return DETECTOR.title.into() };
    let what = match is_absent(tls) {
        true => "the server wanted a client certificate and got none",
        false => "the server refused the client's certificate",
    };
    match tls.alert.and_then(|alert| alert.description) {
        Some(description) => format!("{what}: {}", alert_words(description)),
        None => format!("{what}, most likely: an encrypted alert right after it"),
    }
}
