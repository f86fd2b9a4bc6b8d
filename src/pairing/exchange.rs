use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Duration;

use super::Outcome;
use super::detail::{Detail, Grpc, Http2, Tls, WebSocket};
use crate::capture::Mark;
use crate::message::Upgrade;
use crate::problem::Findings;

/// One side of a connection, or of an exchange on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Side {
    /// The one that connected and asks.
    Client,
    /// The one that answers.
    Server,
}

/// What was spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Protocol {
    /// HTTP/1.0 or HTTP/1.1.
    Http1,
    /// HTTP/2.
    H2,
    /// gRPC on HTTP/2.
    Grpc,
    /// WebSocket, after its upgrade.
    Ws,
    /// A TLS handshake, and what followed it unseen.
    Tls,
    /// Nothing above TCP was seen: a connect that failed.
    Tcp,
}

/// One request and what became of it, one WebSocket, one TLS connection, or one connect that failed.
///
/// Absent (`None`) always means "not known from the packets", never zero or empty.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Exchange {
    /// Number of the connection in the capture, from 1; exchanges of one connection share it.
    pub connection: u64,
    /// The interface the connection was first seen on: index in the capture, from 0.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "is_default"))]
    pub interface: u32,
    /// What was spoken.
    pub protocol: Protocol,
    /// The number of the HTTP/2 stream.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub stream: Option<u32>,
    /// The one that asked.
    pub client: SocketAddr,
    /// The one that was asked. Behind a redirect to a proxy: the original destination, if known.
    pub server: SocketAddr,
    /// The request, or what is known of it.
    pub request: Request,
    /// The response that the client could take; absent until its head has been read.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub response: Option<Response>,
    /// How it ended.
    pub outcome: Outcome,
    /// Who ended it, where the outcome says that somebody left.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub by: Option<Side>,
    /// The packet with which that side left (FIN or RST); of a refused connect, the RST; of a
    /// WebSocket that was closed, its first Close; of a TLS handshake, its alert.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub close: Option<Mark>,
    /// The answer that came after the client had left.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub late: Option<Late>,
    /// What only its protocol has.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub detail: Option<Box<Detail>>,
    /// What the detectors say of it.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "is_default"))]
    pub findings: Findings,
}

/// The request of an exchange.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Request {
    /// The method as sent, such as `GET`.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub method: Option<Cow<'static, str>>,
    /// The request target as sent: a path, or whatever stood there.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub path: Option<Box<str>>,
    /// The Host field.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub host: Option<Box<str>>,
    /// The x-request-id field, by which proxies' access logs name the same request.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub request_id: Option<Box<str>>,
    /// The protocol it asked to change to.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub upgrade: Option<Upgrade>,
    /// Sent by kubelet to see whether the container lives (`User-Agent: kube-probe/...`).
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "is_default"))]
    pub probe: bool,
    /// The packet with its first byte; of a failed connect, the first SYN.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub first: Option<Mark>,
    /// The packet with its last byte seen; of a failed connect, the last SYN.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub last: Option<Mark>,
    /// Bytes of its body, without framing.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "is_default"))]
    pub body: u64,
    /// Of a failed connect: how many SYN were sent; otherwise 0.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "is_default"))]
    pub attempts: u32,
}

/// The response of an exchange.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Response {
    /// The status code of the final response (not of 1xx before it).
    pub status: u16,
    /// The packet with its first byte (of the final response).
    pub first: Mark,
    /// The packet with its last byte so far.
    pub last: Mark,
    /// Bytes of its body, without framing.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "is_default"))]
    pub body: u64,
    /// It was made by a proxy of the mesh, not by the application, or may have been: how that shows.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub proxy: Option<ProxyAnswer>,
}

/// By which sign a response is the proxy's own.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum ProxyAnswer {
    /// `server: envoy` or `istio-envoy` without `x-envoy-upstream-service-time`.
    Envoy,
    /// The same in answer to an upgrade, for which Envoy never says whether it asked: its own
    /// answer or the server's.
    EnvoyPerhaps,
    /// Linkerd's `l5d-proxy-error`, with its text.
    Linkerd(Box<str>),
}

/// The answer that came after the client had left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Late {
    /// Its status, if its head was read.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub status: Option<u16>,
    /// It was made by a proxy of the mesh, or may have been.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "is_default"))]
    pub by_proxy: bool,
    /// The packet with its first byte.
    pub mark: Mark,
}

/// Whether a field says nothing, and is left out of JSON.
#[cfg(feature = "serde")]
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Exchange {
    /// From the request's last byte to the packet with which somebody left. Of a WebSocket that is its
    /// [`total`](Self::total).
    pub fn gap(&self) -> Option<Duration> {
        if matches!(self.outcome, Outcome::WsClosed | Outcome::WsAborted) {
            return None;
        }
        Some(self.close?.time.since(self.request.last?.time))
    }

    /// From the request's first byte to its last.
    pub fn request_time(&self) -> Option<Duration> {
        Some(self.request.last?.time.since(self.request.first?.time))
    }

    /// From the request's last byte to the first byte of the response that the client could take.
    #[inline]
    pub fn ttfb(&self) -> Option<Duration> {
        Some(self.response.as_ref()?.first.time.since(self.request.last?.time))
    }

    /// From the request's last byte to the response's last, if the response is whole; of a WebSocket
    /// to its end, the first Close or else the first FIN or RST; of a TLS handshake that succeeded,
    /// to the proof of it.
    #[inline]
    pub fn total(&self) -> Option<Duration> {
        match self.outcome {
            Outcome::Complete | Outcome::HalfCloseOk => {
                Some(self.response.as_ref()?.last.time.since(self.request.last?.time))
            }
            Outcome::WsClosed | Outcome::WsAborted => {
                Some(self.close?.time.since(self.request.last?.time))
            }
            Outcome::TlsOk => Some(self.tls()?.done?.time.since(self.request.last?.time)),
            _ => None,
        }
    }

    /// The code of the Close that a WebSocket was closed with: the first one that names an error,
    /// or else the first.
    pub fn close_code(&self) -> Option<u16> {
        let websocket = self.websocket()?;
        let closes = [&websocket.client, &websocket.server].map(|side| side.close.as_ref());
        let (_, first) = websocket.first_close()?;
        let error = closes.into_iter().flatten().find(|close| close.is_error());
        if first.is_error() { first.code } else { error.unwrap_or(first).code }
    }

    /// From the request's last byte to the end of the WebSocket that came of it.
    pub fn lifetime(&self) -> Option<Duration> {
        matches!(self.protocol, Protocol::Ws).then(|| self.total())?
    }

    /// From the request's last byte to the answer that came after the client had left.
    pub fn late(&self) -> Option<Duration> {
        Some(self.late?.mark.time.since(self.request.last?.time))
    }

    /// What only HTTP/2 and gRPC have.
    pub fn http2(&self) -> Option<&Http2> {
        match self.detail.as_deref() {
            Some(Detail::Http2(http2)) => Some(http2),
            _ => None,
        }
    }

    /// What only gRPC has.
    pub fn grpc(&self) -> Option<&Grpc> {
        self.http2()?.grpc.as_ref()
    }

    /// What only a WebSocket has.
    pub fn websocket(&self) -> Option<&WebSocket> {
        match self.detail.as_deref() {
            Some(Detail::WebSocket(websocket)) => Some(websocket),
            _ => None,
        }
    }

    /// What only TLS has.
    pub fn tls(&self) -> Option<&Tls> {
        match self.detail.as_deref() {
            Some(Detail::Tls(tls)) => Some(tls),
            _ => None,
        }
    }
}
