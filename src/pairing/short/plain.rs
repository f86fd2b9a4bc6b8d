use std::net::SocketAddr;

use super::packets::{Packets, marks, packets};
use crate::capture::Mark;
use crate::message::words::method;
use crate::pairing::{Exchange, Outcome, Protocol, Request, Response};

/// An exchange of HTTP/1 of which there is nothing to say but that it was answered. As JSON it is an
/// array, half as long as the [`Exchange`], of:
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
            packets([first, last, response.first, response.last], Mark::default()),
        ))
    }
}

impl Plain<Box<str>> {
    /// The exchange that it was made of, on this interface.
    pub fn exchange(self, interface: u32) -> Exchange {
        let Self(connection, client, server, named, path, host, request_id, probe, ..) = self;
        let Self(.., request_body, status, body, packets) = self;
        let [first, last, begun, ended] = marks(packets, Mark::default());
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
