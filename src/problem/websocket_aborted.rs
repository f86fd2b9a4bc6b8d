use super::{Code, Detector, Severity, websocket_end};
use crate::pairing::Outcome;

/// A WebSocket ended without a Close frame.
pub(super) const DETECTOR: Detector = Detector {
    code: Code::WebsocketAborted,
    severity: Severity::Error,
    title: "a WebSocket ended without a Close frame",
    applies: Some(|exchange, _| exchange.outcome == Outcome::WsAborted),
    sentence: websocket_end,
    explain: include_str!("../../docs/findings/websocket-aborted.md"),
};
