use super::{Code, Detector, Severity, websocket_end};
use crate::pairing::detail::Close;
use crate::pairing::{Exchange, Outcome};

/// A WebSocket was closed with a code that says that something went wrong.
pub(super) const DETECTOR: Detector = Detector {
    code: Code::WebsocketError,
    severity: Severity::Error,
    title: "a WebSocket was closed with an error code",
    applies: Some(applies),
    sentence: websocket_end,
    explain: include_str!("../../docs/findings/websocket-error.md"),
};

fn applies(exchange: &Exchange, _: &super::Context) -> bool {
    exchange.outcome == Outcome::WsClosed
        && exchange.websocket().is_some_and(|websocket| {
            let sides = [&websocket.client, &websocket.server];
            sides.into_iter().filter_map(|side| side.close.as_ref()).any(Close::is_error)
        })
}
