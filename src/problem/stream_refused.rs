use super::{Code, Detector, Severity};
use crate::pairing::{Exchange, Outcome};

/// The server did not look at a stream, and says so.
pub(super) const DETECTOR: Detector = Detector {
    code: Code::StreamRefused,
    severity: Severity::Error,
    title: "the server refused the stream",
    applies: Some(|exchange, _| is_refused(exchange)),
    sentence,
    explain: include_str!("../../docs/findings/stream-refused.md"),
};

/// RST_STREAM with this code: nothing was done (RFC 9113 section 8.7).
const REFUSED_STREAM: u32 = 7;

/// Whether the server says that it has done nothing.
pub(super) fn is_refused(exchange: &Exchange) -> bool {
    exchange.http2().is_some_and(|http2| {
        let reset = exchange.outcome == Outcome::ServerRstStreamBeforeResponse;
        http2.refused || (reset && http2.error == Some(REFUSED_STREAM))
    })
}

fn sentence(exchange: &Exchange) -> String {
    let Some(http2) = exchange.http2() else { return DETECTOR.title.into() };
    if !http2.refused {
        return "the server refused the stream (REFUSED_STREAM): it did nothing of it".into();
    }
    let debug = match http2.goaway.as_deref() {
        Some(debug) => format!(" ({})", debug.escape_debug()),
        None => String::new(),
    };
    format!("the server went away (GOAWAY){debug} without looking at the stream")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pairing::detail::Http2;
    use crate::problem::samples;

    #[test]
    fn a_goaway_below_it_and_refused_stream_refuse() {
        let codes = |outcome, http2| {
            let mut exchange = samples::stream(outcome, http2);
            samples::judge(&mut exchange);
            exchange.findings.iter().collect::<Vec<_>>()
        };
        let refused = Http2 { refused: true, ..Http2::default() };
        let reset = |code| Http2 { error: Some(code), ..Http2::default() };
        assert_eq!(codes(Outcome::ServerClosedBeforeResponse, refused), [Code::StreamRefused]);
        let outcome = Outcome::ServerRstStreamBeforeResponse;
        assert_eq!(codes(outcome, reset(7)), [Code::StreamRefused]);
        assert_eq!(codes(outcome, reset(2)), [Code::ServerResetStream]);
        assert_eq!(
            codes(Outcome::ClientRstStreamBeforeResponse, reset(7)),
            [Code::ClientResetStream]
        );
    }
}
