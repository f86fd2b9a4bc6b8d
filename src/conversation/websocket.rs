use super::Talk;
use crate::flow::{FlowEvent, Info};
use crate::pairing::{End, Exchange, Office, Socket};

/// A WebSocket that has its TCP connection for itself.
#[derive(Debug)]
pub(super) struct OnTcp {
    /// `None` when it has ended.
    socket: Option<Socket>,
}

impl OnTcp {
    /// The WebSocket that this exchange has upgraded to.
    pub(super) fn new(exchange: Box<Exchange>) -> Self {
        Self { socket: Some(Socket::new(exchange)) }
    }

    fn ends(&mut self, end: End, info: &Info, office: &mut dyn Office) {
        if let Some(socket) = self.socket.take() {
            let mut exchange = socket.ends(end);
            exchange.server = info.server.socket();
            office.ended(exchange);
        }
    }
}

impl Talk for OnTcp {
    fn event(&mut self, info: &Info, event: FlowEvent<'_>, office: &mut dyn Office) {
        let Some(socket) = &mut self.socket else { return };
        match event {
            FlowEvent::Data { direction, bytes, cut, mark } => {
                socket.data(direction, bytes, mark);
                if cut > 0 {
                    socket.gap(direction, cut.into(), mark);
                }
            }
            FlowEvent::Gap { direction, len, mark, .. } => {
                socket.gap(direction, len.into(), mark);
            }
            FlowEvent::Fin { direction, mark, .. } => socket.left(direction, mark),
            FlowEvent::Opened { .. }
            | FlowEvent::StillReading { .. }
            | FlowEvent::Settled { .. }
            | FlowEvent::Refused { .. } => {}
            FlowEvent::Reset { direction, mark } => {
                self.ends(End::reset(direction, mark), info, office);
            }
            FlowEvent::Closed => self.ends(End::Closed, info, office),
            FlowEvent::Ended { why, .. } => self.ends(End::of(why), info, office),
        }
    }

    fn kept(&self) -> usize {
        self.socket.as_ref().map_or(0, Socket::kept)
    }
}
