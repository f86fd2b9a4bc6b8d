use std::net::SocketAddr;

use meshsniff::Counts;
use meshsniff::capture::{Mark, Timestamp};
use meshsniff::message::Certificate;
use meshsniff::pairing::detail::{
    Alert, Close, Grpc, Http2, Shape, Stall, Tls, WebSocket, WebSocketSide,
};
use meshsniff::pairing::{
    Detail, Exchange, Late, Outcome, Protocol, ProxyAnswer, Request, Response, Side,
};
use meshsniff::problem::{Context, Findings, detect};
use meshsniff::report::{
    Document, Ended, LeftOut, Lines, Numbers, Palette, Summary, comment, write_exchange,
};
use serde_json::Value;

use super::cursor::Cursor;

/// Whatever the words of the network are, JSON stays JSON and text stays on its line.
pub fn report(input: &[u8]) {
    let mut cursor = Cursor::new(input);
    let numbers = cursor.one(&[Numbers::Told, Numbers::Withheld]);
    let counts = counts(&mut cursor);
    let left_out = LeftOut {
        mesh: cursor.u8().into(),
        probes: cursor.u8().into(),
        filtered: cursor.u8().into(),
    };
    let dropped = cursor.maybe(Cursor::u64);
    // A name that the user has given; not the network's.
    let written = cursor.maybe(|_| "evidence.pcapng");
    let ended = Ended { counts: &counts, dropped, left_out, written, origins: None };

    let mut document = Document::new();
    let mut summary = Summary::new();
    let (mut whole, mut out) = (Vec::new(), Vec::new());
    let mut count = 0;
    while !cursor.is_empty() && count < 500 {
        let exchange = exchange(&mut cursor);
        count += 1;
        summary.add(&exchange);
        document.exchange(&mut whole, &exchange, numbers, None);

        out.clear();
        write_exchange(&mut out, &exchange, numbers, None);
        let value = json(&out);
        assert!(value.is_object());
        assert_eq!(value["path"].as_str(), exchange.request.path.as_deref());
        assert_eq!(value["outcome"], exchange.outcome.name());
        line(&out);

        for question in [false, true] {
            out.clear();
            match question {
                false => Lines::new(Palette::Plain).exchange(&mut out, &exchange),
                true => Lines::new(Palette::Plain).question(&mut out, &exchange),
            }
            line(out.strip_suffix(b"\n").expect("a line ends"));
        }
        for role in [
            comment::Role::Request,
            comment::Role::Close,
            comment::Role::Answer,
            comment::Role::Verdict,
        ] {
            let comment = comment::text(&exchange, role, Some(7));
            assert_eq!(comment.is_some(), !exchange.findings.is_empty());
            line(comment.unwrap_or_default().as_bytes());
        }
    }
    document.finish(&mut whole, &summary, &ended);
    let value = json(&whole);
    assert_eq!(value["schema"], Document::SCHEMA);
    assert_eq!(value["exchanges"].as_array().map(Vec::len), Some(count));
    assert_eq!(summary.exchanges(), count as u64);

    out.clear();
    summary.write_text(&mut out, &ended, Palette::Plain);
    text(&out);
}

fn json(bytes: &[u8]) -> Value {
    match serde_json::from_slice(bytes) {
        Ok(value) => value,
        Err(error) => panic!("{error}: {}", String::from_utf8_lossy(bytes)),
    }
}

/// One line that a terminal only prints.
fn line(bytes: &[u8]) {
    assert!(!bytes.contains(&b'\n'), "{}", String::from_utf8_lossy(bytes));
    text(bytes);
}

/// Text that a terminal only prints.
fn text(bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).expect("UTF-8");
    let odd = text.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(odd, None, "a control character in {text:?}");
}

fn counts(cursor: &mut Cursor<'_>) -> Counts {
    let mut counts = Counts {
        first: cursor.maybe(mark),
        last: cursor.maybe(mark),
        packets: cursor.u32().into(),
        connections: cursor.u32().into(),
        midstream: cursor.u8().into(),
        silent: cursor.u8().into(),
        opaque: cursor.u8().into(),
        tls: cursor.u8().into(),
        hbone: cursor.u8().into(),
        http2: cursor.u8().into(),
        retransmissions: cursor.u8().into(),
        gaps: cursor.u8().into(),
        missed_bytes: cursor.u32().into(),
        orphan_responses: cursor.u8().into(),
        ..Counts::default()
    };
    for count in counts.skipped.iter_mut().chain(&mut counts.limits) {
        *count = cursor.u8().into();
    }
    counts
}

/// Any exchange that the types allow, also some that no packets make, with what the detectors say.
fn exchange(cursor: &mut Cursor<'_>) -> Exchange {
    let addresses: [SocketAddr; 3] = [
        "127.0.0.6:40656".parse().expect("an address"),
        "10.77.0.12:9080".parse().expect("an address"),
        "[fd00::77:12]:9080".parse().expect("an address"),
    ];
    let mut exchange = Exchange {
        connection: cursor.u8().into(),
        interface: 0,
        protocol: cursor.one(&[
            Protocol::Http1,
            Protocol::H2,
            Protocol::Grpc,
            Protocol::Ws,
            Protocol::Tls,
            Protocol::Tcp,
        ]),
        stream: cursor.maybe(Cursor::u32),
        client: cursor.one(&addresses),
        server: cursor.one(&addresses),
        request: Request {
            method: cursor.maybe(|cursor| cursor.text().into_string().into()),
            path: cursor.maybe(Cursor::text),
            host: cursor.maybe(Cursor::text),
            request_id: cursor.maybe(Cursor::text),
            upgrade: None,
            probe: cursor.u8() & 1 != 0,
            first: cursor.maybe(mark),
            last: cursor.maybe(mark),
            body: cursor.u64(),
            attempts: cursor.u8().into(),
        },
        response: cursor.maybe(|cursor| Response {
            status: cursor.u16(),
            first: mark(cursor),
            last: mark(cursor),
            body: cursor.u64(),
            proxy: cursor.maybe(|cursor| match cursor.u8() & 1 {
                0 if cursor.u8() & 1 != 0 => ProxyAnswer::EnvoyPerhaps,
                0 => ProxyAnswer::Envoy,
                _ => ProxyAnswer::Linkerd(cursor.text()),
            }),
        }),
        outcome: cursor.one(&Outcome::ALL),
        by: cursor.one(&[None, Some(Side::Client), Some(Side::Server)]),
        close: cursor.maybe(mark),
        late: cursor.maybe(|cursor| Late {
            status: cursor.maybe(Cursor::u16),
            by_proxy: false,
            mark: mark(cursor),
        }),
        detail: cursor.maybe(|cursor| {
            Box::new(match cursor.u8() % 3 {
                0 => Detail::Tls(tls(cursor)),
                1 => Detail::Http2(http2(cursor)),
                _ => Detail::WebSocket(websocket(cursor)),
            })
        }),
        findings: Findings::default(),
    };
    // A connect that failed has asked nothing.
    if matches!(exchange.outcome, Outcome::Refused | Outcome::ConnectTimeout) {
        (exchange.request.method, exchange.request.path) = (None, None);
    }
    let now = mark(cursor).time;
    detect(&mut exchange, &Context { slow: cursor.span(), now });
    exchange
}

fn http2(cursor: &mut Cursor<'_>) -> Http2 {
    Http2 {
        error: cursor.maybe(Cursor::u32),
        refused: cursor.u8() & 1 != 0,
        goaway: cursor.maybe(Cursor::text),
        stall: cursor.maybe(|cursor| Stall {
            reader: cursor.one(&[Side::Client, Side::Server]),
            longest: cursor.span(),
            at_end: cursor.u8() & 1 != 0,
        }),
        grpc: cursor.maybe(|cursor| Grpc {
            status: cursor.maybe(|cursor| u32::from(cursor.u8())),
            message: cursor.maybe(Cursor::text),
            deadline: cursor.maybe(Cursor::span),
            requests: cursor.maybe(Cursor::u64),
            responses: cursor.maybe(Cursor::u64),
        }),
    }
}

/// What was said on a WebSocket.
fn websocket(cursor: &mut Cursor<'_>) -> WebSocket {
    let mut side = || WebSocketSide {
        messages: cursor.u64(),
        bytes: cursor.u64(),
        close: cursor.maybe(|cursor| Close {
            code: cursor.maybe(Cursor::u16),
            reason: cursor.text(),
            mark: mark(cursor),
        }),
        ping: cursor.maybe(mark),
        pong: cursor.maybe(mark),
        last: cursor.maybe(mark),
        unread: cursor.u8() & 1 != 0,
    };
    WebSocket { client: side(), server: side() }
}

fn tls(cursor: &mut Cursor<'_>) -> Tls {
    let sides = [None, Some(Side::Client), Some(Side::Server)];
    Tls {
        sni: cursor.maybe(Cursor::text),
        offered: (0..cursor.u8() & 3).map(|_| cursor.text()).collect(),
        alpn: cursor.maybe(Cursor::text),
        version: cursor.maybe(Cursor::u16),
        highest: cursor.maybe(Cursor::u16),
        cipher: cursor.maybe(Cursor::u16),
        certificate: cursor.maybe(|cursor| Certificate {
            subject: cursor.text(),
            issuer: cursor.text(),
            not_before: cursor.u64() as i64,
            not_after: cursor.u64() as i64,
        }),
        client_certificate_asked: cursor.u8() & 1 != 0,
        client_certificate_empty: cursor.u8() & 1 != 0,
        alert: cursor.maybe(|cursor| Alert {
            by: cursor.one(&[Side::Client, Side::Server]),
            description: cursor.maybe(Cursor::u8),
            mark: mark(cursor),
        }),
        shape: cursor.one(&[None, Some(Shape::NoCertificate), Some(Shape::Certificate)]),
        plaintext: cursor.one(&sides),
        done: cursor.maybe(mark),
        answered: cursor.maybe(mark),
    }
}

/// Mostly within minutes of each other, sometimes at the ends of time.
fn mark(cursor: &mut Cursor<'_>) -> Mark {
    let start = Timestamp::from_nanos(1_700_000_000_000_000_000);
    let time = match cursor.u8() {
        0 => Timestamp::from_nanos(cursor.u64() as i64),
        _ => start.after(cursor.span()),
    };
    Mark { number: cursor.u32().into(), time }
}
