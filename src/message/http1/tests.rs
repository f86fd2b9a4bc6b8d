//! A stream tells the same messages however it is cut into segments.

use super::*;
use crate::capture::Timestamp;
use crate::message::Upgrade;

/// What was heard, one line a message; bodies as the sum of their bytes.
#[derive(Default)]
struct Heard {
    asked: Asked,
    lines: Vec<String>,
    body: u64,
}

impl Listener for Heard {
    fn asked(&self) -> Asked {
        self.asked
    }

    fn begun(&mut self, _: Direction, _: Mark) {}

    fn request(&mut self, head: RequestHead<'_>, _: Mark, _: Mark, whole: bool) {
        let host = head.host.map(String::from_utf8_lossy);
        let cut = if whole { "" } else { " cut" };
        self.lines.push(format!("{} {} {host:?}{cut}", head.method, head.path));
    }

    fn request_cut(&mut self, head: Option<RequestHead<'_>>, _: Mark, _: Mark) {
        self.lines.push(format!("unfinished {:?}", head.map(|head| head.path)));
    }

    fn response(&mut self, head: ResponseHead<'_>, _: Mark, _: Mark, whole: bool) {
        let cut = if whole { "" } else { " cut" };
        self.lines.push(format!("{}{cut}", head.status));
    }

    fn body(&mut self, _: Direction, len: u64, _: Mark) {
        self.body += len;
    }

    fn end(&mut self, _: Direction, _: Mark) {
        self.lines.push(format!("end after {}", std::mem::take(&mut self.body)));
    }

    fn lost(&mut self, _: Direction, _: bool, _: Mark) {
        self.body = 0;
        self.lines.push("lost".into());
    }

    fn switched(&mut self, to: Upgrade) {
        self.lines.push(format!("switched to {to:?}"));
    }

    fn wants_tls(&mut self, alert: Option<u8>, _: Mark) {
        self.lines.push(format!("wants TLS {alert:?}"));
    }

    fn hit(&mut self, limit: Limit) {
        self.lines.push(format!("{limit:?}"));
    }
}

const MARK: Mark = Mark { number: 1, time: Timestamp::from_nanos(0) };
const LIMIT: usize = 64 << 10;

fn hear(direction: Direction, asked: Asked, pieces: &[&[u8]]) -> Vec<String> {
    let mut http = Http1::default();
    let mut heard = Heard { asked, ..Heard::default() };
    for piece in pieces {
        http.data(direction, piece, MARK, LIMIT, &mut heard);
    }
    http.fin(direction, MARK, &mut heard);
    heard.lines
}

/// Hears the stream whole, in two pieces cut at every place, and byte by byte: always the same.
fn always(direction: Direction, asked: Asked, stream: &[u8], expected: &[&str]) {
    assert_eq!(hear(direction, asked, &[stream]), expected, "whole");
    for at in 1..stream.len() {
        let (a, b) = stream.split_at(at);
        assert_eq!(hear(direction, asked, &[a, b]), expected, "cut at {at}");
    }
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(hear(direction, asked, &bytes), expected, "byte by byte");
}

#[test]
fn requests() {
    always(
        Direction::ToServer,
        Asked::Other,
        b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n\
          \r\nPOST /b HTTP/1.1\nContent-Length: 5\n\nhello\
          PUT /c HTTP/1.1\r\nHost: y\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n\
          3;x=1\r\nabc\r\n0\r\nTrailer: z\r\n\r\n\
          DELETE /d HTTP/1.0\r\nX: a\r\n  folded\r\nHost: w\r\n\r\n",
        &[
            "GET /a Some(\"x\")",
            "end after 0",
            "POST /b None",
            "end after 5",
            "PUT /c Some(\"y\")",
            "end after 3",
            "DELETE /d Some(\"w\")",
            "end after 0",
        ],
    );
}

#[test]
fn responses() {
    always(
        Direction::ToClient,
        Asked::Other,
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi\
          HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n\
          HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n\
          HTTP/1.0 200 OK\r\nX: a\r\n b\r\n\r\nuntil the end",
        &[
            "200",
            "end after 2",
            "204",
            "end after 0",
            "304",
            "end after 0",
            "200",
            "end after 2",
            "200",
            "end after 13",
        ],
    );
}

#[test]
fn responses_without_the_body_they_announce() {
    let stream = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
    always(Direction::ToClient, Asked::Head, stream, &["200", "end after 0"]);
    let stream = b"HTTP/1.1 200 OK\r\n\r\n\x16\x03\x01 tunnelled";
    always(Direction::ToClient, Asked::Connect, stream, &["200", "end after 0"]);
    let stream = b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n\x81\x02hi";
    always(Direction::ToClient, Asked::Other, stream, &["101", "end after 0"]);
}

#[test]
fn other_protocols_are_left_alone() {
    for stream in
        [&b"EHLO mail\r\nMAIL FROM\r\n"[..], b"\x16\x03\x01\x00\x05hello", b"PRI * HTTP/2.0\r\n"]
    {
        let mut http = Http1::default();
        let mut heard = Heard::default();
        http.data(Direction::ToServer, stream, MARK, LIMIT, &mut heard);
        http.data(Direction::ToServer, b"GET / HTTP/1.1\r\n\r\n", MARK, LIMIT, &mut heard);
        assert_eq!(heard.lines, [""; 0]);
        assert_ne!(http.spoken(), Some(Spoken::Http1));
    }
}

/// The lines heard when these bytes are followed by a gap and those bytes.
fn around_gap(before: &[u8], gap: u64, after: &[u8]) -> Vec<String> {
    let mut http = Http1::default();
    let mut heard = Heard::default();
    http.data(Direction::ToClient, before, MARK, LIMIT, &mut heard);
    http.gap(Direction::ToClient, gap, true, MARK, &mut heard);
    http.data(Direction::ToClient, after, MARK, LIMIT, &mut heard);
    heard.lines
}

#[test]
fn a_gap_in_a_body_of_known_length_does_no_harm() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc";
    let next = b"HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(around_gap(head, 5, b"ij"), ["200", "end after 10"]);
    assert_eq!(around_gap(head, 7, next), ["200", "end after 10", "503", "end after 0"]);
    assert_eq!(
        around_gap(head, 20, next),
        ["200", "end after 10", "lost", "503", "end after 0"],
        "more was lost than the body had left"
    );
}

#[test]
fn a_gap_elsewhere_is_said_and_the_next_message_is_found() {
    let next = b"HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n";
    let partial = b"HTTP/1.1 200 OK\r\nContent-Le";
    assert_eq!(around_gap(partial, 5, next), ["200 cut", "503", "end after 0"]);
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc";
    assert_eq!(around_gap(chunked, 5000, next), ["200", "lost", "503", "end after 0"]);
    assert_eq!(around_gap(b"", 9, b"not a head"), ["lost"]);
}

#[test]
fn a_head_that_is_too_long_is_given_up() {
    let mut http = Http1::default();
    let mut heard = Heard::default();
    http.data(Direction::ToServer, b"GET / HTTP/1.1\r\nX: ", MARK, LIMIT, &mut heard);
    for _ in 0..LIMIT {
        http.data(Direction::ToServer, b"yy", MARK, LIMIT, &mut heard);
    }
    assert_eq!(heard.lines, ["Head", "lost"]);
    assert!(http.kept() <= 2 * LIMIT);
}
