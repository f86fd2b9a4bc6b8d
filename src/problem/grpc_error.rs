use super::proxy_answered::is_proxys;
use super::words::Span;
use super::{Code, Detector, Severity};
use crate::pairing::Exchange;

/// The server answered a call with an error.
pub(super) const DETECTOR: Detector = Detector {
    code: Code::GrpcError,
    severity: Severity::Error,
    title: "the server answered the call with an error",
    applies: Some(|exchange, _| {
        let status = exchange.grpc().and_then(|grpc| grpc.status);
        // Not OK, CANCELLED (nobody waits for it), DEADLINE_EXCEEDED (which has its own finding).
        status.is_some_and(|status| !matches!(status, 0 | 1 | 4)) && !is_proxys(exchange)
    }),
    sentence,
    explain: include_str!("../../docs/findings/grpc-error.md"),
};

fn sentence(exchange: &Exchange) -> String {
    let Some(grpc) = exchange.grpc() else { return DETECTOR.title.into() };
    let after = exchange.total().or(exchange.ttfb());
    let after = after.map_or(String::new(), |after| format!(" after {}", Span(after)));
    format!("the server ended the call{after} with {}", grpc.said())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pairing::ProxyAnswer;
    use crate::problem::samples;

    fn codes(exchange: &mut Exchange) -> Vec<Code> {
        samples::judge(exchange);
        exchange.findings.iter().collect()
    }

    #[test]
    fn the_sentence_has_name_and_message() {
        assert_eq!(
            sentence(&samples::call(5, "no item \"7\"")),
            "the server ended the call after 32 ms with NOT_FOUND: no item \\\"7\\\""
        );
        assert_eq!(
            sentence(&samples::call(99, "")),
            "the server ended the call after 32 ms with status 99"
        );
    }

    #[test]
    fn ok_and_cancelled_are_no_errors_and_the_deadline_has_its_own() {
        for status in [0, 1] {
            assert_eq!(codes(&mut samples::call(status, "")), []);
        }
        assert_eq!(codes(&mut samples::call(4, "")), [Code::GrpcDeadlineExceeded]);
        assert_eq!(codes(&mut samples::call(14, "")), [Code::GrpcError]);
    }

    #[test]
    fn a_proxys_own_answer_is_not_the_servers() {
        let mut call = samples::call(14, "upstream request timeout");
        call.response.as_mut().unwrap().proxy = Some(ProxyAnswer::Envoy);
        assert_eq!(codes(&mut call), [Code::ProxyAnswered]);
        assert_eq!(
            (Code::ProxyAnswered.detector().sentence)(&call),
            "the proxy answered after 30 ms, not the application: UNAVAILABLE: upstream request timeout"
        );
    }
}
