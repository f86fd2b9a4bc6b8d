use crate::pairing::Exchange;
use crate::pairing::detail::WebSocket;

pub(super) fn json(_out: &mut Vec<u8>, _websocket: &WebSocket) {}

pub(super) fn words(_out: &mut Vec<u8>, _exchange: &Exchange, _websocket: &WebSocket) {}
