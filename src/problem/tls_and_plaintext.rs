use super::words::alert_words;
use super::{Code, Detector, Severity};
use crate::pairing::{Exchange, Side};

/// One side speaks TLS, the other plaintext.
pub(super) const DETECTOR: Detector = Detector {
    code: Code::TlsAndPlaintext,
    severity: Severity::Error,
    title: "one side speaks TLS, the other plaintext",
    applies: Some(|exchange, _| exchange.tls().is_some_and(|tls| tls.plaintext.is_some())),
    sentence,
    explain: include_str!("../../docs/findings/tls-and-plaintext.md"),
};

fn sentence(exchange: &Exchange) -> String {
    let Some(tls) = exchange.tls() else { return DETECTOR.title.into() };
    match (tls.plaintext, tls.alert.and_then(|alert| alert.description)) {
        (Some(Side::Client), Some(description)) => format!(
            "the client speaks plaintext HTTP to a server that speaks TLS, which answered with an \
             alert: {}",
            alert_words(description)
        ),
        (Some(Side::Client), None) => {
            "the client speaks plaintext HTTP to a server that wants TLS, as it says in its answer"
                .into()
        }
        _ => "the client speaks TLS to a server that answered in plaintext".into(),
    }
}
