use crate::pairing::Exchange;
use crate::pairing::detail::Tls;

pub(super) fn json(_out: &mut Vec<u8>, _tls: &Tls) {}

pub(super) fn words(_out: &mut Vec<u8>, _exchange: &Exchange, _tls: &Tls) {}
