//! What is told of an exchange beyond what every protocol has: a file a protocol.

mod connect;
mod http2;
mod tls;
mod websocket;

use crate::pairing::{Detail, Exchange};

/// Appends the fields of its protocol to an exchange's JSON object, each after a comma.
pub(super) fn json(out: &mut Vec<u8>, exchange: &Exchange, detail: &Detail) {
    match detail {
        Detail::Connect(connect) => connect::json(out, connect),
        Detail::Http2(http2) => http2::json(out, http2),
        Detail::WebSocket(websocket) => websocket::json(out, exchange, websocket),
        Detail::Tls(tls) => tls::json(out, tls),
    }
}

/// Appends what else happened, each after a semicolon, for the line of an exchange.
pub(super) fn more(out: &mut Vec<u8>, exchange: &Exchange) {
    let mut words_of_it = Vec::new();
    words(&mut words_of_it, exchange);
    if !words_of_it.is_empty() {
        out.extend_from_slice(b"; ");
        out.extend_from_slice(&words_of_it);
    }
}

/// Appends what happened, in a few words, for the line of an exchange.
pub(super) fn words(out: &mut Vec<u8>, exchange: &Exchange) {
    match exchange.detail.as_deref() {
        Some(Detail::Http2(http2)) => http2::words(out, exchange, http2),
        Some(Detail::WebSocket(_)) => websocket::words(out, exchange),
        Some(Detail::Tls(tls)) => tls::words(out, exchange, tls),
        Some(Detail::Connect(_)) | None => {}
    }
}
