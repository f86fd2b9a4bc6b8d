use super::words::Span;
use super::{Code, Detector, Severity};
use crate::message::Upgrade;
use crate::pairing::{Exchange, Outcome, Protocol, ProxyAnswer};

/// A WebSocket was asked for and the answer was not a WebSocket.
pub(super) const DETECTOR: Detector = Detector {
    code: Code::WebsocketRefused,
    severity: Severity::Error,
    title: "a WebSocket was refused",
    applies: Some(|exchange, _| is_refused(exchange)),
    sentence,
    explain: include_str!("../../docs/findings/websocket-refused.md"),
};

/// HTTP/1 agrees with 101, HTTP/2 with 2xx (RFC 8441 section 4).
fn is_refused(exchange: &Exchange) -> bool {
    exchange.request.upgrade == Some(Upgrade::WebSocket)
        && matches!(exchange.outcome, Outcome::Complete | Outcome::HalfCloseOk)
        && exchange.response.as_ref().is_some_and(|response| match exchange.protocol {
            Protocol::Http1 => response.status != 101,
            Protocol::H2 => !(200..300).contains(&response.status),
            Protocol::Grpc | Protocol::Ws | Protocol::Tls | Protocol::Tcp => false,
        })
}

fn sentence(exchange: &Exchange) -> String {
    let Some(response) = &exchange.response else { return DETECTOR.title.into() };
    let status = response.status;
    let who = match &response.proxy {
        Some(ProxyAnswer::Envoy | ProxyAnswer::Linkerd(_)) => "the proxy",
        Some(ProxyAnswer::EnvoyPerhaps) => "the proxy, or the server behind it,",
        None => "the server",
    };
    let after = exchange.ttfb().map_or(String::new(), |ttfb| format!(" after {}", Span(ttfb)));
    format!("a WebSocket was asked for, {who} answered {status}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::samples;

    #[test]
    fn any_answer_but_101_refuses() {
        let mut exchange = samples::answered(403, 2, None);
        assert!(!is_refused(&exchange), "nobody asked for a WebSocket");
        exchange.request.upgrade = Some(Upgrade::WebSocket);
        assert!(is_refused(&exchange));
        assert_eq!(
            sentence(&exchange),
            "a WebSocket was asked for, the server answered 403 after 2 ms"
        );
        exchange.protocol = Protocol::H2;
        assert!(is_refused(&exchange));
    }

    #[test]
    fn what_the_other_side_agreed_to_is_not_refused() {
        let mut exchange = samples::answered(101, 2, None);
        exchange.request.upgrade = Some(Upgrade::WebSocket);
        assert!(!is_refused(&exchange));
        let mut exchange = samples::answered(200, 2, None);
        (exchange.request.upgrade, exchange.protocol) = (Some(Upgrade::WebSocket), Protocol::H2);
        assert!(!is_refused(&exchange));
        let mut exchange = samples::answered(403, 2, None);
        exchange.request.upgrade = Some(Upgrade::H2c);
        assert!(!is_refused(&exchange));
    }
}
