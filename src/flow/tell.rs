use super::connection::{Connection, State};
use super::event::{Direction, Ended, FlowEvent};
use super::table::Slot;
use super::waiting::Kept;
use super::{FAR, Sink};
use crate::capture::Mark;
use crate::decode::Seq;

/// Tells one connection's events in stream order: keeps what came too early, names what is
/// missing.
///
/// Two orders are kept. Within a direction: the order of sequence numbers. Across directions: a
/// segment is told after everything that it acknowledges, which undoes the disorder of a capture
/// that has packets in the wrong order.
pub(super) struct Teller<'a, T, S> {
    pub(super) slot: &'a mut Slot<T>,
    pub(super) sink: &'a mut S,
}

/// A run of bytes of one direction, and perhaps a FIN behind them.
#[derive(Clone, Copy)]
pub(super) struct Run<'a> {
    pub(super) seq: Seq,
    pub(super) bytes: &'a [u8],
    /// Length on the wire.
    pub(super) len: u32,
    pub(super) ack: Option<Seq>,
    pub(super) fin: bool,
    pub(super) mark: Mark,
}

/// What became of a run.
#[derive(PartialEq, Eq)]
pub(super) enum Told {
    /// Told, or known already.
    Yes,
    /// It waits for something missing.
    Waits,
}

impl<T, S: Sink<T>> Teller<'_, T, S> {
    pub(super) fn event(&mut self, event: FlowEvent<'_>) {
        self.sink.event(&mut self.slot.conversation, &self.slot.connection.info, event);
    }

    /// Tells a run if it is its turn, and whatever waited for it; otherwise keeps it.
    #[inline]
    pub(super) fn run(&mut self, direction: Direction, mut run: Run<'_>) -> Told {
        let connection = &mut self.slot.connection;
        let held = connection.holds(direction, run.ack);
        let half = connection.half(direction);
        if !half.known {
            half.begin(run.seq);
        }
        if !half.exact {
            // What looked like the first byte may have been a keep-alive probe, one too low.
            if run.seq.distance(half.next) == 1 {
                half.begin(run.seq);
            }
            half.exact = true;
        }
        let mut ahead = run.seq.distance(half.next);
        if ahead < 0 {
            if run.len > 1 {
                self.sink.counts().retransmissions += 1;
            }
            let known = ahead.unsigned_abs();
            let half = self.slot.connection.half(direction);
            if half.fin || known > run.len || (known == run.len && !run.fin) {
                return Told::Yes;
            }
            run.bytes = run.bytes.get(known as usize..).unwrap_or_default();
            run.len -= known;
            run.seq = half.next;
            ahead = 0;
        } else if half.fin {
            return Told::Yes;
        }
        if ahead == 0 && !held {
            self.tell(direction, run);
            self.drain();
            return Told::Yes;
        }
        let half = self.slot.connection.half(direction);
        let kept = half.waiting.get_or_insert_default().insert(Kept {
            seq: run.seq,
            len: run.len,
            bytes: run.bytes.into(),
            ack: run.ack,
            fin: run.fin,
            mark: run.mark,
        });
        if !kept && run.len > 0 {
            self.sink.counts().retransmissions += 1;
        }
        Told::Waits
    }

    /// Tells a run whose turn it is: the way of nearly every segment with bytes.
    #[inline(always)]
    fn tell(&mut self, direction: Direction, run: Run<'_>) {
        let Run { bytes, len, mark, .. } = run;
        let half = self.slot.connection.half(direction);
        half.next = run.seq.plus(len);
        if len > 0 {
            self.slot.connection.info.pulse.beat(direction, len, mark.time);
            let cut = len - bytes.len() as u32;
            self.event(FlowEvent::Data { direction, bytes, cut, mark });
        }
        if run.fin {
            self.fin(direction, Some(mark), mark, run.ack);
        }
    }

    fn fin(&mut self, direction: Direction, mark: Option<Mark>, proof: Mark, ack: Option<Seq>) {
        let connection = &mut self.slot.connection;
        let half = connection.half(direction);
        half.next = half.next.plus(1);
        half.fin = true;
        if direction == Direction::ToServer {
            connection.acked_at_fin = ack.unwrap_or(connection.to_client.acked);
        }
        connection.info.closed.get_or_insert(direction);
        self.event(FlowEvent::Fin { direction, mark, proof });
    }

    /// Tells everything that waited and whose turn has come.
    fn drain(&mut self) {
        let connection = &self.slot.connection;
        if connection.to_server.waiting.is_none() && connection.to_client.waiting.is_none() {
            return;
        }
        while self.drain_one(Direction::ToServer, false)
            || self.drain_one(Direction::ToClient, false)
        {}
    }

    fn drain_one(&mut self, direction: Direction, regardless: bool) -> bool {
        let connection = &mut self.slot.connection;
        let Some(front) = connection.half(direction).front() else {
            return false;
        };
        let (seq, ack) = (front.seq, front.ack);
        if seq.is_after(connection.half(direction).next)
            || (!regardless && connection.holds(direction, ack))
        {
            return false;
        }
        let half = connection.half(direction);
        let Some(waiting) = &mut half.waiting else { return false };
        let Some(kept) = waiting.pop() else { return false };
        if waiting.front().is_none() {
            half.waiting = None;
        }
        let known = half.next.distance(kept.seq).max(0) as u32;
        if half.fin || known > kept.len || (known == kept.len && !kept.fin) {
            return true;
        }
        let run = Run {
            seq: half.next,
            bytes: kept.bytes.get(known as usize..).unwrap_or_default(),
            len: kept.len - known,
            ack: kept.ack,
            fin: kept.fin,
            mark: kept.mark,
        };
        self.tell(direction, run);
        true
    }

    /// Names what is missing and will not come any more. Without `force` only what an
    /// acknowledgment proves; with it, everything that segments wait for.
    pub(super) fn settle(&mut self, proof: Mark, force: bool) {
        use Direction::{ToClient, ToServer};
        loop {
            self.drain();
            let progress = self.earlier_gap(ToServer, proof, force)
                || self.earlier_gap(ToClient, proof, force)
                || self.acked_gap(ToServer, proof)
                || self.acked_gap(ToClient, proof)
                // Two segments that wait for each other: only nonsense does that.
                || self.drain_one(ToServer, true)
                || self.drain_one(ToClient, true)
                || (force && (self.gap_before_front(ToServer, proof)
                    || self.gap_before_front(ToClient, proof)));
            if !progress {
                break;
            }
        }
        if self.slot.connection.reset.is_some() && force {
            self.tell_reset();
        }
    }

    /// Names the gap before a segment that was sent before the other direction's gap was
    /// acknowledged.
    fn earlier_gap(&mut self, direction: Direction, proof: Mark, force: bool) -> bool {
        force
            && self.waits_before(direction)
            && self.slot.connection.half(direction.reverse()).acked_unseen() > 0
            && self.gap_before_front(direction, proof)
    }

    /// Whether the first segment that waits in this direction waits for bytes of its own, and not
    /// for the other direction's.
    fn waits_before(&mut self, direction: Direction) -> bool {
        let connection = &mut self.slot.connection;
        let told = connection.half(direction.reverse()).next;
        let half = connection.half(direction);
        half.front().is_some_and(|front| {
            front.seq.is_after(half.next) && front.ack.is_some_and(|ack| !ack.is_after(told))
        })
    }

    /// Names the bytes of this direction that were acknowledged but not seen.
    fn acked_gap(&mut self, direction: Direction, proof: Mark) -> bool {
        if self.waits_before(direction.reverse()) {
            return false;
        }
        let connection = &mut self.slot.connection;
        // A segment of the other direction waits for a part of the gap: it comes in between.
        let other = connection.half(direction.reverse());
        let other_missing = other.front().is_some_and(|f| f.seq.is_after(other.next));
        let wanted = other.front().filter(|f| !f.seq.is_after(other.next)).and_then(|f| f.ack);
        let half = connection.half(direction);
        let unseen = half.acked_unseen();
        let unseen = match wanted.map(|ack| ack.distance(half.next)) {
            Some(wanted @ 1..) => unseen.min(wanted as u32),
            _ => unseen,
        };
        if unseen == 0 {
            return false;
        }
        // One position more than there are bytes is most likely the FIN. Where the other direction
        // lacks something, too, nobody can say which came first.
        if unseen == 1 && !half.fin && half.ends_at(half.next.plus(1)) && !other_missing {
            self.fin(direction, None, proof, None);
            return true;
        }
        let len = match half.front() {
            Some(front) => unseen.min(front.seq.distance(half.next).max(0) as u32),
            None => unseen,
        };
        len > 0 && self.gap(direction, len, true, proof)
    }

    fn gap_before_front(&mut self, direction: Direction, proof: Mark) -> bool {
        let half = self.slot.connection.half(direction);
        let len = half.front().map_or(0, |front| front.seq.distance(half.next).max(0) as u32);
        len > 0 && self.gap(direction, len, false, proof)
    }

    fn gap(&mut self, direction: Direction, len: u32, acked: bool, mark: Mark) -> bool {
        let half = self.slot.connection.half(direction);
        half.next = half.next.plus(len);
        if !half.fin {
            self.slot.connection.info.pulse.miss();
            self.sink.counts().gaps += 1;
            self.sink.counts().missed_bytes += u64::from(len);
            self.event(FlowEvent::Gap { direction, len, acked, mark });
        }
        true
    }

    fn tell_reset(&mut self) {
        let Some(reset) = self.slot.connection.reset.take() else { return };
        let direction = reset.direction;
        let connection = &mut self.slot.connection;
        let unanswered = connection.to_server.next == connection.to_server.start
            && !connection.to_client.exact
            && connection.info.connect.attempts > 0;
        if unanswered && direction == Direction::ToClient {
            // The reset was captured before the SYN that it answers.
            connection.state = State::Over;
            let connect = connection.info.connect;
            self.event(FlowEvent::Refused { connect, mark: reset.mark });
            return;
        }
        let half = self.slot.connection.half(direction);
        match reset.seq.distance(half.next) {
            ahead if !half.known || half.fin || ahead <= 0 => {}
            // The reset stands behind a FIN that was not captured ...
            1 => self.fin(direction, None, reset.mark, None),
            // ... or behind bytes.
            ahead => {
                self.gap(direction, ahead.unsigned_abs(), false, reset.mark);
            }
        }
        let connection = &mut self.slot.connection;
        connection.state = State::Over;
        connection.info.closed.get_or_insert(direction);
        self.event(FlowEvent::Reset { direction, mark: reset.mark });
    }

    /// Tells that the client reads on after its FIN, if what it acknowledges now proves it.
    pub(super) fn still_reading(&mut self, mark: Mark) {
        let connection = &mut self.slot.connection;
        if !connection.to_server.fin || connection.state == State::Over {
            return;
        }
        let half = &connection.to_client;
        let told = if half.fin { half.next.plus(u32::MAX) } else { half.next };
        let reach = if half.acked.is_after(told) { told } else { half.acked };
        if reach.is_after(connection.acked_at_fin) {
            connection.acked_at_fin = reach;
            self.event(FlowEvent::StillReading { mark });
        }
    }

    /// Whether both sides have closed and the client knows it.
    pub(super) fn closed(&mut self) -> bool {
        let c = &self.slot.connection;
        let both = c.to_server.fin && c.to_client.fin;
        let closed = both && c.reset.is_none() && !c.to_client.next.is_after(c.to_client.acked);
        if closed {
            self.slot.connection.state = State::Over;
            self.event(FlowEvent::Closed);
        }
        closed
    }

    /// Nothing more will be known: tells what can be told and why that was all.
    pub(super) fn end(&mut self, why: Ended, proof: Mark) {
        self.settle(proof, true);
        self.still_reading(proof);
        let connection = &mut self.slot.connection;
        if connection.state != State::Over && !self.closed() {
            let connection = &mut self.slot.connection;
            let connect = (connection.state == State::Opening).then_some(connection.info.connect);
            connection.state = State::Over;
            let both = connection.to_server.fin && connection.to_client.fin;
            self.event(if both && why != Ended::Capture {
                FlowEvent::Closed
            } else {
                FlowEvent::Ended { why, connect }
            });
        }
    }
}

impl Connection {
    /// Whether a segment has to wait because what it acknowledges has not been told.
    #[inline]
    fn holds(&mut self, direction: Direction, ack: Option<Seq>) -> bool {
        let other = self.half(direction.reverse());
        ack.is_some_and(|ack| other.known && (1..FAR).contains(&ack.distance(other.next)))
    }
}
