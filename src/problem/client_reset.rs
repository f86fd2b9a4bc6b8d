use super::words::{after_request, late_answer};
use super::{Code, Detector, Severity};
use crate::pairing::{Exchange, Outcome};

/// The client reset the connection before the response had begun.
pub(super) const DETECTOR: Detector = Detector {
    code: Code::ClientReset,
    severity: Severity::Error,
    title: "the client reset the connection before the answer",
    applies: Some(|exchange, _| exchange.outcome == Outcome::ClientRstBeforeResponse),
    sentence,
    explain: include_str!("../../docs/findings/client-reset.md"),
};

fn sentence(exchange: &Exchange) -> String {
    let after = after_request(exchange.gap());
    format!("the client reset the connection{after}{}", late_answer(exchange))
}
