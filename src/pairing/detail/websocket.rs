use crate::capture::Mark;
use crate::pairing::Side;

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
    /// Bytes of messages, without framing; as sent, where they are compressed.
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
    /// Its last packet before its Close, whatever was in it.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub last: Option<Mark>,
    /// A part of what it said was not captured, or could not be read: the figures are at least
    /// these.
    pub unread: bool,
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

impl WebSocket {
    /// What this side sent.
    pub fn side(&self, side: Side) -> &WebSocketSide {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    pub(crate) fn side_mut(&mut self, side: Side) -> &mut WebSocketSide {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    /// The Close frame that came first, of which side.
    pub fn first_close(&self) -> Option<(Side, &Close)> {
        let closes = [(Side::Client, &self.client), (Side::Server, &self.server)];
        closes
            .into_iter()
            .filter_map(|(side, said)| Some((side, said.close.as_ref()?)))
            .min_by_key(|(_, close)| (close.mark.time, close.mark.number))
    }

    /// The last packet of either side before its Close.
    pub fn last(&self) -> Option<Mark> {
        latest(self.client.last, self.server.last)
    }

    /// The last Ping of either side.
    pub fn ping(&self) -> Option<Mark> {
        latest(self.client.ping, self.server.ping)
    }

    /// The last Pong of either side.
    pub fn pong(&self) -> Option<Mark> {
        latest(self.client.pong, self.server.pong)
    }
}

pub(crate) fn latest(a: Option<Mark>, b: Option<Mark>) -> Option<Mark> {
    [a, b].into_iter().flatten().max_by_key(|mark| (mark.time, mark.number))
}

impl Close {
    /// Whether it says that something went wrong: any code but 1000 (normal), 1001 (going away) and
    /// none at all, which is 1005 to its receiver.
    pub fn is_error(&self) -> bool {
        !matches!(self.code, None | Some(1000 | 1001 | 1005))
    }

    /// What its code is called in the IANA registry of WebSocket close codes, if it is there.
    pub fn name(&self) -> Option<&'static str> {
        Some(match self.code? {
            1000 => "Normal Closure",
            1001 => "Going Away",
            1002 => "Protocol error",
            1003 => "Unsupported Data",
            1005 => "No Status Rcvd",
            1006 => "Abnormal Closure",
            1007 => "Invalid frame payload data",
            1008 => "Policy Violation",
            1009 => "Message Too Big",
            1010 => "Mandatory Ext.",
            1011 => "Internal Error",
            1012 => "Service Restart",
            1013 => "Try Again Later",
            1014 => "Bad Gateway",
            1015 => "TLS handshake",
            3000 => "Unauthorized",
            3003 => "Forbidden",
            3008 => "Timeout",
            _ => return None,
        })
    }
}
