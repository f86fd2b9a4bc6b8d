use std::borrow::Cow;
use std::time::Duration;

use super::hpack::Field;
use crate::message::words::{method, text};

/// The longest `grpc-message` that is kept, in bytes: whole sentences, and no stack traces.
const MESSAGE: usize = 1024;

/// What is read of a header block: of a request, of a response, or of the trailers of one.
///
/// Absent is what is not in it, and what its table could not tell.
#[derive(Debug, Default)]
pub(crate) struct Head {
    /// It has a pseudo-field that only requests have.
    pub(crate) is_request: bool,
    pub(crate) method: Option<Cow<'static, str>>,
    pub(crate) path: Option<Box<str>>,
    /// The `:authority`, or the Host field.
    pub(crate) host: Option<Box<str>>,
    pub(crate) request_id: Option<Box<str>>,
    /// User-Agent is kubelet's.
    pub(crate) probe: bool,
    /// `:protocol` is `websocket` (RFC 8441).
    pub(crate) websocket: bool,
    pub(crate) status: Option<u16>,
    /// `server: envoy` or `istio-envoy`.
    pub(crate) envoy: bool,
    /// There is an `x-envoy-upstream-service-time`: an upstream has answered.
    pub(crate) upstream: bool,
    /// Linkerd's `l5d-proxy-error`.
    pub(crate) linkerd: Option<Box<str>>,
    /// `content-type: application/grpc`, with whatever follows.
    pub(crate) grpc: bool,
    pub(crate) grpc_status: Option<u32>,
    /// Percent-decoded.
    pub(crate) grpc_message: Option<Box<str>>,
    pub(crate) grpc_timeout: Option<Duration>,
    /// The name or the value of a field is not known, or the whole block is not.
    pub(crate) partial: bool,
}

impl Head {
    /// One of which nothing is known.
    pub(super) fn unread() -> Self {
        Self { partial: true, ..Self::default() }
    }

    /// Whether [`field`](Self::field) looks at the value of a field of this name.
    pub(super) fn wants(name: &[u8]) -> bool {
        matches!(
            name,
            b":method"
                | b":path"
                | b":scheme"
                | b":authority"
                | b"host"
                | b":protocol"
                | b":status"
                | b"user-agent"
                | b"x-request-id"
                | b"server"
                | b"x-envoy-upstream-service-time"
                | b"l5d-proxy-error"
                | b"content-type"
                | b"grpc-status"
                | b"grpc-message"
                | b"grpc-timeout"
        )
    }

    pub(super) fn field(&mut self, field: Field<'_>) {
        let Some(name) = field.name else {
            self.partial = true;
            return;
        };
        let Some(value) = field.value else {
            self.is_request |= matches!(name, b":method" | b":path" | b":scheme" | b":authority");
            self.partial = true;
            return;
        };
        match name {
            b":method" => {
                self.is_request = true;
                self.method = std::str::from_utf8(value).ok().map(method);
            }
            b":path" => {
                self.is_request = true;
                self.path = Some(text(value));
            }
            b":scheme" => self.is_request = true,
            b":authority" => {
                self.is_request = true;
                self.host = Some(text(value));
            }
            b"host" if self.host.is_none() => self.host = Some(text(value)),
            b":protocol" => self.websocket = value == b"websocket",
            b":status" => self.status = status(value),
            b"user-agent" => self.probe = value.starts_with(b"kube-probe/"),
            b"x-request-id" => self.request_id = Some(text(value)),
            b"server" => self.envoy = matches!(value, b"envoy" | b"istio-envoy"),
            b"x-envoy-upstream-service-time" => self.upstream = true,
            b"l5d-proxy-error" => self.linkerd = Some(text(value)),
            b"content-type" => self.grpc = value.starts_with(b"application/grpc"),
            b"grpc-status" => self.grpc_status = number(value).and_then(|n| n.try_into().ok()),
            b"grpc-message" => self.grpc_message = Some(percent_decoded(value)),
            b"grpc-timeout" => self.grpc_timeout = timeout(value),
            _ => {}
        }
    }
}

fn status(value: &[u8]) -> Option<u16> {
    number(value).filter(|status| (100..1000).contains(status)).map(|status| status as u16)
}

/// At most eight digits, as gRPC allows for a timeout.
fn number(value: &[u8]) -> Option<u64> {
    let digits = (1..=8).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
    digits.then(|| value.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

/// Digits and a unit: H, M, S, m, u or n.
fn timeout(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    let number = number(digits)?;
    Some(match unit {
        b'H' => Duration::from_secs(number * 3600),
        b'M' => Duration::from_secs(number * 60),
        b'S' => Duration::from_secs(number),
        b'm' => Duration::from_millis(number),
        b'u' => Duration::from_micros(number),
        b'n' => Duration::from_nanos(number),
        _ => return None,
    })
}

/// `%20` is a space; what is no such code stays as it is.
fn percent_decoded(value: &[u8]) -> Box<str> {
    let value = &value[..value.len().min(MESSAGE)];
    if !value.contains(&b'%') {
        return text(value);
    }
    let digit = |byte: &u8| (*byte as char).to_digit(16);
    let mut decoded = Vec::with_capacity(value.len());
    let mut rest = value;
    while let [first, more @ ..] = rest {
        rest = more;
        decoded.push(match more {
            [high, low, after @ ..] if *first == b'%' => match (digit(high), digit(low)) {
                (Some(high), Some(low)) => {
                    rest = after;
                    (high * 16 + low) as u8
                }
                _ => *first,
            },
            _ => *first,
        });
    }
    text(&decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_that_is_read_is_wanted() {
        let values: [(&[u8], &[u8]); 18] = [
            (b":method", b"GET"),
            (b":path", b"/"),
            (b":scheme", b"http"),
            (b":authority", b"shop"),
            (b"host", b"shop"),
            (b":protocol", b"websocket"),
            (b":status", b"200"),
            (b"user-agent", b"kube-probe/1.35"),
            (b"x-request-id", b"1"),
            (b"server", b"envoy"),
            (b"x-envoy-upstream-service-time", b"1"),
            (b"l5d-proxy-error", b"x"),
            (b"content-type", b"application/grpc"),
            (b"grpc-status", b"0"),
            (b"grpc-message", b"x"),
            (b"grpc-timeout", b"1S"),
            (b"traceparent", b"00-1"),
            (b"te", b"trailers"),
        ];
        for (name, value) in values {
            let mut head = Head::default();
            head.field(Field { name: Some(name), value: Some(value) });
            let read = format!("{head:?}") != format!("{:?}", Head::default());
            assert_eq!(Head::wants(name), read, "{}", String::from_utf8_lossy(name));
        }
    }

    #[test]
    fn timeouts_have_six_units() {
        let of = |text: &str| timeout(text.as_bytes());
        assert_eq!(of("300m"), Some(Duration::from_millis(300)));
        assert_eq!(of("5S"), Some(Duration::from_secs(5)));
        assert_eq!(of("2H"), Some(Duration::from_secs(7200)));
        assert_eq!(of("99999999n"), Some(Duration::from_nanos(99_999_999)));
        for wrong in ["", "m", "300", "1.5S", "123456789m", "300x"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn messages_are_percent_decoded() {
        let of = |text: &str| percent_decoded(text.as_bytes()).into_string();
        assert_eq!(of("no such item"), "no such item");
        assert_eq!(of("100%25 k%C3%A4se%0A"), "100% käse\n");
        assert_eq!(of("%2 %zz %"), "%2 %zz %");
    }
}
