use super::words::{alert_words, certificate_words};
use super::{Code, Detector, Severity};
use crate::message::tls::TLS12;
use crate::pairing::{Exchange, Outcome, Side};

/// The client refused the server's certificate.
pub(super) const DETECTOR: Detector = Detector {
    code: Code::TlsCertificateRejected,
    severity: Severity::Error,
    title: "the client refused the server's certificate",
    applies: Some(|exchange, _| is_rejection(exchange)),
    sentence,
    explain: include_str!("../../docs/findings/tls-certificate-rejected.md"),
};

/// Whether the client's alert is about the certificate. Where it is encrypted (TLS 1.3), it stands
/// where the client's answer to the certificate was due.
pub(super) fn is_rejection(exchange: &Exchange) -> bool {
    let Some(tls) = exchange.tls() else { return false };
    let Some(alert) = tls.alert.filter(|alert| alert.by == Side::Client) else { return false };
    exchange.outcome == Outcome::TlsAlert
        && match alert.description {
            Some(description) => matches!(description, 42..=46 | 48 | 113 | 114),
            None => tls.version.is_some_and(|version| version > TLS12),
        }
}

fn sentence(exchange: &Exchange) -> String {
    let refused = "the client refused the server's certificate";
    match exchange.tls().and_then(|tls| tls.alert?.description) {
        Some(description) => {
            format!("{refused}: {}{}", alert_words(description), certificate_words(exchange))
        }
        None => format!("{refused}, most likely: an encrypted alert instead of its Finished"),
    }
}
