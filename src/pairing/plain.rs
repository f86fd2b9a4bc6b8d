use std::net::SocketAddr;

use super::{Exchange, Outcome, Protocol, Request, Response};
use crate::capture::{Mark, Timestamp};
use crate::message::words::method;

/// An exchange of HTTP/1 of which there is nothing to say but that it was answered: nearly all of a
/// busy server's. As JSON it is an array, half as long as the [`Exchange`], of:
///
/// connection, client, server, method, path, host, request id, whether it is a probe, the packet
/// with the request's first byte, with its last, bytes of its body, status, the packet with the
/// response's first byte, with its last, bytes of its body.
///
/// The first packet is `[NUMBER, TIME]`, the others say by how much they are later.
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
    Mark,
    Later,
    u64,
    u16,
    Later,
    Later,
    u64,
);

/// By how much a packet is later: its number, and nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Later(i64, i64);

impl Later {
    fn than(first: Mark, mark: Mark) -> Self {
        let nanos = mark.time.nanos().wrapping_sub(first.time.nanos());
        Self(mark.number.wrapping_sub(first.number).cast_signed(), nanos)
    }

    fn after(self, first: Mark) -> Mark {
        Mark {
            number: first.number.wrapping_add_signed(self.0),
            time: Timestamp::from_nanos(first.time.nanos().wrapping_add(self.1)),
        }
    }
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
        let first = request.first.filter(|_| plain)?;
        Some(Self(
            *connection,
            *client,
            *server,
            request.method.as_deref(),
            request.path.as_deref(),
            request.host.as_deref(),
            request.request_id.as_deref(),
            request.probe,
            first,
            Later::than(first, request.last?),
            request.body,
            response.status,
            Later::than(first, response.first),
            Later::than(first, response.last),
            response.body,
        ))
    }
}

impl Plain<Box<str>> {
    /// The exchange that it was made of, on this interface.
    pub fn exchange(self, interface: u32) -> Exchange {
        let Self(connection, client, server, named, path, host, request_id, probe, ..) = self;
        let Self(.., first, request_last, request_body, status, begun, ended, body) = self;
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
                last: Some(request_last.after(first)),
                body: request_body,
                ..Request::default()
            },
            response: Some(Response {
                status,
                first: begun.after(first),
                last: ended.after(first),
                body,
                proxy: None,
            }),
            outcome: Outcome::Complete,
            by: None,
            close: None,
            late: None,
            detail: None,
            findings: Default::default(),
        }
    }
}
