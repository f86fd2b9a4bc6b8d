use super::stream_refused::is_refused;
use super::words::Span;
use super::{Code, Detector, Severity};
use crate::pairing::{Exchange, Outcome};

/// The server closed or reset before the response had begun.
pub(super) const DETECTOR: Detector = Detector {
    code: Code::ServerClosedFirst,
    severity: Severity::Error,
    title: "the server closed without an answer",
    applies: Some(|exchange, _| {
        exchange.outcome == Outcome::ServerClosedBeforeResponse && !is_refused(exchange)
    }),
    sentence,
    explain: include_str!("../../docs/findings/server-closed-first.md"),
};

fn sentence(exchange: &Exchange) -> String {
    match exchange.gap() {
        Some(gap) => {
            format!("the server closed without an answer, {} after the request", Span(gap))
        }
        None => "the server closed without an answer".into(),
    }
}
