use crate::capture::Mark;

/// Which way bytes go. Never a bool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

impl Direction {
    /// The other way.
    pub fn reverse(self) -> Self {
        match self {
            Self::ToServer => Self::ToClient,
            Self::ToClient => Self::ToServer,
        }
    }
}

/// What happened on a connection, at its place in the stream: a FIN comes after the bytes before
/// it, and what a segment acknowledges has come before the segment.
#[derive(Clone, Copy, Debug)]
pub enum FlowEvent<'a> {
    /// Bytes, each once and in order.
    Data {
        /// Who sent them.
        direction: Direction,
        /// The bytes, as far as they were captured.
        bytes: &'a [u8],
        /// How many more followed in the same segment that the snap length cut off.
        cut: u32,
        /// The packet they came in.
        mark: Mark,
    },
    /// Bytes that were not captured.
    Gap {
        /// Who sent them.
        direction: Direction,
        /// How many.
        len: u32,
        /// Whether an acknowledgment proves that the other side has received them.
        acked: bool,
        /// The packet that made it certain.
        mark: Mark,
    },
    /// One side has closed its half.
    Fin {
        /// Who.
        direction: Direction,
        /// The packet; `None` if it was not captured and only follows from later ones.
        mark: Option<Mark>,
        /// The packet that proves it: the FIN itself, or the first one that follows from it.
        proof: Mark,
    },
    /// The client, after its FIN, acknowledged bytes that the server sent after it: it still reads.
    StillReading {
        /// The acknowledgment.
        mark: Mark,
    },
    /// What was undecided at `since` ([`Sink::waits`](super::Sink::waits)) can be decided: packets
    /// that were captured out of order have had time to come.
    Settled {
        /// The latest packet when the wait began.
        since: Mark,
    },
    /// One side has reset the connection. Nothing follows.
    Reset {
        /// Who.
        direction: Direction,
        /// The packet.
        mark: Mark,
    },
    /// The connect was answered by a reset. Nothing follows.
    Refused {
        /// The connect.
        connect: Connect,
        /// The reset.
        mark: Mark,
    },
    /// Both sides have closed. Nothing follows.
    Closed,
    /// Nothing more will be known of this connection. Nothing follows.
    Ended {
        /// Why.
        why: Ended,
        /// The connect, if that is all there was: never answered, nor given up visibly.
        connect: Option<Connect>,
    },
}

/// Why nothing more will be known of a connection that has not closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The capture ended.
    Capture,
    /// Silent for longer than the limit.
    Silent,
    /// A new connection began between the same endpoints.
    Reused,
    /// Given up, because too many were open.
    Evicted,
}

/// The client's attempts to connect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connect {
    /// The first SYN.
    pub first: Mark,
    /// The last SYN.
    pub last: Mark,
    /// How many SYN there were.
    pub attempts: u32,
}
