use crate::capture::{Mark, Timestamp};
use crate::decode::{Endpoint, Seq};

use super::event::{Connect, Direction};
use super::half::Half;
use super::pulse::Pulse;

/// What the later stages are told of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Info {
    /// Number in the capture, from 1.
    pub serial: u64,
    /// The interface of the capture on which it was first seen.
    pub interface: u32,
    /// Who connected.
    pub client: Endpoint,
    /// Who was connected to. Of a redirected connection: the original destination, once the other
    /// half was seen.
    pub server: Endpoint,
    /// It began before the capture, or its handshake was not captured.
    pub midstream: bool,
    /// The client's packets are redirected to a proxy, which answers in the server's name.
    pub redirected: bool,
    /// The client's SYN; without any, the handshake was not captured.
    pub connect: Connect,
    /// When bytes came.
    pub pulse: Pulse,
    /// Who closed or reset first.
    pub closed: Option<Direction>,
}

/// One connection as an observer sees it.
///
/// ```text
///            SYN            SYN,ACK or anything else of the server, or more of the client
///   (none) ───────► Opening ─────────────────────────────────────────────► Open
///      │               │ RST of the server: Refused; silence: Ended          │
///      └── any other segment (began before the capture) ─────────────────►   │
///                                        both FIN told, or RST settled: Over ◄┘
/// ```
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) info: Info,
    /// Of a redirected connection: where the client's packets go instead.
    pub(super) redirect: Option<Box<Endpoint>>,
    pub(super) place: u32,
    pub(super) state: State,
    /// Who is who was guessed from ports, not seen.
    pub(super) guessed: bool,
    /// Since when something is undecided: bytes are missing, or a reset waits.
    pub(super) unsettled: Option<Mark>,
    /// An entry in the table of one-sided connections names this one.
    pub(super) one_sided: bool,
    pub(super) last: Timestamp,
    pub(super) to_server: Half,
    pub(super) to_client: Half,
    /// How far the client had acknowledged when it sent its FIN.
    pub(super) acked_at_fin: Seq,
    /// A reset that waits to be told until packets captured out of order had time to come.
    pub(super) reset: Option<Box<Reset>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// SYN seen, nothing else.
    Opening,
    /// Anything but the SYN was seen.
    Open,
    /// Nothing more to tell; kept a while, so that stragglers do not look like a new connection.
    Over,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Reset {
    pub(super) direction: Direction,
    pub(super) seq: Seq,
    pub(super) mark: Mark,
}

impl Connection {
    pub(super) fn half(&mut self, direction: Direction) -> &mut Half {
        match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        }
    }

    /// Which way a segment of this connection goes, by its sender.
    pub(super) fn direction(&self, src: Endpoint) -> Direction {
        if src == self.info.client { Direction::ToServer } else { Direction::ToClient }
    }

    /// The only way in which packets were seen, if the other one is missing.
    pub(super) fn only_direction(&self) -> Option<Direction> {
        match (self.to_server.seen, self.to_client.seen) {
            (true, false) => Some(Direction::ToServer),
            (false, true) => Some(Direction::ToClient),
            _ => None,
        }
    }

    /// Client and server change places: the guess was wrong.
    pub(super) fn turn(&mut self) {
        std::mem::swap(&mut self.info.client, &mut self.info.server);
        std::mem::swap(&mut self.to_server, &mut self.to_client);
        self.guessed = false;
    }

    /// Whether nothing is undecided.
    pub(super) fn settled(&self) -> bool {
        let settled = |half: &Half| half.waiting.is_none() && half.acked_unseen() == 0;
        settled(&self.to_server) && settled(&self.to_client) && self.reset.is_none()
    }

    /// What waits in both directions, in bytes.
    pub(super) fn cost(&self) -> usize {
        [&self.to_server, &self.to_client]
            .into_iter()
            .filter_map(|half| half.waiting.as_ref())
            .map(|waiting| waiting.cost())
            .sum()
    }
}

impl Connection {
    /// Whether a segment between these endpoints, in either order, belongs to it.
    #[inline]
    pub(super) fn joins(&self, a: &Endpoint, b: &Endpoint, place: u32) -> bool {
        let Info { client, server, .. } = &self.info;
        let with = |server| (a == client && b == server) || (a == server && b == client);
        self.place == place && (with(server) || self.redirect.as_deref().is_some_and(with))
    }
}
