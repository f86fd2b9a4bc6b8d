use super::proxy_answered::is_proxys;
use super::stream_refused::is_refused;
use crate::pairing::{Exchange, Outcome, ProxyAnswer, Side};

/// Response flags of Envoy's access log that fit the packets of an exchange.
///
/// Several flags in a list mean that the packets fit each of them. An empty list: nothing can be
/// said of that proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnvoyFlags {
    /// What the proxy on this connection may have logged.
    pub here: &'static [&'static str],
    /// What the proxy on the caller's side may have logged.
    pub caller: &'static [&'static str],
}

/// The flags that Envoy may have logged for this exchange, as far as its packets allow.
///
/// `None` where nothing failed, or where the packets say nothing about it. Source: Envoy, access
/// logging, `%RESPONSE_FLAGS%`; which packets go with which flag was read in captures of Envoy
/// 1.40 beside its logs.
pub fn envoy_flags(exchange: &Exchange) -> Option<EnvoyFlags> {
    let flags = |here, caller| Some(EnvoyFlags { here, caller });
    match (exchange.outcome, exchange.by) {
        (
            Outcome::ClientFinBeforeResponse
            | Outcome::ClientRstBeforeResponse
            | Outcome::ClientRstStreamBeforeResponse,
            _,
        )
        | (Outcome::TruncatedResponse, Some(Side::Client)) => {
            flags(&["DC", "DR"], &["UT", "DC", "DR"])
        }
        (Outcome::TruncatedRequest, Some(Side::Client)) => flags(&["DC", "DR"], &["DC", "DR"]),
        (Outcome::TruncatedResponse, Some(Side::Server)) => flags(&["UPE", "UC"], &["UPE", "UC"]),
        (Outcome::ServerClosedBeforeResponse, _) if is_refused(exchange) => flags(&["UR"], &[]),
        (Outcome::ServerClosedBeforeResponse, _)
        | (Outcome::TruncatedRequest, Some(Side::Server)) => flags(&["UC"], &[]),
        (Outcome::ServerRstStreamBeforeResponse, _) => flags(&["UR"], &[]),
        (Outcome::WsAborted, Some(Side::Client)) => flags(&["DC", "SI"], &["DC", "SI"]),
        (Outcome::WsAborted, Some(Side::Server)) => flags(&["UC", "SI"], &["UC", "SI"]),
        (Outcome::Refused | Outcome::ConnectTimeout, _) => flags(&["UF"], &[]),
        (Outcome::Complete | Outcome::HalfCloseOk, _) if is_proxys(exchange) => by_proxy(exchange),
        _ => None,
    }
}

/// The answer is the proxy's own: its flag goes with the status.
fn by_proxy(exchange: &Exchange) -> Option<EnvoyFlags> {
    let response = exchange.response.as_ref()?;
    if let (Some(grpc), Some(ProxyAnswer::Envoy)) = (exchange.grpc(), &response.proxy) {
        let here = by_message(grpc.message.as_deref().unwrap_or_default());
        return Some(EnvoyFlags { here, caller: &[] });
    }
    let here: &[&str] = match (response.proxy.as_ref()?, response.status) {
        (ProxyAnswer::Linkerd(_) | ProxyAnswer::EnvoyPerhaps, _) => return None,
        (ProxyAnswer::Envoy, 504) => &["UT", "SI", "UMSDR"],
        (ProxyAnswer::Envoy, 503) => &["UH", "UF", "UC", "UO", "URX", "NC"],
        (ProxyAnswer::Envoy, _) => &["UPE"],
    };
    Some(EnvoyFlags { here, caller: &[] })
}

/// The proxy's own answer to a call of gRPC: the body that it would have sent over HTTP is the
/// message.
fn by_message(message: &str) -> &'static [&'static str] {
    let says = |words| message.contains(words);
    if says("upstream request timeout") {
        &["UT"]
    } else if says("stream timeout") {
        &["SI"]
    } else if says("max stream duration") {
        &["UMSDR"]
    } else if says("no healthy upstream") {
        &["UH"]
    } else if says("reset reason: overflow") {
        &["UO"]
    } else if says("connection failure") || says("connection timeout") {
        &["UF"]
    } else if says("connection termination") {
        &["UC"]
    } else if says("remote reset") || says("remote refused stream reset") {
        &["UR"]
    } else {
        &["UH", "UF", "UC", "UO", "URX", "NC"]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::samples;

    #[test]
    fn a_give_up_is_dc_or_dr_here_and_perhaps_ut_at_the_caller() {
        let flags = envoy_flags(&samples::exchange(Outcome::ClientFinBeforeResponse)).unwrap();
        assert_eq!(flags.here, ["DC", "DR"]);
        assert_eq!(flags.caller, ["UT", "DC", "DR"]);
    }

    #[test]
    fn what_went_well_or_is_not_known_has_none() {
        for outcome in
            [Outcome::Complete, Outcome::HalfCloseOk, Outcome::InProgress, Outcome::Unknown]
        {
            assert_eq!(envoy_flags(&samples::exchange(outcome)), None);
        }
    }

    #[test]
    fn the_proxys_504_is_its_own_timeout() {
        let exchange = samples::answered(504, 500, Some(ProxyAnswer::Envoy));
        assert_eq!(envoy_flags(&exchange).unwrap().here[0], "UT");
        let exchange = samples::answered(504, 500, Some(ProxyAnswer::Linkerd("t".into())));
        assert_eq!(envoy_flags(&exchange), None);
    }
}
