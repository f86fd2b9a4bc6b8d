use std::time::Duration;

use super::proxy_answered::is_proxys;
use super::words::Span;
use super::{Code, Detector, Severity};
use crate::pairing::{Exchange, Side};

/// The deadline of a call ran out, whoever noticed first.
pub(super) const DETECTOR: Detector = Detector {
    code: Code::GrpcDeadlineExceeded,
    severity: Severity::Error,
    title: "the deadline of the call ran out",
    applies: Some(|exchange, _| {
        let status = exchange.grpc().and_then(|grpc| grpc.status);
        (status == Some(DEADLINE_EXCEEDED) || client_ran_out(exchange)) && !is_proxys(exchange)
    }),
    sentence,
    explain: include_str!("../../docs/findings/grpc-deadline-exceeded.md"),
};

const DEADLINE_EXCEEDED: u32 = 4;

/// Whether the client left when its deadline was over. Its clock began before the request was seen,
/// so that it leaves a little early here.
fn client_ran_out(exchange: &Exchange) -> bool {
    let Some(deadline) = exchange.grpc().and_then(|grpc| grpc.deadline) else { return false };
    let (Some(begin), Some(close)) = (exchange.request.first, exchange.close) else { return false };
    let lived = close.time.since(begin.time);
    let early = (deadline / 10).min(Duration::from_millis(50));
    exchange.by == Some(Side::Client) && lived + early >= deadline
}

fn sentence(exchange: &Exchange) -> String {
    let deadline = exchange.grpc().and_then(|grpc| grpc.deadline);
    let deadline = deadline.map_or(String::new(), |deadline| format!(" of {}", Span(deadline)));
    let who = match exchange.by {
        Some(Side::Client) => "the client left then",
        _ => "the server said so (DEADLINE_EXCEEDED)",
    };
    format!("the call's deadline{deadline} ran out: {who}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pairing::Outcome;
    use crate::pairing::detail::{Grpc, Http2};
    use crate::problem::samples;

    fn left_after_499_ms(deadline: u64) -> Exchange {
        let deadline = Some(Duration::from_millis(deadline));
        let grpc = Some(Grpc { deadline, ..Grpc::default() });
        let http2 = Http2 { grpc, error: Some(8), ..Http2::default() };
        let mut exchange = samples::stream(Outcome::ClientRstStreamBeforeResponse, http2);
        samples::judge(&mut exchange);
        exchange
    }

    #[test]
    fn a_client_that_leaves_at_its_deadline_has_run_out_of_time() {
        let both = [Code::ClientResetStream, Code::GrpcDeadlineExceeded];
        assert!(left_after_499_ms(500).findings.iter().eq(both));
        assert_eq!(
            sentence(&left_after_499_ms(500)),
            "the call's deadline of 500 ms ran out: the client left then"
        );
    }

    #[test]
    fn a_client_that_leaves_before_has_cancelled() {
        assert!(left_after_499_ms(600).findings.iter().eq([Code::ClientResetStream]));
    }
}
