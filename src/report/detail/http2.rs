use std::io::Write as _;

use crate::pairing::detail::{Grpc, Http2};
use crate::pairing::{Exchange, Outcome, Side};
use crate::problem::{Code, Span};
use crate::report::write::{integer, json_string, millis, shown};

pub(super) fn json(out: &mut Vec<u8>, http2: &Http2) {
    if let Some(name) = http2.error_name() {
        out.extend_from_slice(b",\"h2_error\":");
        json_string(out, &name);
    }
    if http2.refused {
        out.extend_from_slice(b",\"refused\":true");
    }
    if let Some(debug) = &http2.goaway {
        out.extend_from_slice(b",\"goaway\":");
        json_string(out, debug);
    }
    if let Some(stall) = http2.stall {
        out.extend_from_slice(match stall.reader {
            Side::Client => b",\"stall\":{\"reader\":\"client\",\"longest_ms\":" as &[u8],
            Side::Server => b",\"stall\":{\"reader\":\"server\",\"longest_ms\":",
        });
        millis(out, stall.longest);
        out.extend_from_slice(if stall.at_end {
            b",\"at_end\":true}"
        } else {
            b",\"at_end\":false}"
        });
    }
    if let Some(grpc) = &http2.grpc {
        call(out, grpc);
    }
}

fn call(out: &mut Vec<u8>, grpc: &Grpc) {
    if let Some(status) = grpc.status {
        out.extend_from_slice(b",\"grpc_status\":");
        integer(out, status);
    }
    if let Some(message) = &grpc.message {
        out.extend_from_slice(b",\"grpc_message\":");
        json_string(out, message);
    }
    if let Some(deadline) = grpc.deadline {
        out.extend_from_slice(b",\"grpc_deadline_ms\":");
        millis(out, deadline);
    }
    out.extend_from_slice(b",\"grpc_messages\":{");
    let counts = [(b"\"request\":" as &[u8], grpc.requests), (b"\"response\":", grpc.responses)];
    let known = counts.into_iter().filter_map(|(key, count)| Some((key, count?)));
    for (place, (key, count)) in known.enumerate() {
        out.extend_from_slice(if place == 0 { b"" } else { b"," });
        out.extend_from_slice(key);
        integer(out, count);
    }
    out.push(b'}');
}

pub(super) fn words(out: &mut Vec<u8>, exchange: &Exchange, http2: &Http2) {
    let code = http2.error_name().map_or(String::new(), |name| format!(" ({name})"));
    let start = out.len();
    // Writing to a Vec cannot fail.
    let _ = match exchange.outcome {
        Outcome::ClientRstStreamBeforeResponse => match (exchange.late, exchange.close) {
            (Some(late), Some(close)) => {
                let left = Span(late.mark.time.since(close.time));
                let answer = late.status.map_or("an answer".into(), |s| s.to_string());
                write!(out, "client reset the stream{code}; {answer} came {left} later")
            }
            _ => write!(out, "client reset the stream{code}; no answer came"),
        },
        Outcome::ServerRstStreamBeforeResponse => write!(out, "server reset the stream{code}"),
        Outcome::ServerClosedBeforeResponse if http2.refused => {
            write!(out, "server refused the stream (GOAWAY)")
        }
        _ => Ok(()),
    };
    if let Some(debug) = &http2.goaway {
        next(out, start, &format!("it had said GOAWAY ({debug})"));
    }
    if let Some(grpc) = &http2.grpc {
        if exchange.findings.contains(Code::GrpcDeadlineExceeded) {
            let deadline = grpc.deadline.map_or(String::new(), |d| format!(" of {}", Span(d)));
            next(out, start, &format!("deadline{deadline} ran out"));
        } else if grpc.status.is_some_and(|status| status != 0) {
            next(out, start, &grpc.said());
        }
    }
    if let Some(stall) = http2.stall {
        let reader = match stall.reader {
            Side::Client => "client",
            Side::Server => "server",
        };
        next(out, start, &format!("it waited {} for the {reader}'s window", Span(stall.longest)));
    }
}

/// Appends a clause.
fn next(out: &mut Vec<u8>, start: usize, clause: &str) {
    if out.len() > start {
        out.extend_from_slice(b"; ");
    }
    shown(out, clause, 120);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;
    use crate::pairing::detail::Stall;
    use crate::problem::samples;
    use crate::report::{Lines, Numbers, write_exchange};

    fn written(exchange: &Exchange) -> Value {
        let mut out = Vec::new();
        write_exchange(&mut out, exchange, Numbers::Withheld, None);
        serde_json::from_slice(&out).unwrap()
    }

    fn line(mut exchange: Exchange) -> String {
        samples::judge(&mut exchange);
        let mut out = Vec::new();
        Lines::default().exchange(&mut out, &exchange);
        String::from_utf8(out).unwrap()[14..].trim_end().to_owned()
    }

    #[test]
    fn a_call_has_its_fields() {
        let stall =
            Stall { reader: Side::Client, longest: Duration::from_millis(400), at_end: false };
        let grpc = Grpc {
            status: Some(14),
            message: Some("too \"late\"".into()),
            deadline: Some(Duration::from_millis(300)),
            requests: Some(1),
            responses: None,
        };
        let http2 = Http2 {
            error: Some(2),
            refused: true,
            goaway: Some("max_age".into()),
            stall: Some(stall),
            grpc: Some(grpc),
        };
        let said = written(&samples::stream(Outcome::Complete, http2));
        let want = json!({
            "protocol": "grpc", "stream": 5, "h2_error": "INTERNAL_ERROR", "refused": true,
            "goaway": "max_age", "grpc_status": 14, "grpc_message": "too \"late\"",
            "stall": {"reader": "client", "longest_ms": 400, "at_end": false},
            "grpc_deadline_ms": 300, "grpc_messages": {"request": 1},
        });
        for (key, value) in want.as_object().unwrap() {
            assert_eq!(&said[key], value, "{key}");
        }
    }

    #[test]
    fn lines_say_what_ended_a_stream() {
        let reset = |code| Http2 { error: Some(code), ..Http2::default() };
        assert_eq!(
            line(samples::stream(Outcome::ClientRstStreamBeforeResponse, reset(2))),
            "GET /items                  GAVE UP      498 ms  127.0.0.6:40656        client reset the stream (INTERNAL_ERROR); no answer came   DC or DR here  fc97008b-2afe"
        );
        assert_eq!(
            line(samples::stream(Outcome::ServerRstStreamBeforeResponse, reset(7))),
            "GET /items                  DROPPED      498 ms  127.0.0.6:40656        server reset the stream (REFUSED_STREAM)   UR here  fc97008b-2afe"
        );
        assert_eq!(
            line(samples::call(3, "no id\x1b[2J")),
            "gRPC items                  ERROR         32 ms  127.0.0.6:40656        INVALID_ARGUMENT: no id\\u{1b}[2J  fc97008b-2afe"
        );
    }
}
