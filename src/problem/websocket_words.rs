use std::fmt::Write as _;

use super::words::Span;
use crate::capture::Mark;
use crate::pairing::detail::{Close, WebSocket};
use crate::pairing::{Exchange, Outcome, Side};

/// How a WebSocket ended, and what had been said on it; empty for anything else.
pub(crate) fn websocket_end(exchange: &Exchange) -> String {
    let Some(websocket) = exchange.websocket() else { return String::new() };
    let mut words = match (exchange.outcome, exchange.by) {
        (Outcome::WsAborted, by) => format!("{} left without a Close frame", who(by)),
        (Outcome::WsClosed, by) => closed(websocket, by),
        _ => return String::new(),
    };
    if let Some(total) = exchange.total() {
        let _ = write!(words, " after {}", Span(total));
    }
    ages(&mut words, exchange, websocket);
    words
}

fn who(side: Option<Side>) -> &'static str {
    match side {
        Some(Side::Client) => "the client",
        Some(Side::Server) => "the server",
        None => "one side",
    }
}

/// `the server closed it with 1011 (Internal Error): "reason", the client answered 1000`.
fn closed(websocket: &WebSocket, by: Option<Side>) -> String {
    let Some((first, close)) = websocket.first_close() else { return "it was closed".into() };
    let mut words = match by {
        Some(by) => format!("{} closed it with {}", who(Some(by)), code(close)),
        // The other side's Close may have been before this one and not be captured.
        None => format!("it was closed; {} said {}", who(Some(first)), code(close)),
    };
    let other = match first {
        Side::Client => Side::Server,
        Side::Server => Side::Client,
    };
    match &websocket.side(other).close {
        Some(answer) if answer.code != close.code => {
            let _ = write!(words, ", {} answered {}", who(Some(other)), code(answer));
        }
        _ => {}
    }
    words
}

/// `1011 (Internal Error) "reason"`.
fn code(close: &Close) -> String {
    let Some(code) = close.code else { return "no code".into() };
    let mut words = code.to_string();
    if let Some(name) = close.name() {
        let _ = write!(words, " ({name})");
    }
    if !close.reason.is_empty() {
        let _ = write!(words, " \"{}\"", close.reason.escape_debug());
    }
    words
}

/// How long before its end the last packet, Ping and Pong were: an idle timeout shows there.
fn ages(words: &mut String, exchange: &Exchange, websocket: &WebSocket) {
    let Some(end) = exchange.close else { return };
    let upgraded = exchange.response.as_ref().map(|response| response.last);
    let last = websocket.last().or(upgraded);
    let Some(last) = last else { return };
    let age = |mark: Mark| Span(end.time.since(mark.time));
    let _ = write!(words, "; the last frame was {} before", age(last));
    for (what, mark) in [("ping", websocket.ping()), ("pong", websocket.pong())] {
        if let Some(mark) = mark {
            let _ = write!(words, ", the last {what} {}", age(mark));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::samples;

    #[test]
    fn it_says_who_closed_with_what_and_how_long_nothing_had_been_said() {
        assert_eq!(
            websocket_end(&samples::websocket(Outcome::WsClosed, Some(1011))),
            "the server closed it with 1011 (Internal Error) \"Internal Error\" after 75 s; the last \
             frame was 60 s before, the last ping 70 s"
        );
        assert_eq!(
            websocket_end(&samples::websocket(Outcome::WsAborted, None)),
            "the server left without a Close frame after 75 s; the last frame was 60 s before, the \
             last ping 70 s"
        );
    }

    #[test]
    fn an_unknown_code_and_none_at_all() {
        let end = |code| websocket_end(&samples::websocket(Outcome::WsClosed, code));
        assert!(end(Some(4001)).starts_with("the server closed it with 4001 \"Internal Error\" "));
        assert!(end(None).starts_with("the server closed it with no code after"));
    }

    #[test]
    fn the_other_sides_answer_is_said_where_it_differs() {
        let mut exchange = samples::websocket(Outcome::WsClosed, Some(1011));
        samples::client_closes(&mut exchange, 1002);
        assert!(
            websocket_end(&exchange).contains(", the client answered 1002 (Protocol error) after")
        );
        exchange.by = None;
        assert!(websocket_end(&exchange).starts_with("it was closed; the server said 1011"));
    }
}
