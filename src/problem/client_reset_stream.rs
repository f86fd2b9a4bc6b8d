use super::words::{after_request, by_code, late_answer};
use super::{Code, Detector, Severity};
use crate::pairing::{Exchange, Outcome};

/// The client reset its stream before the response had begun.
pub(super) const DETECTOR: Detector = Detector {
    code: Code::ClientResetStream,
    severity: Severity::Error,
    title: "the client reset its stream before the answer",
    applies: Some(|exchange, _| exchange.outcome == Outcome::ClientRstStreamBeforeResponse),
    sentence,
    explain: include_str!("../../docs/findings/client-reset-stream.md"),
};

fn sentence(exchange: &Exchange) -> String {
    let after = after_request(exchange.gap());
    let late = match exchange.late {
        Some(_) => late_answer(exchange),
        None => "; no answer came".into(),
    };
    format!("the client reset its stream{}{after}{late}", by_code(exchange))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pairing::detail::Http2;
    use crate::problem::samples;

    #[test]
    fn the_sentence_has_the_code() {
        let http2 = Http2 { error: Some(2), ..Http2::default() };
        let exchange = samples::stream(Outcome::ClientRstStreamBeforeResponse, http2);
        assert_eq!(
            sentence(&exchange),
            "the client reset its stream (INTERNAL_ERROR) 498 ms after its request; no answer came"
        );
    }
}
