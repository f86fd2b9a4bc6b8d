use super::words::{after_request, late_answer};
use super::{Code, Detector, Severity};
use crate::pairing::{Exchange, Outcome};

/// The client closed (FIN) before the response had begun, and was gone.
pub(super) const DETECTOR: Detector = Detector {
    code: Code::ClientClosedFirst,
    severity: Severity::Error,
    title: "the client closed before the answer",
    applies: Some(|exchange, _| exchange.outcome == Outcome::ClientFinBeforeResponse),
    sentence,
    explain: include_str!("../../docs/findings/client-closed-first.md"),
};

fn sentence(exchange: &Exchange) -> String {
    let after = after_request(exchange.gap());
    let late = match exchange.late {
        Some(_) => late_answer(exchange),
        None => "; no answer came".into(),
    };
    format!("the client closed{after}{late}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::samples;

    #[test]
    fn the_sentence_tells_both_times() {
        let exchange = samples::exchange(Outcome::ClientFinBeforeResponse);
        assert_eq!(
            sentence(&exchange),
            "the client closed 498 ms after its request; the answer (200) came 743 ms after the request"
        );
    }

    #[test]
    fn without_a_late_answer_it_says_so() {
        let mut exchange = samples::exchange(Outcome::ClientFinBeforeResponse);
        exchange.late = None;
        assert_eq!(
            sentence(&exchange),
            "the client closed 498 ms after its request; no answer came"
        );
    }
}
