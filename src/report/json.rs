use super::write::{address, epoch, integer, json_string, millis};
use crate::pairing::{Exchange, Outcome, Protocol, Side};
use crate::problem::{EnvoyFlags, envoy_flags};

/// Whether frame numbers are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// The marks count the frames of the capture that the reader will have.
    Told,
    /// Its frames are not in the capture that the reader will have.
    Withheld,
}

/// Appends the exchange as one JSON object, without a line end.
///
/// The format is described by `docs/schema/exchange.v1.json`. A field that is absent is not known.
/// `pod` is where it was captured, as `namespace/pod`.
#[inline]
pub fn write_exchange(out: &mut Vec<u8>, exchange: &Exchange, numbers: Numbers, pod: Option<&str>) {
    let request = &exchange.request;
    out.push(b'{');
    if let Some(id) = &request.request_id {
        out.extend_from_slice(b"\"request_id\":");
        json_string(out, id);
        out.push(b',');
    }
    out.extend_from_slice(match exchange.protocol {
        Protocol::Http1 => b"\"protocol\":\"http1\",\"client\":\"" as &[u8],
        Protocol::H2 => b"\"protocol\":\"h2\",\"client\":\"",
        Protocol::Grpc => b"\"protocol\":\"grpc\",\"client\":\"",
        Protocol::Ws => b"\"protocol\":\"ws\",\"client\":\"",
        Protocol::Tls => b"\"protocol\":\"tls\",\"client\":\"",
        Protocol::Tcp => b"\"protocol\":\"tcp\",\"client\":\"",
    });
    address(out, exchange.client);
    out.extend_from_slice(b"\",\"server\":\"");
    address(out, exchange.server);
    out.push(b'"');
    if let Some(stream) = exchange.stream {
        out.extend_from_slice(b",\"stream\":");
        integer(out, stream);
    }
    string(out, b",\"method\":", request.method.as_deref());
    string(out, b",\"path\":", request.path.as_deref());
    string(out, b",\"host\":", request.host.as_deref());
    if let Some(response) = &exchange.response {
        out.extend_from_slice(b",\"status\":");
        integer(out, response.status);
    }
    out.extend_from_slice(b",\"outcome\":\"");
    out.extend_from_slice(exchange.outcome.name().as_bytes());
    out.push(b'"');
    match exchange.by {
        Some(Side::Client) => out.extend_from_slice(b",\"by\":\"client\""),
        Some(Side::Server) => out.extend_from_slice(b",\"by\":\"server\""),
        None => {}
    }
    if let Some(last) = request.last {
        out.extend_from_slice(b",\"t\":");
        epoch(out, last.time);
    }
    times(out, exchange);
    if !matches!(exchange.protocol, Protocol::Tcp | Protocol::Tls) {
        out.extend_from_slice(b",\"bytes_request\":");
        integer(out, request.body);
    }
    if let Some(response) = &exchange.response {
        out.extend_from_slice(b",\"bytes_response\":");
        integer(out, response.body);
    }
    if let Some(detail) = &exchange.detail {
        super::detail::json(out, exchange, detail);
    }
    let fine = matches!(exchange.outcome, Outcome::Complete | Outcome::HalfCloseOk);
    let by_proxy = exchange.response.as_ref().is_some_and(|response| response.proxy.is_some());
    if (!fine || by_proxy)
        && let Some(flags) = envoy_flags(exchange)
    {
        write_flags(out, flags);
    }
    if numbers == Numbers::Told {
        packets(out, exchange);
    }
    string(out, b",\"pod\":", pod);
    out.extend_from_slice(b",\"findings\":[");
    if !exchange.findings.is_empty() {
        for (place, code) in exchange.findings.iter().enumerate() {
            out.extend_from_slice(if place == 0 { b"\"" } else { b",\"" });
            out.extend_from_slice(code.name().as_bytes());
            out.push(b'"');
        }
    }
    out.extend_from_slice(b"]}");
}

#[inline]
fn string(out: &mut Vec<u8>, key: &[u8], value: Option<&str>) {
    if let Some(value) = value {
        out.extend_from_slice(key);
        json_string(out, value);
    }
}

#[inline]
fn times(out: &mut Vec<u8>, exchange: &Exchange) {
    let spans = [
        (b",\"request_ms\":" as &[u8], exchange.request_time()),
        (b",\"gap_ms\":", exchange.gap()),
        (b",\"ttfb_ms\":", exchange.ttfb()),
        (b",\"total_ms\":", exchange.total()),
        (b",\"late_ms\":", exchange.late()),
    ];
    for (key, span) in spans {
        if let Some(span) = span {
            out.extend_from_slice(key);
            millis(out, span);
        }
    }
    if let Some(status) = exchange.late.and_then(|late| late.status) {
        out.extend_from_slice(b",\"late_status\":");
        integer(out, status);
    }
}

fn write_flags(out: &mut Vec<u8>, flags: EnvoyFlags) {
    for (key, list) in
        [(b",\"envoy_flags\":{\"here\":[" as &[u8], flags.here), (b"],\"caller\":[", flags.caller)]
    {
        out.extend_from_slice(key);
        for (place, flag) in list.iter().enumerate() {
            out.extend_from_slice(if place == 0 { b"\"" } else { b",\"" });
            out.extend_from_slice(flag.as_bytes());
            out.push(b'"');
        }
    }
    out.extend_from_slice(b"]}");
}

/// The frames that prove it: the request's last byte, the response's first, the close.
#[inline]
pub(super) fn packets(out: &mut Vec<u8>, exchange: &Exchange) {
    let first = exchange.response.as_ref().map(|response| response.first);
    let marks = [
        (b"\"request\":" as &[u8], exchange.request.last),
        (b"\"response\":", first.or(exchange.late.map(|late| late.mark))),
        (b"\"close\":", exchange.close),
    ];
    out.extend_from_slice(b",\"packets\":{");
    let mut first = true;
    for (key, mark) in marks {
        if let Some(mark) = mark {
            if !first {
                out.push(b',');
            }
            first = false;
            out.extend_from_slice(key);
            integer(out, mark.number);
        }
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::pairing::Outcome;
    use crate::problem::samples;

    fn written(exchange: &Exchange) -> Value {
        let mut out = Vec::new();
        write_exchange(&mut out, exchange, Numbers::Told, None);
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn a_give_up_has_every_field() {
        assert_eq!(
            written(&samples::judged(Outcome::ClientFinBeforeResponse)),
            json!({
                "request_id": "fc97008b-2afe", "protocol": "http1",
                "client": "127.0.0.6:40656", "server": "10.77.0.12:9080",
                "method": "GET", "path": "/items", "host": "catalog",
                "outcome": "client_fin_before_response", "by": "client",
                "t": 1_700_000_000.0, "request_ms": 1, "gap_ms": 498,
                "late_ms": 743, "late_status": 200, "bytes_request": 0,
                "envoy_flags": {"here": ["DC", "DR"], "caller": ["UT", "DC", "DR"]},
                "packets": {"request": 12, "response": 33, "close": 20},
                "findings": ["client-closed-first"],
            })
        );
    }

    #[test]
    fn what_is_not_known_is_absent() {
        let mut exchange = samples::exchange(Outcome::Unknown);
        exchange.request = Default::default();
        assert_eq!(
            written(&exchange),
            json!({
                "protocol": "http1", "client": "127.0.0.6:40656", "server": "10.77.0.12:9080",
                "outcome": "unknown", "bytes_request": 0, "packets": {}, "findings": [],
            })
        );
    }

    #[test]
    fn hostile_paths_stay_inside_their_string() {
        let mut exchange = samples::exchange(Outcome::Complete);
        let path = "/\"},\n{\"x\":\u{9b}\x1b[2J";
        exchange.request.path = Some(path.into());
        assert_eq!(written(&exchange)["path"], path);
        let mut out = Vec::new();
        write_exchange(&mut out, &exchange, Numbers::Withheld, None);
        assert!(!String::from_utf8(out).unwrap().contains(char::is_control));
    }
}
