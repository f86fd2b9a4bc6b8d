use std::borrow::Cow;
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

impl Grpc {
    /// The status by its name; `None` if it is not known, or has none.
    pub fn status_name(&self) -> Option<&'static str> {
        grpc_status_name(self.status?)
    }

    /// The status and its message, safe to show: `NOT_FOUND: no such item`.
    pub(crate) fn said(&self) -> String {
        let status = match (self.status_name(), self.status) {
            (Some(name), _) => name.to_owned(),
            (None, Some(status)) => format!("status {status}"),
            (None, None) => "no status".to_owned(),
        };
        match self.message.as_deref() {
            None | Some("") => status,
            Some(message) => {
                let short: String = message.chars().take(200).collect();
                format!("{status}: {}", short.escape_debug())
            }
        }
    }
}

impl Http2 {
    /// The error code by its name (RFC 9113 section 7), such as `INTERNAL_ERROR`; one without a name
    /// as a number.
    pub fn error_name(&self) -> Option<Cow<'static, str>> {
        const NAMES: [&str; 14] = [
            "NO_ERROR",
            "PROTOCOL_ERROR",
            "INTERNAL_ERROR",
            "FLOW_CONTROL_ERROR",
            "SETTINGS_TIMEOUT",
            "STREAM_CLOSED",
            "FRAME_SIZE_ERROR",
            "REFUSED_STREAM",
            "CANCEL",
            "COMPRESSION_ERROR",
            "CONNECT_ERROR",
            "ENHANCE_YOUR_CALM",
            "INADEQUATE_SECURITY",
            "HTTP_1_1_REQUIRED",
        ];
        let code = self.error?;
        let name = NAMES.get(code as usize).map(|name| Cow::Borrowed(*name));
        Some(name.unwrap_or_else(|| format!("0x{code:x}").into()))
    }

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

/// A status of gRPC as its documentation spells it, such as `NOT_FOUND`.
pub fn grpc_status_name(status: u32) -> Option<&'static str> {
    const NAMES: [&str; 17] = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];
    NAMES.get(status as usize).copied()
}
