use crate::capture::Mark;
use crate::pairing::detail::{Close, WebSocket, WebSocketSide};
use crate::pairing::{Exchange, Side};
use crate::problem::websocket_end;
use crate::report::write::{integer, json_string, millis};

/// `"ws":{...}`: the first Close, how long nothing had been said at the end, and both sides. Times are
/// from the request's last byte.
pub(super) fn json(out: &mut Vec<u8>, exchange: &Exchange, websocket: &WebSocket) {
    out.extend_from_slice(b",\"ws\":{");
    if let Some((_, close)) = websocket.first_close() {
        out.extend_from_slice(b"\"close\":{");
        code(out, close);
        if let Some(by) = exchange.by {
            out.extend_from_slice(match by {
                Side::Client => b"\"by\":\"client\"," as &[u8],
                Side::Server => b"\"by\":\"server\",",
            });
        }
        comma_to_brace(out);
        out.push(b',');
    }
    let upgraded = exchange.response.as_ref().map(|response| response.last);
    time(out, b"\"idle_ms\":", websocket.last().or(upgraded), exchange.close);
    for (key, said) in
        [(b"\"client\":{" as &[u8], &websocket.client), (b"\"server\":{", &websocket.server)]
    {
        out.extend_from_slice(key);
        side(out, exchange.request.last, said);
        out.push(b',');
    }
    comma_to_brace(out);
}

fn side(out: &mut Vec<u8>, request: Option<Mark>, said: &WebSocketSide) {
    out.extend_from_slice(b"\"messages\":");
    integer(out, said.messages);
    out.extend_from_slice(b",\"bytes\":");
    integer(out, said.bytes);
    out.push(b',');
    if said.unread {
        out.extend_from_slice(b"\"unread\":true,");
    }
    time(out, b"\"last_ms\":", request, said.last);
    time(out, b"\"ping_ms\":", request, said.ping);
    time(out, b"\"pong_ms\":", request, said.pong);
    if let Some(close) = &said.close {
        out.extend_from_slice(b"\"close\":{");
        time(out, b"\"ms\":", request, Some(close.mark));
        code(out, close);
        comma_to_brace(out);
    }
    comma_to_brace(out);
}

fn time(out: &mut Vec<u8>, key: &[u8], from: Option<Mark>, to: Option<Mark>) {
    if let (Some(from), Some(to)) = (from, to) {
        out.extend_from_slice(key);
        millis(out, to.time.since(from.time));
        out.push(b',');
    }
}

/// `"code":1011,"name":"Internal Error","reason":"...",`; nothing for a Close without a body.
fn code(out: &mut Vec<u8>, close: &Close) {
    if let Some(code) = close.code {
        out.extend_from_slice(b"\"code\":");
        integer(out, code);
        out.push(b',');
    }
    if let Some(name) = close.name() {
        out.extend_from_slice(b"\"name\":");
        json_string(out, name);
        out.push(b',');
    }
    if !close.reason.is_empty() {
        out.extend_from_slice(b"\"reason\":");
        json_string(out, &close.reason);
        out.push(b',');
    }
}

/// Ends an object: the comma behind its last field, if it has any, is not wanted.
fn comma_to_brace(out: &mut Vec<u8>) {
    if out.last() == Some(&b',') {
        out.pop();
    }
    out.push(b'}');
}

pub(super) fn words(out: &mut Vec<u8>, exchange: &Exchange) {
    out.extend_from_slice(websocket_end(exchange).as_bytes());
}
