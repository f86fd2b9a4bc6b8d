//! Exchanges made by hand, for the tests of this stage and the next.

use crate::capture::{Mark, Timestamp};
use crate::pairing::detail::{Close, Grpc, Http2, WebSocket};
use crate::pairing::{
    Detail, Exchange, Late, Outcome, Protocol, ProxyAnswer, Request, Response, Side,
};

/// The moment `millis` after the request's end, in every sample.
pub(crate) fn at_ms(millis: i64) -> Timestamp {
    Timestamp::from_nanos(1_700_000_000_000_000_000 + millis * 1_000_000)
}

fn mark(number: u64, millis: i64) -> Mark {
    Mark { number, time: at_ms(millis) }
}

/// `GET /items` that ended so: who left did it after 498 ms, an answer came after 743 ms.
pub(crate) fn exchange(outcome: Outcome) -> Exchange {
    let connect = matches!(outcome, Outcome::Refused | Outcome::ConnectTimeout);
    let request = Request {
        method: (!connect).then(|| "GET".into()),
        path: (!connect).then(|| "/items".into()),
        host: (!connect).then(|| "catalog".into()),
        request_id: (!connect).then(|| "fc97008b-2afe".into()),
        first: Some(mark(11, -1)),
        last: Some(mark(12, 0)),
        attempts: u32::from(connect),
        ..Request::default()
    };
    let (by, close) = match outcome {
        Outcome::Complete | Outcome::InProgress | Outcome::Unknown | Outcome::ConnectTimeout => {
            (None, None)
        }
        Outcome::HalfCloseOk => (None, Some(mark(20, 498))),
        Outcome::ServerClosedBeforeResponse
        | Outcome::ServerRstStreamBeforeResponse
        | Outcome::TruncatedResponse
        | Outcome::Refused => (Some(Side::Server), Some(mark(20, 498))),
        _ => (Some(Side::Client), Some(mark(20, 498))),
    };
    let answered =
        matches!(outcome, Outcome::Complete | Outcome::HalfCloseOk | Outcome::TruncatedResponse);
    Exchange {
        connection: 3,
        interface: 0,
        protocol: if connect { Protocol::Tcp } else { Protocol::Http1 },
        stream: None,
        client: "127.0.0.6:40656".parse().unwrap(),
        server: "10.77.0.12:9080".parse().unwrap(),
        request,
        response: answered.then(|| Response {
            status: 200,
            first: mark(14, 30),
            last: mark(15, 32),
            body: 12,
            proxy: None,
        }),
        outcome,
        by,
        close,
        late: (outcome == Outcome::ClientFinBeforeResponse).then(|| Late {
            status: Some(200),
            by_proxy: false,
            mark: mark(33, 743),
        }),
        detail: None,
        findings: Default::default(),
    }
}

/// `GET /items` that was answered with `status` after `millis`.
pub(crate) fn answered(status: u16, millis: i64, proxy: Option<ProxyAnswer>) -> Exchange {
    let mut exchange = exchange(Outcome::Complete);
    exchange.response =
        Some(Response { status, first: mark(14, millis), last: mark(15, millis), body: 12, proxy });
    exchange
}

/// The WebSocket `/live` that the server ended after 75 s: by a Close with this code, or none. The last
/// frame was 60 s before, the last ping 70 s.
pub(crate) fn websocket(outcome: Outcome, code: Option<u16>) -> Exchange {
    let mut exchange = answered(101, 2, None);
    let end = mark(40, 75_000);
    (exchange.protocol, exchange.outcome) = (Protocol::Ws, outcome);
    (exchange.by, exchange.close) = (Some(Side::Server), Some(end));
    exchange.request.path = Some("/live".into());
    let mut websocket = WebSocket::default();
    websocket.client.last = Some(mark(30, 15_000));
    websocket.client.messages = 3;
    websocket.server.ping = Some(mark(28, 5000));
    if outcome == Outcome::WsClosed {
        let reason = code.map_or("", |_| "Internal Error").into();
        websocket.server.close = Some(Close { code, reason, mark: end });
    }
    exchange.detail = Some(Box::new(Detail::WebSocket(websocket)));
    exchange
}

/// The client of the WebSocket answers the server's Close.
pub(crate) fn client_closes(exchange: &mut Exchange, code: u16) {
    if let Some(Detail::WebSocket(websocket)) = exchange.detail.as_deref_mut() {
        let mark = mark(41, 75_001);
        websocket.client.close = Some(Close { code: Some(code), reason: "".into(), mark });
    }
}

/// The sample of this outcome with its findings, at the end of a capture of a minute.
pub(crate) fn judged(outcome: Outcome) -> Exchange {
    let mut exchange = exchange(outcome);
    judge(&mut exchange);
    exchange
}

/// The sample of this outcome on a stream of HTTP/2.
pub(crate) fn stream(outcome: Outcome, http2: Http2) -> Exchange {
    let mut exchange = exchange(outcome);
    exchange.protocol = if http2.grpc.is_some() { Protocol::Grpc } else { Protocol::H2 };
    exchange.stream = Some(5);
    exchange.detail = Some(Box::new(Detail::Http2(http2)));
    exchange
}

/// A call of gRPC that was answered with this status.
pub(crate) fn call(status: u32, message: &str) -> Exchange {
    let message = Some(message.into());
    let grpc = Grpc { status: Some(status), message, ..Grpc::default() };
    stream(Outcome::Complete, Http2 { grpc: Some(grpc), ..Http2::default() })
}

/// Sets the findings, at the end of a capture of a minute.
pub(crate) fn judge(exchange: &mut Exchange) {
    let slow = std::time::Duration::from_secs(1);
    super::detect(exchange, &super::Context { slow, now: at_ms(60_000) });
}
