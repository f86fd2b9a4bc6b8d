use super::words::Span;
use super::{Code, Detector, Severity};
use crate::pairing::{Exchange, Outcome, Side};

/// One side left in the middle of a message.
pub(super) const DETECTOR: Detector = Detector {
    code: Code::Truncated,
    severity: Severity::Error,
    title: "one side left in the middle of a message",
    applies: Some(|exchange, _| {
        matches!(exchange.outcome, Outcome::TruncatedResponse | Outcome::TruncatedRequest)
    }),
    sentence,
    explain: include_str!("../../docs/findings/truncated.md"),
};

fn sentence(exchange: &Exchange) -> String {
    let who = match exchange.by {
        Some(Side::Client) => "the client",
        Some(Side::Server) => "the server",
        None => "one side",
    };
    let gap = exchange.gap().map(Span);
    match (exchange.outcome, &exchange.response) {
        (Outcome::TruncatedRequest, _) => {
            let bytes = exchange.request.body;
            format!("{who} left in the middle of the request, after {bytes} bytes of its body")
        }
        (_, Some(response)) => {
            let (status, bytes) = (response.status, response.body);
            let after = gap.map_or(String::new(), |gap| format!(", {gap} after the request"));
            format!(
                "{who} left in the middle of the response ({status}), after {bytes} bytes of its body{after}"
            )
        }
        (_, None) => {
            let after = gap.map_or(String::new(), |gap| format!(", {gap} after the request"));
            format!("{who} left in the middle of the response's head{after}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::samples;

    #[test]
    fn it_says_who_left_and_where() {
        assert_eq!(
            sentence(&samples::exchange(Outcome::TruncatedResponse)),
            "the server left in the middle of the response (200), after 12 bytes of its body, 498 ms after the request"
        );
        assert_eq!(
            sentence(&samples::exchange(Outcome::TruncatedRequest)),
            "the client left in the middle of the request, after 0 bytes of its body"
        );
    }
}
