use super::{Code, Detector, Severity};
use crate::message::Certificate;
use crate::pairing::Exchange;

/// The server's certificate is not good at the time of the capture.
pub(super) const DETECTOR: Detector = Detector {
    code: Code::TlsCertificateExpired,
    severity: Severity::Warning,
    title: "the server's certificate has expired, or is not good yet",
    applies: Some(|exchange, _| outside(exchange).is_some()),
    sentence,
    explain: include_str!("../../docs/findings/tls-certificate-expired.md"),
};

/// The certificate, if it is not good at the time of the handshake, and that time in seconds.
fn outside(exchange: &Exchange) -> Option<(&Certificate, i64)> {
    let certificate = exchange.tls()?.certificate.as_ref()?;
    let seconds = exchange.request.last?.time.nanos().div_euclid(1_000_000_000);
    (!certificate.is_valid_at(seconds)).then_some((certificate, seconds))
}

fn sentence(exchange: &Exchange) -> String {
    let Some((certificate, seconds)) = outside(exchange) else { return DETECTOR.title.into() };
    let subject = certificate.subject.escape_debug();
    match seconds > certificate.not_after {
        true => {
            let since = days(seconds.saturating_sub(certificate.not_after));
            format!("the server's certificate ({subject}) expired {since} before")
        }
        false => {
            let until = days(certificate.not_before.saturating_sub(seconds));
            format!("the server's certificate ({subject}) is good only {until} later")
        }
    }
}

fn days(seconds: i64) -> String {
    match seconds {
        ..=3599 => format!("{seconds} s"),
        3600..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
