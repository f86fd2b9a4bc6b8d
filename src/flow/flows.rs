use std::collections::VecDeque;
use std::time::Duration;

use super::connection::{Connection, Info, Reset, State};
use super::event::{Connect, Direction, Ended, FlowEvent};
use super::table::{Slot, Table};
use super::tell::{Run, Teller, Told};
use super::{FAR, Sink};
use crate::capture::{Mark, Timestamp};
use crate::decode::{Addresses, Segment, Seq};
use crate::limits::{Limit, Limits};

/// All TCP connections of a capture.
///
/// [`push`](Self::push) segments, [`advance`](Self::advance) when time passes without any,
/// [`finish`](Self::finish) at the end. Whatever there is to tell goes to the [`Sink`] at once.
#[derive(Debug)]
pub struct Flows<T> {
    limits: Limits,
    pub(super) table: Table<T>,
    /// The latest packet, by time and by number.
    now: Mark,
    /// When all connections are looked through again.
    sweep_at: Timestamp,
    serial: u64,
    /// Connections with something undecided, in the order in which that began.
    unsettled: VecDeque<Unsettled>,
    /// Connections that are over, the oldest first.
    over: VecDeque<(u32, u64)>,
    /// Bytes that wait, of all connections.
    buffered: usize,
    /// Where the search for a connection to give up goes on.
    hand: u32,
}

#[derive(Debug)]
struct Unsettled {
    id: u32,
    serial: u64,
    since: Mark,
}

/// A gap or a reset is told when this many packets came after the proof: a capture from several
/// CPUs or interfaces has packets a few places late.
const SETTLE_PACKETS: u64 = 16;
/// ... or when this much time of the capture went by without so many packets,
const SETTLE_TIME: Duration = Duration::from_secs(3);
/// ... or, live, this much without any: then nothing is under way.
const SETTLE_SILENCE: Duration = Duration::from_millis(200);
/// How often all connections are looked through for silent ones.
const SWEEP: Duration = Duration::from_secs(1);
/// A first SYN is repeated after 1 s (Linux, RFC 6298), so silence for this long means that the
/// client has given up its connect.
const CONNECT_SILENCE: Duration = Duration::from_secs(3);
/// Connections that are over and still known, so that stragglers do not look like new ones.
const OVER: usize = 1024;
/// How many connections are compared to find a long idle one to give up.
const EVICT_SAMPLE: u32 = 64;

impl<T: Default> Flows<T> {
    /// No connections yet.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            table: Table::new(),
            now: Mark::default(),
            sweep_at: Timestamp::default(),
            serial: 0,
            unsettled: VecDeque::new(),
            over: VecDeque::new(),
            buffered: 0,
            hand: 0,
        }
    }

    /// Takes the next segment; answers the number of its connection.
    #[inline]
    pub fn push(&mut self, segment: &Segment<'_>, sink: &mut impl Sink<T>) -> u64 {
        self.now.number = segment.mark.number;
        self.now.time = self.now.time.max(segment.mark.time);
        if !self.unsettled.is_empty() {
            self.settle_due(SETTLE_PACKETS, SETTLE_TIME, sink);
        }
        if self.now.time >= self.sweep_at {
            self.sweep(sink);
        }
        let id = self.find_or_open(segment, sink);
        self.take(id, segment, sink)
    }

    /// Lets time pass without packets.
    pub fn advance(&mut self, now: Timestamp, sink: &mut impl Sink<T>) {
        self.now.time = self.now.time.max(now);
        self.settle_due(u64::MAX, SETTLE_SILENCE, sink);
        self.sweep(sink);
    }

    /// The capture has ended: tells what is known of every connection.
    pub fn finish(&mut self, sink: &mut impl Sink<T>) {
        for id in 0..self.table.places() {
            self.end(id, Ended::Capture, sink);
        }
    }

    fn find_or_open(&mut self, segment: &Segment<'_>, sink: &mut impl Sink<T>) -> u32 {
        let Addresses { src, dst } = &segment.addresses;
        if let Some(id) = self.table.find(src, dst, segment.place) {
            let same = self.table.get(id).is_some_and(|slot| slot.connection.continues(segment));
            if same {
                return id;
            }
            self.end(id, Ended::Reused, sink);
        }
        match self.other_half(segment) {
            Some(id) => {
                self.join(id, segment);
                id
            }
            None => self.open(segment, sink),
        }
    }

    fn open(&mut self, segment: &Segment<'_>, sink: &mut impl Sink<T>) -> u32 {
        if self.table.len() >= self.limits.connections {
            self.evict(sink);
        }
        let (src, dst) = (segment.addresses.src, segment.addresses.dst);
        let flags = segment.flags;
        let told = direction_told(segment, sink);
        // Without better evidence the lower port is the server's.
        let direction = told.unwrap_or(if dst.port() <= src.port() {
            Direction::ToServer
        } else {
            Direction::ToClient
        });
        let (client, server) = match direction {
            Direction::ToServer => (src, dst),
            Direction::ToClient => (dst, src),
        };
        self.serial += 1;
        sink.counts().connections += 1;
        let midstream = !flags.syn();
        sink.counts().midstream += u64::from(midstream);
        let opening = flags.syn() && !flags.ack();
        let id = self.table.insert(Slot {
            connection: Connection {
                info: Info {
                    serial: self.serial,
                    interface: segment.interface,
                    client,
                    server,
                    midstream,
                    redirected: false,
                },
                redirect: None,
                place: segment.place,
                state: if opening { State::Opening } else { State::Open },
                guessed: told.is_none(),
                unsettled: None,
                one_sided: true,
                last: segment.mark.time,
                to_server: Default::default(),
                to_client: Default::default(),
                connect: Connect { first: segment.mark, last: segment.mark, attempts: 0 },
                acked_at_fin: Seq::default(),
                reset: None,
            },
            conversation: T::default(),
        });
        self.table.note_one_sided(id, client);
        if told.is_none() {
            self.table.note_one_sided(id, server);
        }
        id
    }

    #[inline]
    fn take(&mut self, id: u32, segment: &Segment<'_>, sink: &mut impl Sink<T>) -> u64 {
        let Some(slot) = self.table.get_mut(id) else { return 0 };
        let connection = &mut slot.connection;
        let serial = connection.info.serial;
        if connection.state == State::Over {
            sink.counts().retransmissions += u64::from(segment.payload_len > 1);
            return serial;
        }
        connection.last = connection.last.max(segment.mark.time);
        if connection.guessed
            && let Some(told) = direction_told(segment, sink)
        {
            if told != connection.direction(segment.addresses.src) {
                connection.turn();
            }
            connection.guessed = false;
        }
        let direction = connection.direction(segment.addresses.src);
        connection.half(direction).seen = true;
        let both_seen = connection.one_sided && connection.only_direction().is_none();
        let (client, server) = (connection.info.client, connection.info.server);
        let before = if self.buffered > 0 { connection.cost() } else { 0 };
        let mut teller = Teller { slot, sink };
        let mut unsettled = segment_told(&mut teller, direction, segment);
        let waits = sink.waits(&slot.conversation);
        unsettled |= waits;
        let connection = &mut slot.connection;
        let after = if unsettled || before > 0 { connection.cost() } else { 0 };
        let over = connection.state == State::Over;
        if both_seen {
            connection.one_sided = false;
        }
        let schedule = unsettled && !over && connection.unsettled.is_none();
        if schedule {
            connection.unsettled = Some(self.now);
        } else if connection.unsettled.is_some() && !waits && connection.settled() {
            connection.unsettled = None;
        }
        if both_seen {
            self.table.forget_one_sided(id, client);
            self.table.forget_one_sided(id, server);
        }
        if over {
            self.bury(id, serial);
        }
        if schedule {
            self.unsettled.push_back(Unsettled { id, serial, since: self.now });
        }
        if before + after > 0 {
            self.buffered = self.buffered + after - before;
            self.bound(id, direction, sink);
        }
        serial
    }

    /// Keeps what waits within its limits: what is too much is told, with a gap before it.
    fn bound(&mut self, id: u32, direction: Direction, sink: &mut impl Sink<T>) {
        let Some(slot) = self.table.get_mut(id) else { return };
        let half = slot.connection.half(direction);
        let waiting = half.waiting.as_ref().map_or(0, |w| w.cost());
        let limit = if waiting > self.limits.out_of_order {
            Limit::OutOfOrder
        } else if waiting > 0 && self.buffered > self.limits.buffered / 2 {
            Limit::Buffered
        } else {
            return;
        };
        sink.counts().hit(limit);
        self.settle(id, true, sink);
    }

    fn settle_due(&mut self, packets: u64, time: Duration, sink: &mut impl Sink<T>) {
        while let Some(first) = self.unsettled.front() {
            let due = self.now.number.saturating_sub(first.since.number) >= packets
                || self.now.time.since(first.since.time) >= time;
            if !due {
                return;
            }
            let Some(Unsettled { id, serial, since }) = self.unsettled.pop_front() else { return };
            let Some(slot) = self.table.get_mut(id) else { continue };
            if slot.connection.info.serial == serial && slot.connection.unsettled == Some(since) {
                slot.connection.unsettled = None;
                let reset = slot.connection.reset.is_some();
                self.settle(id, reset, sink);
                self.decide(id, since, sink);
            }
        }
    }

    /// Tells a conversation that waits that it may decide; if it waits for more, it is told again.
    fn decide(&mut self, id: u32, since: Mark, sink: &mut impl Sink<T>) {
        let Some(slot) = self.table.get_mut(id) else { return };
        if slot.connection.state == State::Over || !sink.waits(&slot.conversation) {
            return;
        }
        Teller { slot, sink }.event(FlowEvent::Settled { since });
        if sink.waits(&slot.conversation) && slot.connection.unsettled.is_none() {
            let since = self.now;
            let serial = slot.connection.info.serial;
            slot.connection.unsettled = Some(since);
            self.unsettled.push_back(Unsettled { id, serial, since });
        }
    }

    fn settle(&mut self, id: u32, force: bool, sink: &mut impl Sink<T>) {
        let proof = self.now;
        let Some(slot) = self.table.get_mut(id) else { return };
        if slot.connection.state == State::Over {
            return;
        }
        let before = slot.connection.cost();
        let mut teller = Teller { slot, sink };
        teller.settle(proof, force);
        teller.still_reading(proof);
        teller.closed();
        let after = slot.connection.cost();
        let serial = slot.connection.info.serial;
        let over = slot.connection.state == State::Over;
        self.buffered = self.buffered + after - before;
        if over {
            self.bury(id, serial);
        }
    }

    /// Looks through all connections for those that have been silent for too long.
    fn sweep(&mut self, sink: &mut impl Sink<T>) {
        self.sweep_at = self.now.time.after(SWEEP);
        for id in 0..self.table.places() {
            let Some(slot) = self.table.get(id) else { continue };
            let connection = &slot.connection;
            let silent = self.now.time.since(connection.last);
            let Connect { first, last, .. } = connection.connect;
            let patience = match connection.state {
                State::Over => self.limits.answer,
                // The next SYN would come after twice the time of the last.
                State::Opening => CONNECT_SILENCE.max(last.time.since(first.time) * 5 / 2),
                State::Open => match (connection.to_server.fin, connection.to_client.fin) {
                    (true, true) => CONNECT_SILENCE,
                    (false, false) => self.limits.idle,
                    _ => self.limits.answer,
                },
            };
            if silent >= patience {
                self.end(id, Ended::Silent, sink);
            }
        }
    }

    fn bury(&mut self, id: u32, serial: u64) {
        self.over.push_back((id, serial));
        while self.over.len() > OVER {
            self.forget_oldest();
        }
    }

    /// Forgets the connection that has been over for longest; answers whether there was one.
    fn forget_oldest(&mut self) -> bool {
        while let Some((id, serial)) = self.over.pop_front() {
            if self.table.get(id).is_some_and(|slot| slot.connection.info.serial == serial) {
                self.table.forget(id);
                return true;
            }
        }
        false
    }

    /// Makes room: forgets a connection that is over, or gives up one that is long idle.
    fn evict(&mut self, sink: &mut impl Sink<T>) {
        if self.forget_oldest() {
            return;
        }
        sink.counts().hit(Limit::Connections);
        let places = self.table.places();
        let sample = (0..EVICT_SAMPLE.min(places)).map(|i| (self.hand + i) % places);
        let oldest = sample
            .filter_map(|id| {
                let connection = &self.table.get(id)?.connection;
                Some((connection.last, connection.info.serial, id))
            })
            .min()
            .map(|(_, _, id)| id);
        self.hand = (self.hand + EVICT_SAMPLE) % places.max(1);
        if let Some(id) = oldest {
            self.end(id, Ended::Evicted, sink);
        }
    }

    fn end(&mut self, id: u32, why: Ended, sink: &mut impl Sink<T>) {
        let proof = self.now;
        if let Some(mut slot) = self.table.remove(id) {
            self.buffered = self.buffered.saturating_sub(slot.connection.cost());
            Teller { slot: &mut slot, sink }.end(why, proof);
        }
    }
}

/// Which way a segment goes, if it says so itself.
fn direction_told<T>(segment: &Segment<'_>, sink: &impl Sink<T>) -> Option<Direction> {
    match (segment.flags.syn(), segment.flags.ack()) {
        (true, false) => Some(Direction::ToServer),
        (true, true) => Some(Direction::ToClient),
        _ => sink.direction_of(segment.payload),
    }
}

/// Tells what a segment says; answers whether something is undecided now.
#[inline]
fn segment_told<T, S: Sink<T>>(
    teller: &mut Teller<'_, T, S>,
    direction: Direction,
    segment: &Segment<'_>,
) -> bool {
    let flags = segment.flags;
    let connection = &mut teller.slot.connection;
    let mut seq = segment.seq;
    if flags.syn() {
        seq = seq.plus(1);
        let half = connection.half(direction);
        if !half.known || !half.exact {
            half.begin(seq);
            half.exact = true;
        } else if seq != half.start {
            return false;
        }
        if !flags.ack() {
            let connect = &mut connection.connect;
            connect.attempts += 1;
            if segment.mark.time < connect.first.time {
                connect.first = segment.mark;
            }
            if segment.mark.time > connect.last.time {
                connect.last = segment.mark;
            }
        }
    }
    if connection.state == State::Opening && flags.ack() {
        if flags.rst() {
            let refused = direction == Direction::ToClient;
            let connect = connection.connect;
            connection.state = State::Over;
            teller.event(if refused {
                FlowEvent::Refused { connect, mark: segment.mark }
            } else {
                FlowEvent::Closed
            });
            return false;
        }
        connection.state = State::Open;
    }
    let mut unsettled = false;
    let other = connection.half(direction.reverse());
    if flags.ack() && (!other.known || segment.ack.is_near(other.next, FAR as u32)) {
        other.acknowledge(segment.ack);
        unsettled = other.acked_unseen() > 0;
    }
    if flags.rst() {
        let half = connection.half(direction);
        if !half.known || seq.is_near(half.next, FAR as u32) {
            let reset = Reset { direction, seq, mark: segment.mark };
            connection.reset.get_or_insert_with(|| Box::new(reset));
            return true;
        }
        return unsettled;
    }
    let half = connection.half(direction);
    // An empty segment tells something only where it shows that bytes before it are missing.
    let ahead = half.known && half.exact && (1..FAR).contains(&seq.distance(half.next));
    if segment.payload_len > 0 || flags.fin() || ahead {
        let run = Run {
            seq,
            bytes: segment.payload,
            len: segment.payload_len,
            ack: flags.ack().then_some(segment.ack),
            fin: flags.fin(),
            mark: segment.mark,
        };
        unsettled |= teller.run(direction, run) == Told::Waits;
    } else if !connection.half(direction).known {
        connection.half(direction).begin(seq);
    }
    if teller.slot.connection.to_server.fin {
        teller.still_reading(segment.mark);
        teller.closed();
    }
    unsettled
}

impl Connection {
    /// Whether a segment between the same endpoints belongs to this connection, not to a later
    /// one that uses them again.
    fn continues(&self, segment: &Segment<'_>) -> bool {
        let direction = self.direction(segment.addresses.src);
        let half = match direction {
            Direction::ToServer => &self.to_server,
            Direction::ToClient => &self.to_client,
        };
        if !half.known {
            return self.state != State::Over || !segment.flags.syn();
        }
        match (segment.flags.syn(), segment.flags.ack()) {
            (true, false) => segment.seq.plus(1) == half.start,
            (true, true) => self.state != State::Over || segment.seq.plus(1) == half.start,
            _ => segment.payload_len == 0 || segment.seq.is_near(half.next, FAR as u32),
        }
    }
}
