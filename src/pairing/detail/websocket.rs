use crate::capture::Mark;

/// What was said on a WebSocket after its upgrade (RFC 6455).
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct WebSocket {
    /// What the client sent.
    pub client: WebSocketSide,
    /// What the server sent.
    pub server: WebSocketSide,
}

/// One side of a WebSocket.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct WebSocketSide {
    /// Whole messages, a fragmented one once.
    pub messages: u64,
    /// Their bytes, without framing.
    pub bytes: u64,
    /// Its Close frame.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub close: Option<Close>,
    /// Its last Ping.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub ping: Option<Mark>,
    /// Its last Pong.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub pong: Option<Mark>,
    /// Its last frame of any kind.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub last: Option<Mark>,
}

/// A Close frame (RFC 6455 section 5.5.1).
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Close {
    /// Its code; a Close without a body has none.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub code: Option<u16>,
    /// Its reason; empty if it gives none.
    pub reason: Box<str>,
    /// The packet.
    pub mark: Mark,
}
