use super::Talk;
use crate::flow::{Direction, FlowEvent, Info};
use crate::message::http2::Http2;
use crate::pairing::{Exchange, Office, Streams, StreamsHearing};

/// A connection of HTTP/2.
#[derive(Debug)]
pub(super) struct Http2Talk {
    reader: Http2,
    streams: Streams,
}

impl Http2Talk {
    /// One whose first frames are to come, or that began before the capture.
    pub(super) fn new(info: &Info) -> Self {
        Self { reader: Http2::new(info.midstream), streams: Streams::new(info.midstream) }
    }

    /// One that an HTTP/1 request changed to, which becomes its stream 1 (RFC 7540 section 3.2).
    pub(super) fn upgraded(exchange: Box<Exchange>) -> Self {
        let mut streams = Streams::new(false);
        streams.upgraded(exchange);
        Self { reader: Http2::new(false), streams }
    }
}

impl Talk for Http2Talk {
    fn event(&mut self, info: &Info, event: FlowEvent<'_>, office: &mut dyn Office) {
        let room = if office.has_room() { office.limits().head } else { 0 };
        let Self { reader, streams } = self;
        let mut hearing = StreamsHearing { streams, info, office };
        match event {
            FlowEvent::Data { direction, bytes, cut, mark } => {
                reader.data(direction, bytes, mark, room, &mut hearing);
                if cut > 0 {
                    reader.gap(direction, cut, true, mark, &mut hearing);
                }
            }
            FlowEvent::Gap { direction, len, acked, mark } => {
                reader.gap(direction, len, acked, mark, &mut hearing);
            }
            FlowEvent::Fin { direction: Direction::ToServer, mark, proof } => {
                hearing.client_fin(mark, proof);
            }
            FlowEvent::Fin { direction: Direction::ToClient, mark, .. } => {
                hearing.server_fin(mark);
            }
            FlowEvent::StillReading { .. } => hearing.still_reading(),
            FlowEvent::Settled { since } => hearing.settled(since),
            FlowEvent::Reset { direction, mark } => hearing.connection_reset(direction, mark),
            FlowEvent::Closed => hearing.closed(),
            FlowEvent::Ended { why, .. } => hearing.over(why),
            FlowEvent::Refused { .. } => {}
        }
    }

    fn kept(&self) -> usize {
        self.reader.kept() + self.streams.kept()
    }

    fn waits(&self) -> bool {
        self.streams.waits()
    }
}
