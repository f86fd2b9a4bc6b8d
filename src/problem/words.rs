use std::fmt;
use std::time::Duration;

use crate::message::alert_name;
use crate::pairing::Exchange;
use crate::pairing::detail::Http2;

/// A duration as a person reads it: `3.2 ms`, `498 ms`, `1.61 s`, `75 s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = u64::try_from(self.0.as_micros()).unwrap_or(u64::MAX);
        match micros {
            0..=999 => write!(f, "{}.{:02} ms", micros / 1000, micros % 1000 / 10),
            1_000..=9_949 => decimal(f, micros, 1_000, 1, "ms"),
            9_950..=999_499 => write!(f, "{} ms", (micros + 500) / 1000),
            999_500..=9_994_999 => decimal(f, micros, 1_000_000, 2, "s"),
            9_995_000..=99_949_999 => decimal(f, micros, 1_000_000, 1, "s"),
            _ => write!(f, "{} s", micros / 1_000_000 + u64::from(micros % 1_000_000 >= 500_000)),
        }
    }
}

/// Writes `micros` in units of `unit` microseconds, rounded to `digits` decimals, zeros dropped.
fn decimal(
    f: &mut fmt::Formatter<'_>,
    micros: u64,
    unit: u64,
    digits: usize,
    name: &str,
) -> fmt::Result {
    let scale = 10_u64.pow(u32::try_from(digits).unwrap_or(0));
    let value = (micros * scale + unit / 2) / unit;
    let (whole, part) = (value / scale, value % scale);
    let part = format!("{part:0digits$}");
    match part.trim_end_matches('0') {
        "" => write!(f, "{whole} {name}"),
        part => write!(f, "{whole}.{part} {name}"),
    }
}

/// `498 ms after its request`, or nothing said if the request's end is not known.
pub(super) fn after_request(span: Option<Duration>) -> String {
    match span {
        Some(span) => format!(" {} after its request", Span(span)),
        None => String::new(),
    }
}

/// ` 0.42 ms after its ClientHello`, or nothing said if that is not known.
pub(super) fn after_hello(exchange: &Exchange) -> String {
    match exchange.gap() {
        Some(span) => format!(" {} after the ClientHello", Span(span)),
        None => String::new(),
    }
}

/// An alert, and what libraries print for it: `unknown_ca (48)`.
pub(super) fn alert_words(description: u8) -> String {
    match alert_name(description) {
        Some(name) => format!("{name} ({description})"),
        None => format!("alert {description}"),
    }
}

/// `; it is of CN=a, signed by CN=b`; empty if the certificate is not known.
pub(super) fn certificate_words(exchange: &Exchange) -> String {
    let Some(certificate) = exchange.tls().and_then(|tls| tls.certificate.as_ref()) else {
        return String::new();
    };
    let (subject, issuer) = (certificate.subject.escape_debug(), certificate.issuer.escape_debug());
    match certificate.subject == certificate.issuer {
        true => format!("; it is of {subject}, signed by itself"),
        false => format!("; it is of {subject}, signed by {issuer}"),
    }
}

/// The clause on the answer that came after the client had left; empty if none came.
pub(super) fn late_answer(exchange: &Exchange) -> String {
    let Some(late) = exchange.late else { return String::new() };
    let status = late.status.map_or(String::new(), |status| format!(" ({status})"));
    match exchange.late() {
        Some(span) => format!("; the answer{status} came {} after the request", Span(span)),
        None => format!("; the answer{status} came later"),
    }
}

/// ` (INTERNAL_ERROR)`: the error code of a stream's end; empty if it is not known.
pub(super) fn by_code(exchange: &Exchange) -> String {
    let name = exchange.http2().and_then(Http2::error_name);
    name.map_or(String::new(), |name| format!(" ({name})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_rounded_to_what_matters() {
        let says = |micros| Span(Duration::from_micros(micros)).to_string();
        assert_eq!(says(0), "0.00 ms");
        assert_eq!(says(80), "0.08 ms");
        assert_eq!(says(3_240), "3.2 ms");
        assert_eq!(says(2_000), "2 ms");
        assert_eq!(says(9_960), "10 ms");
        assert_eq!(says(498_123), "498 ms");
        assert_eq!(says(999_700), "1 s");
        assert_eq!(says(1_612_345), "1.61 s");
        assert_eq!(says(60_000_000), "60 s");
        assert_eq!(says(350_400_000), "350 s");
    }
}
