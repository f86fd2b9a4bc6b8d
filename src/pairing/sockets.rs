use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::in_order::Office;
use super::{End, Exchange, Socket};
use crate::capture::Mark;
use crate::flow::{Direction, Info};

/// The WebSockets that are streams of one connection of HTTP/2 (RFC 8441).
#[derive(Debug, Default)]
pub(super) struct Sockets {
    open: HashMap<u32, Tunnel, FixedState>,
    /// Of how many the end waits to be decided.
    undecided: usize,
}

/// One of them.
#[derive(Debug)]
struct Tunnel {
    socket: Socket,
    /// The sides that have sent END_STREAM: client, server.
    ended: [bool; 2],
    /// The latest packet when its last frame was told: what ended it is decided when packets captured
    /// out of order have had time to come.
    told: Option<Mark>,
}

impl Sockets {
    /// The server has agreed to a WebSocket on this stream.
    pub(super) fn begin(&mut self, id: u32, exchange: Box<Exchange>) {
        let socket = Socket::new(exchange);
        self.open.insert(id, Tunnel { socket, ended: [false; 2], told: None });
    }

    pub(super) fn is_open(&self, id: u32) -> bool {
        self.open.contains_key(&id)
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether a decision waits.
    pub(super) fn waits(&self) -> bool {
        self.undecided > 0
    }

    /// Bytes kept, without the exchanges. The reasons of Close frames are at most 125 bytes each.
    pub(super) fn kept(&self) -> usize {
        self.open.capacity() * size_of::<(u32, Tunnel)>()
            + self.open.len() * (size_of::<super::Detail>() + 250)
    }

    /// Bytes of DATA; `None` if the stream is none of these.
    pub(super) fn data(
        &mut self,
        id: u32,
        direction: Direction,
        bytes: &[u8],
        mark: Mark,
    ) -> Option<()> {
        self.open.get_mut(&id)?.socket.data(direction, bytes, mark);
        Some(())
    }

    /// Bytes of DATA that were not captured.
    pub(super) fn missed(
        &mut self,
        id: u32,
        direction: Direction,
        len: u32,
        mark: Mark,
    ) -> Option<()> {
        self.open.get_mut(&id)?.socket.gap(direction, len.into(), mark);
        Some(())
    }

    /// END_STREAM.
    pub(super) fn end(&mut self, id: u32, direction: Direction, mark: Mark, now: Mark) {
        let Some(tunnel) = self.open.get_mut(&id) else { return };
        tunnel.socket.left(direction, Some(mark));
        tunnel.ended[direction as usize] = true;
        if tunnel.ended == [true; 2] {
            self.undecided += usize::from(tunnel.told.is_none());
            tunnel.told.get_or_insert(now);
        }
    }

    /// RST_STREAM.
    pub(super) fn reset(&mut self, id: u32, direction: Direction, mark: Mark, now: Mark) {
        let Some(tunnel) = self.open.get_mut(&id) else { return };
        tunnel.socket.left(direction, Some(mark));
        self.undecided += usize::from(tunnel.told.is_none());
        tunnel.told.get_or_insert(now);
    }

    /// Frames of any stream may have been lost.
    pub(super) fn lost(&mut self, direction: Direction, mark: Mark) {
        for tunnel in self.open.values_mut() {
            tunnel.socket.lost(direction, mark);
        }
    }

    /// A side has closed its half of the connection.
    pub(super) fn left(&mut self, direction: Direction, mark: Option<Mark>) {
        for tunnel in self.open.values_mut() {
            tunnel.socket.left(direction, mark);
        }
    }

    /// What was undecided at `since` can be decided.
    pub(super) fn settled(&mut self, since: Mark, info: &Info, office: &mut dyn Office) {
        if self.undecided > 0 {
            let due = |told: Mark| told.number <= since.number;
            self.take(|tunnel| tunnel.told.is_some_and(due), End::Closed, info, office);
        }
    }

    /// The connection has ended.
    pub(super) fn over(&mut self, end: End, info: &Info, office: &mut dyn Office) {
        self.take(|_| true, end, info, office);
    }

    fn take(
        &mut self,
        which: impl Fn(&Tunnel) -> bool,
        end: End,
        info: &Info,
        office: &mut dyn Office,
    ) {
        let mut taken: Vec<_> = self.open.extract_if(|_, tunnel| which(tunnel)).collect();
        taken.sort_unstable_by_key(|(id, _)| *id);
        for (_, tunnel) in taken {
            self.undecided -= usize::from(tunnel.told.is_some());
            let mut exchange = tunnel.socket.ends(end);
            exchange.server = info.server.socket();
            office.ended(exchange);
        }
    }
}
