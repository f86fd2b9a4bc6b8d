use std::net::SocketAddr;

use super::{Exchange, Outcome, Protocol, Request, Response};
use crate::capture::{Mark, Timestamp};
use crate::message::words::method;

/// An exchange of HTTP/1 of which there is nothing to say but that it was answered: nearly all of a
/// busy server's. As JSON it is an array, half as long as the [`Exchange`], of:
///
/// connection, client, server, method, path, host, request id, whether it is a probe, bytes of the
/// request's body, status, bytes of the response's body, and four packets: those with the request's
/// first byte, with its last, with the response's first, with its last. They are one array, of each its
/// number in the capture and nanoseconds since 1970, but for the first one by how much they are more than
/// those of the one before.
///
/// In this order most of it stays as it is from one exchange to the next of the same connection, which
/// makes it short when it is compressed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Plain<S>(
    u64,
    SocketAddr,
    SocketAddr,
    Option<S>,
    Option<S>,
    Option<S>,
    Option<S>,
    bool,
    u64,
    u16,
    u64,
    Packets,
);

/// Four packets, each but the first by how much it is later.
type Packets = [i64; 8];

fn packets(marks: [Mark; 4]) -> Packets {
    let mut before = [0; 2];
    let [a, b, c, d] = marks.map(|mark| {
        let now = [mark.number.cast_signed(), mark.time.nanos()];
        let more = [now[0].wrapping_sub(before[0]), now[1].wrapping_sub(before[1])];
        before = now;
        more
    });
    [a[0], a[1], b[0], b[1], c[0], c[1], d[0], d[1]]
}

fn marks(packets: Packets) -> [Mark; 4] {
    let [mut number, mut nanos] = [0_i64; 2];
    [0, 2, 4, 6].map(|at| {
        number = number.wrapping_add(packets[at]);
        nanos = nanos.wrapping_add(packets[at + 1]);
        Mark { number: number.cast_unsigned(), time: Timestamp::from_nanos(nanos) }
    })
}

impl<'a> Plain<&'a str> {
    /// The exchange, if it is one of these.
    pub fn of(exchange: &'a Exchange) -> Option<Self> {
        let Exchange { connection, client, server, request, .. } = exchange;
        let response = exchange.response.as_ref()?;
        let plain = exchange.protocol == Protocol::Http1
            && exchange.outcome == Outcome::Complete
            && exchange.findings.is_empty()
            && (exchange.stream.is_none() && exchange.detail.is_none())
            && (exchange.by.is_none() && exchange.close.is_none() && exchange.late.is_none())
            && (request.upgrade.is_none() && request.attempts == 0)
            && response.proxy.is_none();
        let (first, last) = (request.first.filter(|_| plain)?, request.last?);
        Some(Self(
            *connection,
            *client,
            *server,
            request.method.as_deref(),
            request.path.as_deref(),
            request.host.as_deref(),
            request.request_id.as_deref(),
            request.probe,
            request.body,
            response.status,
            response.body,
            packets([first, last, response.first, response.last]),
        ))
    }
}

impl Plain<Box<str>> {
    /// The exchange that it was made of, on this interface.
    pub fn exchange(self, interface: u32) -> Exchange {
        let Self(connection, client, server, named, path, host, request_id, probe, ..) = self;
        let Self(.., request_body, status, body, packets) = self;
        let [first, last, begun, ended] = marks(packets);
        Exchange {
            connection,
            interface,
            protocol: Protocol::Http1,
            stream: None,
            client,
            server,
            request: Request {
                method: named.as_deref().map(method),
                path,
                host,
                request_id,
                probe,
                first: Some(first),
                last: Some(last),
                body: request_body,
                ..Request::default()
            },
            response: Some(Response { status, first: begun, last: ended, body, proxy: None }),
            outcome: Outcome::Complete,
            by: None,
            close: None,
            late: None,
            detail: None,
            findings: Default::default(),
        }
    }
}
