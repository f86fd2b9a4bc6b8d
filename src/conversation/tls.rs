use super::Talk;
use crate::capture::Mark;
use crate::flow::{Direction, FlowEvent, Info};
use crate::limits::Limit;
use crate::message::tls::{DATA, Heard, Tls};
use crate::pairing::{Handshake, Office};

/// TLS on one connection. After the handshake its data are counted.
#[derive(Debug, Default)]
pub(super) struct TlsTalk {
    reader: Tls,
    handshake: Handshake,
}

impl TlsTalk {
    fn data(
        &mut self,
        info: &Info,
        direction: Direction,
        bytes: &[u8],
        mark: Mark,
        office: &mut dyn Office,
    ) {
        if direction == Direction::ToServer {
            self.handshake.spoken(mark);
        }
        let room = if office.has_room() { office.limits().head } else { 0 };
        let Self { reader, handshake } = self;
        let short = reader.data(direction, bytes, room, &mut |heard| {
            hear(handshake, info, direction, heard, mark, office);
        });
        if short {
            let limit = if room == 0 { Limit::Buffered } else { Limit::Head };
            office.counts().hit(limit);
        }
    }

    fn gap(
        &mut self,
        info: &Info,
        direction: Direction,
        len: u32,
        mark: Mark,
        office: &mut dyn Office,
    ) {
        let Self { reader, handshake } = self;
        reader.gap(direction, len.into(), &mut |heard| {
            hear(handshake, info, direction, heard, mark, office);
        });
    }
}

fn hear(
    handshake: &mut Handshake,
    info: &Info,
    direction: Direction,
    heard: Heard,
    mark: Mark,
    office: &mut dyn Office,
) {
    if let Heard::Sealed { kind: DATA, len } = heard
        && handshake.is_over()
    {
        office.counts().tls_bytes += u64::from(len);
    }
    handshake.hear(info, direction, heard, mark, office);
}

impl Talk for TlsTalk {
    fn event(&mut self, info: &Info, event: FlowEvent<'_>, office: &mut dyn Office) {
        match event {
            FlowEvent::Data { direction, bytes, cut, mark } => {
                self.data(info, direction, bytes, mark, office);
                if cut > 0 {
                    self.gap(info, direction, cut, mark, office);
                }
            }
            FlowEvent::Gap { direction, len, mark, .. } => {
                self.gap(info, direction, len, mark, office);
            }
            FlowEvent::Fin { direction, mark, .. } => {
                self.handshake.left(info, direction, mark, office);
            }
            FlowEvent::Reset { direction, mark } => {
                self.handshake.left(info, direction, Some(mark), office);
            }
            FlowEvent::Ended { why, .. } => self.handshake.ended(info, Some(why), office),
            FlowEvent::Closed | FlowEvent::Refused { .. } => {
                self.handshake.ended(info, None, office);
            }
            FlowEvent::Opened { .. }
            | FlowEvent::StillReading { .. }
            | FlowEvent::Settled { .. } => {}
        }
    }

    fn kept(&self) -> usize {
        self.reader.kept() + self.handshake.kept()
    }
}
