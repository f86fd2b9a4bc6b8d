use super::{Code, Context, Detector, Severity};
use crate::pairing::{Exchange, Outcome};

/// Request complete, then silence until the capture ended.
pub(super) const DETECTOR: Detector = Detector {
    code: Code::NoResponse,
    severity: Severity::Warning,
    title: "nothing had come when the capture ended",
    applies: Some(applies),
    sentence,
    explain: include_str!("../../docs/findings/no-response.md"),
};

/// Nobody left, nothing came, and the wait is one that would have been called slow.
fn applies(exchange: &Exchange, context: &Context) -> bool {
    exchange.outcome == Outcome::InProgress
        && exchange.request.method.is_some()
        && exchange.response.is_none()
        && exchange.close.is_none()
        && exchange.request.last.is_some_and(|last| context.now.since(last.time) >= context.slow)
}

fn sentence(_: &Exchange) -> String {
    "no answer had come when the capture ended".into()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::problem::samples;

    #[test]
    fn a_request_just_before_the_end_is_not_waiting_long() {
        let exchange = samples::exchange(Outcome::InProgress);
        let slow = Duration::from_secs(1);
        assert!(!applies(&exchange, &Context { slow, now: samples::at_ms(900) }));
        assert!(applies(&exchange, &Context { slow, now: samples::at_ms(1000) }));
    }

    #[test]
    fn an_answer_that_has_begun_is_no_silence() {
        let mut exchange = samples::exchange(Outcome::InProgress);
        exchange.response = samples::exchange(Outcome::Complete).response;
        let context = Context { slow: Duration::from_secs(1), now: samples::at_ms(60_000) };
        assert!(!applies(&exchange, &context));
    }
}
