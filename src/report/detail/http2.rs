use crate::pairing::Exchange;
use crate::pairing::detail::Http2;

pub(super) fn json(_out: &mut Vec<u8>, _http2: &Http2) {}

pub(super) fn words(_out: &mut Vec<u8>, _exchange: &Exchange, _http2: &Http2) {}
