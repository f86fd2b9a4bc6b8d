//! What an exchange has beyond a request and a response, by protocol.

mod connect;
mod http2;
mod tls;
mod websocket;

pub use connect::Connect;
pub use http2::{Grpc, Http2, Stall, grpc_status_name};
pub use tls::{Alert, Shape, Tls};
pub(crate) use websocket::latest;
pub use websocket::{Close, WebSocket, WebSocketSide};

/// What only some protocols have.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Detail {
    /// Of a connect that failed.
    Connect(Connect),
    /// Of a stream of HTTP/2, also with gRPC on it.
    Http2(Http2),
    /// Of a WebSocket.
    WebSocket(WebSocket),
    /// Of a TLS handshake.
    Tls(Tls),
}
