use std::io::Write as _;
use std::time::Duration;

use super::palette::Palette;
use super::subject::Subject;
use super::write::{address, clock, integer, micros, pad, shown};
use crate::capture::Timestamp;
use crate::pairing::{Exchange, Outcome, ProxyAnswer, Side};
use crate::problem::{Code, Span, envoy_flags};

/// Exchanges as lines for a person, one each; what failed stands out by an upper-case word.
///
/// What was written stays true: "gave up?" is a question, "GAVE UP" a verdict.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lines {
    palette: Palette,
}

/// Columns of method and path.
const REQUEST: usize = 28;
/// Columns of the word.
const WORD: usize = 11;
/// Columns of the duration, right-aligned.
const SPAN: usize = 8;
/// Columns of the client's address.
const CLIENT: usize = 21;

/// How a line's word is to look.
#[derive(Clone, Copy)]
enum Weight {
    Fine,
    Doubtful,
    Bad,
}

impl Lines {
    /// Lines with or without colour.
    pub fn new(palette: Palette) -> Self {
        Self { palette }
    }

    /// Appends the line of an exchange that has ended.
    #[inline]
    pub fn exchange(self, out: &mut Vec<u8>, exchange: &Exchange) {
        let (word, status, weight) = word(exchange);
        let span = exchange.total().or(exchange.gap()).or(exchange.ttfb());
        self.begin(out, exchange, said_at(exchange));
        self.word(out, status, word, weight);
        duration(out, span);
        let client = out.len();
        address(out, exchange.client);
        if !matches!(weight, Weight::Fine) || exchange.response.is_none() || is_ended(exchange) {
            fill(out, client);
            details(out, exchange);
            if let Some(id) = &exchange.request.request_id {
                out.extend_from_slice(b"  ");
                shown(out, id, 36);
            }
        } else if exchange.outcome == Outcome::HalfCloseOk {
            fill(out, client);
            out.extend_from_slice(b"the client closed its half and took the answer");
        }
        out.push(b'\n');
    }

    /// Appends the line of a client that closed and may have given up.
    pub fn question(self, out: &mut Vec<u8>, exchange: &Exchange) {
        self.begin(out, exchange, exchange.close.map(|close| close.time));
        self.word(out, None, "gave up?", Weight::Doubtful);
        duration(out, exchange.gap());
        let client = out.len();
        address(out, exchange.client);
        fill(out, client);
        out.extend_from_slice(b"client closed; waiting for proof\n");
    }

    fn begin(self, out: &mut Vec<u8>, exchange: &Exchange, time: Option<Timestamp>) {
        match time {
            Some(time) => clock(out, time),
            None => out.extend_from_slice(b"--:--:--.---"),
        }
        out.extend_from_slice(b"  ");
        // A path longer than its column moves the line: better than cutting what matters.
        let used = Subject::of(exchange).write(out, exchange, 60);
        pad(out, used, REQUEST);
    }

    fn word(self, out: &mut Vec<u8>, status: Option<u16>, word: &str, weight: Weight) {
        let colour = match weight {
            Weight::Fine => b"",
            Weight::Doubtful => self.palette.doubtful(),
            Weight::Bad => self.palette.bad(),
        };
        out.extend_from_slice(colour);
        let start = out.len();
        if let Some(status) = status {
            integer(out, status);
            if !word.is_empty() {
                out.push(b' ');
            }
        }
        out.extend_from_slice(word.as_bytes());
        let used = out.len() - start;
        if !colour.is_empty() {
            out.extend_from_slice(self.palette.end());
        }
        pad(out, used, WORD);
    }
}

/// What the line says at a glance: a word, a status before it, and how it looks.
fn word(exchange: &Exchange) -> (&'static str, Option<u16>, Weight) {
    let status = exchange.response.as_ref().map(|response| response.status);
    let findings = exchange.findings;
    match exchange.outcome {
        Outcome::Complete | Outcome::HalfCloseOk if findings.is_empty() => {
            ("", status, Weight::Fine)
        }
        Outcome::Complete | Outcome::HalfCloseOk => {
            if findings.contains(Code::TlsAndPlaintext) {
                ("NO TLS", status, Weight::Bad)
            } else if findings.contains(Code::ProxyAnswered) {
                let status = status.filter(|_| exchange.grpc().is_none());
                ("PROXY", status, Weight::Bad)
            } else if findings.contains(Code::WebsocketRefused) {
                ("REFUSED", status, Weight::Bad)
            } else if findings.contains(Code::ServerError) {
                ("ERROR", status, Weight::Bad)
            } else if findings.contains(Code::GrpcError)
                || findings.contains(Code::GrpcDeadlineExceeded)
            {
                ("ERROR", None, Weight::Bad)
            } else if findings.contains(Code::FlowControlStall) {
                ("STALLED", status, Weight::Doubtful)
            } else {
                ("SLOW", status, Weight::Doubtful)
            }
        }
        Outcome::ClientFinBeforeResponse => ("GAVE UP", None, Weight::Bad),
        Outcome::ClientRstBeforeResponse => ("GAVE UP", None, Weight::Bad),
        Outcome::ClientRstStreamBeforeResponse => ("GAVE UP", None, Weight::Bad),
        Outcome::ServerClosedBeforeResponse => ("DROPPED", None, Weight::Bad),
        Outcome::ServerRstStreamBeforeResponse => ("DROPPED", None, Weight::Bad),
        Outcome::TruncatedResponse => ("CUT", status, Weight::Bad),
        Outcome::TruncatedRequest => ("CUT", None, Weight::Bad),
        Outcome::Refused => ("REFUSED", None, Weight::Bad),
        Outcome::ConnectTimeout => ("NO CONNECT", None, Weight::Bad),
        Outcome::WsClosed => {
            let (word, weight) = match findings.contains(Code::WebsocketError) {
                true => ("CLOSED", Weight::Bad),
                false => ("closed", Weight::Fine),
            };
            (word, exchange.close_code(), weight)
        }
        Outcome::WsAborted => ("ABORTED", None, Weight::Bad),
        Outcome::TlsOk if findings.is_empty() => ("ok", None, Weight::Fine),
        Outcome::TlsOk => ("ok", None, Weight::Doubtful),
        Outcome::TlsAlert => ("ALERT", None, Weight::Bad),
        Outcome::TlsClosedNoAlert => ("LEFT", None, Weight::Bad),
        Outcome::InProgress if findings.contains(Code::NoResponse) => {
            ("NO ANSWER", None, Weight::Doubtful)
        }
        Outcome::InProgress => ("open", None, Weight::Fine),
        Outcome::Unknown => ("unknown", None, Weight::Fine),
    }
}

/// Whether it is a WebSocket that has ended: how is always worth saying.
fn is_ended(exchange: &Exchange) -> bool {
    matches!(exchange.outcome, Outcome::WsClosed | Outcome::WsAborted)
}

/// When the last thing happened that the line tells of.
fn said_at(exchange: &Exchange) -> Option<Timestamp> {
    let marks = [
        exchange.request.last,
        exchange.response.as_ref().map(|response| response.last),
        exchange.close.filter(|_| exchange.by.is_some() || is_ended(exchange)),
        exchange.late.map(|late| late.mark),
    ];
    marks.into_iter().flatten().map(|mark| mark.time).max()
}

/// `   498 ms`: right-aligned, in ms as long as that is readable.
#[inline]
fn duration(out: &mut Vec<u8>, span: Option<Duration>) {
    let Some(span) = span else { return out.extend_from_slice(&[b' '; SPAN + 2]) };
    let whole = (micros(span) + 500) / 1000;
    if whole == 0 {
        return out.extend_from_slice(b"   <1 ms  ");
    }
    let mut buffer = itoa::Buffer::new();
    let (digits, unit): (&str, &[u8]) = if whole < 100_000 {
        (buffer.format(whole), b" ms  ")
    } else {
        (buffer.format((whole + 500) / 1000), b" s  ")
    };
    pad(out, digits.len() + unit.len(), SPAN + 2);
    out.extend_from_slice(digits.as_bytes());
    out.extend_from_slice(unit);
}

/// Fills the column of the client's address, which began at `start`.
fn fill(out: &mut Vec<u8>, start: usize) {
    pad(out, out.len() - start, CLIENT + 2);
}

/// What happened, in a few words, and what Envoy may have logged.
#[cold]
fn details(out: &mut Vec<u8>, exchange: &Exchange) {
    let who = match exchange.by {
        Some(Side::Client) => "client",
        Some(Side::Server) => "server",
        None => "one side",
    };
    let response = exchange.response.as_ref();
    let _ = match exchange.outcome {
        Outcome::ClientFinBeforeResponse | Outcome::ClientRstBeforeResponse => {
            let how = match exchange.outcome {
                Outcome::ClientRstBeforeResponse => "client reset; ",
                _ => "",
            };
            match (exchange.late, exchange.close) {
                (Some(late), Some(close)) => {
                    let left = Span(late.mark.time.since(close.time));
                    let answer = late.status.map_or("an answer".into(), |s| s.to_string());
                    write!(out, "{how}{answer} came {left} after the client had left")
                }
                _ if how.is_empty() => write!(out, "client closed; no answer came"),
                _ => write!(out, "client reset; its answer cannot show"),
            }
        }
        Outcome::ClientRstStreamBeforeResponse
        | Outcome::ServerRstStreamBeforeResponse
        | Outcome::WsClosed
        | Outcome::WsAborted
        | Outcome::TlsOk
        | Outcome::TlsAlert
        | Outcome::TlsClosedNoAlert => {
            super::detail::words(out, exchange);
            Ok(())
        }
        Outcome::ServerClosedBeforeResponse
            if exchange.tls().is_some() || exchange.findings.contains(Code::StreamRefused) =>
        {
            super::detail::words(out, exchange);
            Ok(())
        }
        Outcome::ServerClosedBeforeResponse => write!(out, "server closed without an answer"),
        Outcome::TruncatedResponse => {
            let bytes = response.map_or(0, |response| response.body);
            let _ = write!(out, "{who} left after {bytes} bytes of the body");
            super::detail::more(out, exchange);
            Ok(())
        }
        Outcome::TruncatedRequest => {
            let bytes = exchange.request.body;
            write!(out, "{who} left after {bytes} bytes of the request's body")
        }
        Outcome::Refused => write!(out, "nothing listens there"),
        Outcome::ConnectTimeout => write!(out, "{} SYN, no answer", exchange.request.attempts),
        Outcome::InProgress if exchange.close.is_some() => {
            write!(out, "client closed; the capture ended before the proof")
        }
        Outcome::InProgress => write!(out, "not answered when the capture ended"),
        Outcome::Unknown => write!(out, "the packets that would tell were not captured"),
        Outcome::Complete | Outcome::HalfCloseOk => finished(out, exchange),
    };
    if let Some(flags) = envoy_flags(exchange) {
        let _ = write!(out, "   {} here", flags.here.join(" or "));
    }
}

/// What is to be said of an exchange that was answered.
fn finished(out: &mut Vec<u8>, exchange: &Exchange) -> std::io::Result<()> {
    match exchange.response.as_ref().and_then(|response| response.proxy.as_ref()) {
        Some(ProxyAnswer::Linkerd(text)) if exchange.findings.contains(Code::ProxyAnswered) => {
            write!(out, "Linkerd's proxy: ")?;
            shown(out, text, 80);
        }
        Some(_) if exchange.findings.contains(Code::ProxyAnswered) => {
            write!(out, "answered by the proxy, not the application")?;
            super::detail::more(out, exchange);
        }
        _ if exchange.findings.contains(Code::WebsocketRefused) => {
            write!(out, "a WebSocket was asked for")?;
            if exchange.response.as_ref().is_some_and(|r| r.proxy.is_some()) {
                write!(out, "; whether the proxy answered or the server does not show")?;
            }
        }
        _ if exchange.tls().is_some_and(|tls| tls.plaintext.is_some()) => {
            super::detail::words(out, exchange);
        }
        _ if exchange.findings.contains(Code::ServerError) => {
            write!(out, "answered by the application")?;
        }
        _ if says_itself(exchange) => super::detail::words(out, exchange),
        _ => {
            if let Some(ttfb) = exchange.ttfb() {
                write!(out, "began after {}", Span(ttfb))?;
            }
        }
    }
    Ok(())
}

/// Whether what is to be said of an answer is for its protocol to say.
fn says_itself(exchange: &Exchange) -> bool {
    [Code::GrpcError, Code::GrpcDeadlineExceeded, Code::FlowControlStall]
        .into_iter()
        .any(|code| exchange.findings.contains(code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::samples;

    fn line(exchange: &Exchange) -> String {
        let mut out = Vec::new();
        Lines::default().exchange(&mut out, exchange);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn each_outcome_of_http1_has_its_line() {
        let of_others = |outcome: &Outcome| {
            ["ws_", "tls_"].iter().any(|other| outcome.name().starts_with(other))
                || outcome.name().contains("rst_stream")
        };
        let outcomes = Outcome::ALL.into_iter().filter(|outcome| !of_others(outcome));
        let lines: String = outcomes.map(|outcome| line(&samples::judged(outcome))).collect();
        assert_eq!(
            lines,
            "\
22:13:20.032  GET /items                  200           32 ms  127.0.0.6:40656
22:13:20.032  GET /items                  200           32 ms  127.0.0.6:40656        the client closed its half and took the answer
22:13:20.743  GET /items                  GAVE UP      498 ms  127.0.0.6:40656        200 came 245 ms after the client had left   DC or DR here  fc97008b-2afe
22:13:20.498  GET /items                  GAVE UP      498 ms  127.0.0.6:40656        client reset; its answer cannot show   DC or DR here  fc97008b-2afe
22:13:20.498  GET /items                  DROPPED      498 ms  127.0.0.6:40656        server closed without an answer   UC here  fc97008b-2afe
22:13:20.498  GET /items                  200 CUT      498 ms  127.0.0.6:40656        server left after 12 bytes of the body   UPE or UC here  fc97008b-2afe
22:13:20.498  GET /items                  CUT          498 ms  127.0.0.6:40656        client left after 0 bytes of the request's body   DC or DR here  fc97008b-2afe
22:13:20.498  connect 10.77.0.12:9080     REFUSED      498 ms  127.0.0.6:40656        nothing listens there   UF here
22:13:20.000  connect 10.77.0.12:9080     NO CONNECT           127.0.0.6:40656        1 SYN, no answer   UF here
22:13:20.000  GET /items                  NO ANSWER            127.0.0.6:40656        not answered when the capture ended  fc97008b-2afe
22:13:20.000  GET /items                  unknown              127.0.0.6:40656        the packets that would tell were not captured  fc97008b-2afe
"
        );
    }

    #[test]
    fn a_failed_line_stands_out_in_colour_too() {
        let mut out = Vec::new();
        let exchange = samples::judged(Outcome::ClientFinBeforeResponse);
        Lines::new(Palette::Ansi).exchange(&mut out, &exchange);
        assert!(String::from_utf8(out).unwrap().contains("\x1b[1;31mGAVE UP\x1b[0m    "));
    }

    #[test]
    fn a_question_is_not_a_verdict() {
        let mut out = Vec::new();
        Lines::default().question(&mut out, &samples::exchange(Outcome::ClientFinBeforeResponse));
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "22:13:20.498  GET /items                  gave up?     498 ms  127.0.0.6:40656        client closed; waiting for proof\n"
        );
    }

    #[test]
    fn a_proxys_answer_and_a_slow_one() {
        let mut exchange = samples::answered(504, 500, Some(ProxyAnswer::Envoy));
        samples::judge(&mut exchange);
        assert!(line(&exchange).contains("504 PROXY    500 ms"), "{}", line(&exchange));
        let mut exchange = samples::answered(200, 1500, None);
        samples::judge(&mut exchange);
        assert!(line(&exchange).contains("200 SLOW    1500 ms"), "{}", line(&exchange));
    }

    #[test]
    fn the_network_cannot_speak_to_the_terminal() {
        let mut exchange = samples::judged(Outcome::ClientFinBeforeResponse);
        exchange.request.path = Some("/\x1b]0;x\x07\u{9b}2J".into());
        exchange.request.request_id = Some("\x1b[2J".into());
        let line = line(&exchange);
        assert_eq!(line.matches(char::is_control).count(), 1, "{line}");
    }
}
