use super::words::Span;
use super::{Code, Detector, Severity};
use crate::pairing::Exchange;

/// The response began later than the threshold.
pub(super) const DETECTOR: Detector = Detector {
    code: Code::SlowResponse,
    severity: Severity::Warning,
    title: "the answer began late",
    applies: Some(|exchange, context| exchange.ttfb().is_some_and(|ttfb| ttfb >= context.slow)),
    sentence,
    explain: include_str!("../../docs/findings/slow-response.md"),
};

fn sentence(exchange: &Exchange) -> String {
    match exchange.ttfb() {
        Some(ttfb) => format!("the answer began {} after the request", Span(ttfb)),
        None => "the answer began late".into(),
    }
}
