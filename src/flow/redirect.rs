//! Outbound connections whose two directions carry different addresses.
//!
//! ```text
//! app 10.0.0.7:40000 ──► 127.0.0.1:15001            the mesh redirects to its proxy
//!     10.0.0.7:40000 ◄── 10.96.0.9:80   service     its answers come in the server's name
//! ```
//!
//! Both are one connection; its server is the original destination.

use super::connection::{Connection, Info};
use super::event::Direction;
use super::flows::Flows;
use crate::decode::{Segment, Seq};

impl<T: Default> Flows<T> {
    /// A connection of which this segment may be the first one of the missing direction, under
    /// another server address: outbound connections that a mesh redirects to its proxy go
    /// `app → proxy` one way and come `original destination → app` the other way.
    ///
    /// Proof is the interlock: each direction acknowledges the other's sequence numbers.
    pub(super) fn other_half(&self, segment: &Segment<'_>) -> Option<u32> {
        let (src, dst) = (segment.addresses.src, segment.addresses.dst);
        [dst, src].into_iter().find_map(|shared| {
            let id = self.table.one_sided(shared)?;
            let connection = &self.table.get(id)?.connection;
            let only = connection.only_direction()?;
            let sender = match only {
                Direction::ToServer => connection.info.client,
                Direction::ToClient => connection.info.server,
            };
            // The endpoint sends in one half and receives in the other.
            let crosses = (sender == shared) == (dst == shared);
            (connection.place == segment.place && crosses && connection.interlocks(only, segment))
                .then_some(id)
        })
    }

    /// The segment's sender or receiver is a second address of this connection's server.
    pub(super) fn join(&mut self, id: u32, segment: &Segment<'_>) {
        let Some(slot) = self.table.get_mut(id) else { return };
        let connection = &mut slot.connection;
        let Info { client, server, .. } = connection.info;
        let (src, dst) = (segment.addresses.src, segment.addresses.dst);
        let only = connection.only_direction().unwrap_or(Direction::ToServer);
        let shared = if dst == client || dst == server { dst } else { src };
        let other = if shared == dst { src } else { dst };
        let known = if shared == client { server } else { client };
        let sends = (only == Direction::ToServer) == (shared == client);
        if shared != client {
            connection.turn();
        }
        // The half that the application sends goes to the proxy; the other one comes from the
        // original destination.
        let (original, proxy) = if sends { (other, known) } else { (known, other) };
        connection.info.server = original;
        connection.info.redirected = true;
        connection.redirect = Some(Box::new(proxy));
        connection.guessed = false;
        let place = connection.place;
        self.table.point(id, &shared, &other, place);
    }
}

impl Connection {
    /// Whether a segment acknowledges what this one-sided connection sent, and goes on where it
    /// acknowledged.
    fn interlocks(&self, only: Direction, segment: &Segment<'_>) -> bool {
        let (sent, unseen) = match only {
            Direction::ToServer => (&self.to_server, &self.to_client),
            Direction::ToClient => (&self.to_client, &self.to_server),
        };
        let near = |a: Seq, b: Seq| (-1..1 << 20).contains(&a.distance(b));
        let flags = segment.flags;
        let answers = flags.ack() && sent.known && near(segment.ack, sent.start);
        let exact = flags.ack() && segment.ack == sent.next;
        let seq = if flags.syn() { segment.seq.plus(1) } else { segment.seq };
        match (flags.syn(), unseen.known) {
            // A SYN,ACK to a SYN.
            (true, false) => flags.ack() && exact,
            // The SYN whose SYN,ACK was seen before it.
            (true, true) => seq == unseen.start,
            (false, true) => answers && near(seq, unseen.acked) && (exact || seq == unseen.acked),
            // Not its SYN,ACK, which was captured later or not at all.
            (false, false) => answers && sent.exact,
        }
    }
}
