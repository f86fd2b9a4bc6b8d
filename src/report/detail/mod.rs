//! What is told of an exchange beyond what every protocol has: a file a protocol.

mod http2;
mod tls;
mod websocket;

use crate::pairing::{Detail, Exchange};

/// Appends the fields of its protocol to an exchange's JSON object, each after a comma.
pub(super) fn json(out: &mut Vec<u8>, exchange: &Exchange, detail: &Detail) {
    match detail {
        Detail::Http2(http2) => http2::json(out, http2),
        Detail::WebSocket(websocket) => websocket::json(out, exchange, websocket),
        Detail::Tls(tls) => tls::json(out, tls),
    }
}

/// Appends what happened, in a few words, for the line of an exchange.
pub(super) fn words(out: &mut Vec<u8>, exchange: &Exchange) {
    match exchange.detail.as_deref() {
        Some(Detail::Http2(http2)) => http2::words(out, exchange, http2),
        Some(Detail::WebSocket(_)) => websocket::words(out, exchange),
        Some(Detail::Tls(tls)) => tls::words(out, exchange, tls),
        None => {}
    }
}
