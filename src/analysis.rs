use std::collections::VecDeque;
use std::time::Duration;

use crate::capture::{Mark, Packet, Timestamp};
use crate::conversation::Conversation;
use crate::counts::Counts;
use crate::decode::decode;
use crate::flow::{Direction, Ended, FlowEvent, Flows, Info, Sink};
use crate::limits::{Limit, Limits};
use crate::message::{Http1, Spoken, direction_of};
use crate::pairing::{Busy, Connection, Exchange, Hearing, Office, Protocol};
use crate::problem::{Context, detect};

/// The port of HBONE, which an ambient mesh carries everything in; it cannot be changed.
const HBONE: u16 = 15008;

/// What the user may set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The bounds.
    pub limits: Limits,
    /// A response that begins later than this is slow.
    pub slow: Duration,
    /// Ask at once ([`Event::Question`]) when a client closes before the response.
    pub live: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { limits: Limits::default(), slow: Duration::from_secs(1), live: false }
    }
}

/// What the analysis has to say.
#[derive(Clone, Debug)]
pub enum Event {
    /// A client closed before the response; whether it gave up is not proved yet. Only if
    /// [`Settings::live`]. The exchange follows when it is decided.
    Question(Box<Exchange>),
    /// An exchange has ended.
    Exchange(Box<Exchange>),
    /// A connection opened late, or the server closed it at an age that may tell something.
    Connection(Box<Connection>),
}

/// The seven stages joined: packets in, exchanges out.
///
/// [`push`](Self::push) packets in the order of the capture, [`advance`](Self::advance) when time
/// passes without packets, [`finish`](Self::finish) at the end; after each of these
/// [`poll`](Self::poll) until it answers `None`.
#[derive(Debug)]
pub struct Analysis {
    flows: Flows<Conversation>,
    desk: Desk,
    connection: Option<u64>,
}

/// What all connections share.
#[derive(Debug)]
struct Desk {
    settings: Settings,
    counts: Counts,
    events: VecDeque<Event>,
    now: Mark,
    /// Bytes of unfinished heads and of requests in flight, of all connections.
    kept: usize,
}

impl Analysis {
    /// An analysis that has seen nothing.
    pub fn new(settings: Settings) -> Self {
        Self {
            flows: Flows::new(settings.limits),
            desk: Desk {
                settings,
                counts: Counts::default(),
                events: VecDeque::new(),
                now: Mark::default(),
                kept: 0,
            },
            connection: None,
        }
    }

    /// Takes the next packet of the capture.
    #[inline]
    pub fn push(&mut self, packet: &Packet<'_>) {
        self.desk.seen(packet.mark);
        match decode(packet) {
            Ok(ref segment) => self.connection = Some(self.flows.push(segment, &mut self.desk)),
            Err(skip) => {
                self.desk.counts.skipped[skip as usize] += 1;
                self.connection = None;
            }
        }
    }

    /// Lets time pass without packets.
    pub fn advance(&mut self, now: Timestamp) {
        self.desk.now.time = self.desk.now.time.max(now);
        self.flows.advance(now, &mut self.desk);
    }

    /// The capture has ended: judges what is still open.
    pub fn finish(&mut self) {
        self.flows.finish(&mut self.desk);
    }

    /// The next thing to say.
    #[inline]
    pub fn poll(&mut self) -> Option<Event> {
        self.desk.events.pop_front()
    }

    /// The number of the connection that the last packet belonged to; `None` if it was skipped.
    pub fn connection(&self) -> Option<u64> {
        self.connection
    }

    /// What was seen, skipped and lost so far.
    pub fn counts(&self) -> &Counts {
        &self.desk.counts
    }
}

impl Desk {
    #[inline]
    fn seen(&mut self, mark: Mark) {
        self.counts.packets += 1;
        self.counts.first.get_or_insert(mark);
        if self.counts.last.is_none_or(|last| mark.time >= last.time) {
            self.counts.last = Some(mark);
        }
        self.now = Mark { number: mark.number, time: self.now.time.max(mark.time) };
    }

    /// Bytes came, or a gap: what they are to HTTP/1. Answers what `tell` does.
    #[inline]
    fn stream<R>(
        &mut self,
        conversation: &mut Conversation,
        info: &Info,
        tell: impl FnOnce(&mut Http1, usize, &mut Hearing<'_, Self>) -> R,
    ) -> R {
        let Conversation { http, pairing, .. } = conversation;
        let Limits { buffered, head, pipelined, .. } = self.settings.limits;
        let (before, spoken) = (http.kept(), http.spoken());
        let room = if self.kept < buffered / 2 { head } else { 0 };
        let told = tell(http, room, &mut Hearing { pairing, info, pipelined, office: self });
        let after = http.kept();
        if before != after {
            if after > before && room == 0 {
                self.counts.hit(Limit::Buffered);
            }
            self.keeps(before, after);
        }
        if http.spoken() != spoken {
            match http.spoken() {
                None | Some(Spoken::NeedMore | Spoken::Http1) => {}
                Some(other) => self.hand_over(conversation, info, other),
            }
        }
        told
    }

    /// The connection speaks something else from here on.
    #[cold]
    fn hand_over(&mut self, conversation: &mut Conversation, info: &Info, spoken: Spoken) {
        self.counts.tls += u64::from(spoken == Spoken::Tls);
        let is_hbone = spoken == Spoken::Tls && info.server.socket().port() == HBONE;
        self.counts.hbone += u64::from(is_hbone);
        self.counts.http2 += u64::from(spoken == Spoken::Http2);
        let before = conversation.kept();
        conversation.hand_over(info, self);
        self.keeps(before, conversation.kept());
        match conversation.other {
            // What was asked in HTTP/1 before and is not answered will not be told apart any more.
            Some(_) => conversation.pairing.ended(info, Ended::Evicted, None, self),
            None => self.counts.opaque += 1,
        }
    }

    /// The connect was answered.
    fn opened(&mut self, info: &Info, mark: Mark) {
        self.events.extend(Connection::opened(info, mark).map(Event::Connection));
    }

    /// One side has closed or reset. Only if the server was first, the connection's age may tell
    /// something.
    fn closes(&mut self, conversation: &Conversation, info: &Info, by: Direction, mark: Mark) {
        if by == Direction::ToServer || info.closed != Some(by) {
            return;
        }
        let (protocol, busy) = match (&conversation.other, conversation.http.spoken()) {
            (None, Some(Spoken::Http1)) => (Protocol::Http1, conversation.pairing.busy()),
            (_, Some(Spoken::Http2)) => (Protocol::H2, Busy::Unknown),
            (_, Some(Spoken::Tls)) => (Protocol::Tls, Busy::Unknown),
            _ => (Protocol::Tcp, Busy::Unknown),
        };
        self.events.extend(Connection::closed(info, mark, protocol, busy).map(Event::Connection));
    }

    /// What was kept has changed.
    fn keeps(&mut self, before: usize, after: usize) {
        self.kept = (self.kept + after).saturating_sub(before);
    }

    /// An event of a connection that does not speak HTTP/1.
    fn other(&mut self, conversation: &mut Conversation, info: &Info, event: FlowEvent<'_>) {
        if let FlowEvent::Fin { direction, mark: Some(mark), .. }
        | FlowEvent::Reset { direction, mark } = event
        {
            self.closes(conversation, info, direction, mark);
        }
        let Some(other) = &mut conversation.other else { return };
        let before = other.kept();
        other.event(info, event, self);
        let after = other.kept();
        self.keeps(before, after);
        if matches!(event, FlowEvent::Reset { .. } | FlowEvent::Closed | FlowEvent::Ended { .. }) {
            self.keeps(after, 0);
            *conversation = Conversation { spoke: true, ..Conversation::default() };
        }
    }
}

impl Sink<Conversation> for Desk {
    fn direction_of(&self, payload: &[u8]) -> Option<Direction> {
        direction_of(payload)
    }

    #[inline]
    fn event(&mut self, conversation: &mut Conversation, info: &Info, event: FlowEvent<'_>) {
        if conversation.other.is_some() {
            return self.other(conversation, info, event);
        }
        if info.redirected {
            conversation.pairing.redirected(info);
        }
        match event {
            FlowEvent::Opened { mark } => return self.opened(info, mark),
            FlowEvent::Data { direction, bytes, cut, mark } => {
                conversation.speaks(info);
                let taken = self.stream(conversation, info, |http, room, hearing| {
                    let taken = http.data(direction, bytes, mark, room, hearing);
                    if cut > 0 && taken == bytes.len() {
                        http.gap(direction, u64::from(cut), true, mark, hearing);
                    }
                    taken
                });
                if (taken < bytes.len() || cut > 0) && conversation.other.is_some() {
                    let rest = FlowEvent::Data { direction, bytes: &bytes[taken..], cut, mark };
                    self.other(conversation, info, rest);
                }
                return;
            }
            FlowEvent::Gap { direction, len, acked, mark } => {
                conversation.speaks(info);
                self.stream(conversation, info, |http, _, hearing| {
                    http.gap(direction, u64::from(len), acked, mark, hearing);
                });
                return;
            }
            FlowEvent::Fin { direction, mark, proof } => {
                self.stream(conversation, info, |http, _, hearing| {
                    http.fin(direction, mark.unwrap_or(proof), hearing);
                    if direction == Direction::ToServer {
                        http.client_done(hearing);
                    }
                });
                if let Some(mark) = mark {
                    self.closes(conversation, info, direction, mark);
                }
                match direction {
                    Direction::ToServer => conversation.pairing.client_fin(mark, proof, self),
                    Direction::ToClient => conversation.pairing.server_fin(mark, self),
                }
                return;
            }
            FlowEvent::StillReading { .. } => return conversation.pairing.still_reading(self),
            FlowEvent::Settled { .. } => return,
            FlowEvent::Reset { direction, mark } => {
                self.stream(conversation, info, |http, _, hearing| http.client_done(hearing));
                self.closes(conversation, info, direction, mark);
                conversation.pairing.reset(direction, mark, self);
            }
            FlowEvent::Refused { connect, mark } => {
                conversation.failed = true;
                conversation.pairing.refused(info, connect, mark, self);
            }
            FlowEvent::Closed => conversation.pairing.closed(self),
            FlowEvent::Ended { why, connect } => {
                conversation.failed |= connect.is_some();
                conversation.pairing.ended(info, why, connect, self);
            }
        }
        self.counts.silent += u64::from(!conversation.spoke && !conversation.failed);
        let never_understood = conversation.spoke && conversation.http.spoken().is_none();
        self.counts.opaque += u64::from(never_understood && !conversation.failed);
        self.keeps(conversation.http.kept(), 0);
        *conversation = Conversation { spoke: true, ..Conversation::default() };
    }

    #[inline]
    fn waits(&self, conversation: &Conversation) -> bool {
        conversation.other.as_ref().is_some_and(|other| other.waits())
    }

    fn counts(&mut self) -> &mut Counts {
        &mut self.counts
    }
}

impl Office for Desk {
    fn began(&mut self, exchange: &Exchange) -> bool {
        self.kept += cost(exchange);
        self.kept <= self.settings.limits.buffered / 2
    }

    fn ended(&mut self, mut exchange: Box<Exchange>) {
        if exchange.protocol != Protocol::Tcp {
            self.kept = self.kept.saturating_sub(cost(&exchange));
        }
        detect(&mut exchange, &Context { slow: self.settings.slow, now: self.now.time });
        self.events.push_back(Event::Exchange(exchange));
    }

    fn question(&mut self, exchange: &Exchange) {
        if self.settings.live {
            self.events.push_back(Event::Question(Box::new(exchange.clone())));
        }
    }

    fn counts(&mut self) -> &mut Counts {
        &mut self.counts
    }

    fn now(&self) -> Mark {
        self.now
    }

    fn has_room(&self) -> bool {
        self.kept < self.settings.limits.buffered / 2
    }

    fn limits(&self) -> &Limits {
        &self.settings.limits
    }
}

/// What an exchange in flight costs, in bytes.
fn cost(exchange: &Exchange) -> usize {
    let request = &exchange.request;
    let texts = [&request.path, &request.host, &request.request_id];
    size_of::<Exchange>() + texts.into_iter().flatten().map(|text| text.len()).sum::<usize>()
}
