use super::stream_refused::is_refused;
use super::words::{Span, by_code};
use super::{Code, Detector, Severity};
use crate::pairing::{Exchange, Outcome};

/// The server reset a stream before the response had begun.
pub(super) const DETECTOR: Detector = Detector {
    code: Code::ServerResetStream,
    severity: Severity::Error,
    title: "the server reset the stream without an answer",
    applies: Some(|exchange, _| {
        exchange.outcome == Outcome::ServerRstStreamBeforeResponse && !is_refused(exchange)
    }),
    sentence,
    explain: include_str!("../../docs/findings/server-reset-stream.md"),
};

fn sentence(exchange: &Exchange) -> String {
    let after =
        exchange.gap().map_or(String::new(), |gap| format!(", {} after the request", Span(gap)));
    format!("the server reset the stream{} without an answer{after}", by_code(exchange))
}
