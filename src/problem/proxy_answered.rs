use std::time::Duration;

use super::words::Span;
use super::{Code, Detector, Severity};
use crate::pairing::{Exchange, ProxyAnswer};

/// A proxy of the mesh answered by itself with 502, 503 or 504.
pub(super) const DETECTOR: Detector = Detector {
    code: Code::ProxyAnswered,
    severity: Severity::Error,
    title: "a proxy answered, not the application",
    applies: Some(|exchange, _| is_proxys(exchange)),
    sentence,
    explain: include_str!("../../docs/findings/proxy-answered.md"),
};

/// Whether the answer is a failure that a proxy made up.
pub(super) fn is_proxys(exchange: &Exchange) -> bool {
    let Some(response) = exchange.response.as_ref() else { return false };
    matches!(response.proxy, Some(ProxyAnswer::Envoy | ProxyAnswer::Linkerd(_)))
        && match exchange.grpc() {
            // Failures of proxies are UNAVAILABLE, those of time may be DEADLINE_EXCEEDED.
            Some(grpc) => matches!(grpc.status, Some(4 | 14)),
            None => matches!(response.status, 502..=504),
        }
}

fn sentence(exchange: &Exchange) -> String {
    let Some(response) = &exchange.response else { return DETECTOR.title.into() };
    let status = response.status;
    let ttfb = exchange.ttfb();
    let after = ttfb.map_or(String::new(), |ttfb| format!(" after {}", Span(ttfb)));
    if let Some(grpc) = exchange.grpc() {
        let whose = match response.proxy {
            Some(ProxyAnswer::Linkerd(_)) => "Linkerd's proxy",
            _ => "the proxy",
        };
        return format!("{whose} answered{after}, not the application: {}", grpc.said());
    }
    match &response.proxy {
        Some(ProxyAnswer::Linkerd(text)) => {
            format!("Linkerd's proxy answered {status}{after}: {}", text.escape_debug())
        }
        _ => format!(
            "the proxy answered {status}{after}, not the application: {}",
            cause(status, ttfb)
        ),
    }
}

/// What Envoy would have logged for this status at this time, in the words of its access log.
fn cause(status: u16, ttfb: Option<Duration>) -> &'static str {
    let at_once = ttfb.is_some_and(|ttfb| ttfb < Duration::from_millis(20));
    match (status, at_once) {
        (504, _) => "UT, the route's timeout, or SI, the stream's idle timeout",
        (503, true) => {
            "UH (no healthy upstream), UF (connect failed), UO (circuit breaker) or UC (the server closed)"
        }
        (503, false) => {
            "UF (connect timed out), UC (the server closed) or URX (the last retry failed)"
        }
        _ => "UPE, the server's answer could not be read",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pairing::Outcome;
    use crate::problem::samples;

    #[test]
    fn a_timeout_on_the_callers_side_is_a_504_by_its_own_proxy() {
        let exchange = samples::answered(504, 500, Some(ProxyAnswer::Envoy));
        assert!(is_proxys(&exchange));
        assert_eq!(
            sentence(&exchange),
            "the proxy answered 504 after 500 ms, not the application: UT, the route's timeout, or SI, the stream's idle timeout"
        );
    }

    #[test]
    fn linkerds_own_words_are_passed_on_without_control_characters() {
        let exchange =
            samples::answered(503, 2, Some(ProxyAnswer::Linkerd("unavailable\x1b[31m".into())));
        assert_eq!(
            sentence(&exchange),
            "Linkerd's proxy answered 503 after 2 ms: unavailable\\u{1b}[31m"
        );
    }

    #[test]
    fn an_answer_of_the_application_is_not_the_proxys() {
        assert!(!is_proxys(&samples::answered(503, 2, None)));
        assert!(!is_proxys(&samples::answered(404, 2, Some(ProxyAnswer::Envoy))));
        assert!(!is_proxys(&samples::answered(503, 2, Some(ProxyAnswer::EnvoyPerhaps))));
        assert!(!is_proxys(&samples::exchange(Outcome::Refused)));
    }
}
