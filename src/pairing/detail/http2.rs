use std::time::Duration;

use crate::pairing::Side;

/// What a stream of HTTP/2 has beyond an exchange of HTTP/1 (RFC 9113).
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Http2 {
    /// The error code of the RST_STREAM or GOAWAY that ended it.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub error: Option<u32>,
    /// It was ended by a GOAWAY whose last stream id lies below it: refused, not processed.
    pub refused: bool,
    /// The debug data of the GOAWAY on its connection, such as `max_age`.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub goaway: Option<Box<str>>,
    /// It stood still because a window of flow control was full.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub stall: Option<Stall>,
    /// What gRPC says of it.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub grpc: Option<Grpc>,
}

impl Http2 {
    /// Whether it says nothing.
    pub(crate) fn is_empty(&self) -> bool {
        let Self { error, refused, goaway, stall, grpc } = self;
        error.is_none() && !refused && goaway.is_none() && stall.is_none() && grpc.is_none()
    }
}

/// A sender waits for the window that the other side has not opened (RFC 9113 section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Stall {
    /// Who does not open its window: the one that should read.
    pub reader: Side,
    /// How long the longest one was.
    pub longest: Duration,
    /// Whether it stood still when the exchange ended.
    pub at_end: bool,
}

/// A gRPC call on a stream of HTTP/2.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Grpc {
    /// `grpc-status`, of the trailers or of a head without a body.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub status: Option<u32>,
    /// `grpc-message`, percent-decoded.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub message: Option<Box<str>>,
    /// `grpc-timeout`: what the client gave the call.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub deadline: Option<Duration>,
    /// Whole messages from the client; absent if some were not captured.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub requests: Option<u64>,
    /// Whole messages from the server; absent if some were not captured.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub responses: Option<u64>,
}
