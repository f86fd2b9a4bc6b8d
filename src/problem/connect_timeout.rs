use super::words::Span;
use super::{Code, Detector, Severity};
use crate::pairing::{Exchange, Outcome};

/// The connect was never answered.
pub(super) const DETECTOR: Detector = Detector {
    code: Code::ConnectTimeout,
    severity: Severity::Error,
    title: "the connect was never answered",
    applies: Some(|exchange, _| exchange.outcome == Outcome::ConnectTimeout),
    sentence,
    explain: include_str!("../../docs/findings/connect-timeout.md"),
};

fn sentence(exchange: &Exchange) -> String {
    let server = exchange.server;
    match (exchange.request.attempts, exchange.request_time()) {
        (0 | 1, _) | (_, None) => format!("{server} never answered the connect (one SYN)"),
        (tries, Some(time)) => {
            format!("{server} never answered the connect ({tries} SYN in {})", Span(time))
        }
    }
}
