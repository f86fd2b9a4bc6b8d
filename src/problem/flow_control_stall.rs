use super::words::Span;
use super::{Code, Detector, Severity};
use crate::pairing::{Exchange, Side};

/// A sender waited for the other side's window.
pub(super) const DETECTOR: Detector = Detector {
    code: Code::FlowControlStall,
    severity: Severity::Warning,
    title: "a body waited for the other side's window",
    applies: Some(|exchange, _| exchange.http2().is_some_and(|http2| http2.stall.is_some())),
    sentence,
    explain: include_str!("../../docs/findings/flow-control-stall.md"),
};

fn sentence(exchange: &Exchange) -> String {
    let Some(stall) = exchange.http2().and_then(|http2| http2.stall) else {
        return DETECTOR.title.into();
    };
    let (what, reader) = match stall.reader {
        Side::Client => ("response", "client"),
        Side::Server => ("request", "server"),
    };
    let (waited, longest) = if stall.at_end { ("was waiting", "since") } else { ("waited", "for") };
    format!(
        "the {what} {waited} for the {reader}'s flow-control window {longest} {}",
        Span(stall.longest)
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::pairing::Outcome;
    use crate::pairing::detail::{Http2, Stall};
    use crate::problem::samples;

    #[test]
    fn it_says_who_does_not_read() {
        let stall =
            Stall { reader: Side::Client, longest: Duration::from_millis(400), at_end: true };
        let http2 = Http2 { stall: Some(stall), ..Http2::default() };
        let exchange = samples::stream(Outcome::TruncatedResponse, http2);
        assert_eq!(
            sentence(&exchange),
            "the response was waiting for the client's flow-control window since 400 ms"
        );
    }
}
