//! HTTP/1.0 and 1.1 (RFC 9112): heads by httparse, framing here.

mod chunked;
mod framing;
mod head;

#[cfg(test)]
mod tests;

pub use head::{Asked, RequestHead, ResponseHead};

use chunked::{Chunked, Step};
use framing::Framing;
use head::Read;

use super::Listener;
use super::identify::{Spoken, identify, identify_in_the_middle};
use crate::capture::Mark;
use crate::flow::Direction;
use crate::limits::Limit;

/// Both directions of a connection, read as HTTP/1 as long as they are.
#[derive(Debug, Default)]
pub(crate) struct Http1 {
    to_server: Stream,
    to_client: Stream,
    /// What is spoken; `None` as long as that is not known.
    spoken: Option<Spoken>,
}

/// One direction.
#[derive(Debug, Default)]
struct Stream {
    state: State,
    /// The unfinished head, in [`State::Head`].
    partial: Option<Box<Partial>>,
}

/// A head whose end has not come.
#[derive(Debug, Default)]
struct Partial {
    bytes: Vec<u8>,
    /// The packet in which it began.
    first: Mark,
    /// The last packet with bytes of it.
    last: Mark,
}

/// Where in its messages a direction is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Between messages.
    #[default]
    Begin,
    /// In a head.
    Head,
    /// In a body with so many bytes left.
    Body(u64),
    /// In a chunked body.
    Chunked(Chunked),
    /// In a body that ends with the connection.
    UntilClose,
    /// The place was lost: looking for the next message at the start of each segment.
    Lost,
    /// Not HTTP/1, or no longer.
    Opaque,
}

impl Http1 {
    /// The connection began before the capture: the first bytes may be from anywhere.
    pub(crate) fn midstream(&mut self) {
        self.to_server.state = State::Lost;
        self.to_client.state = State::Lost;
    }

    /// What is spoken, once that is known.
    pub(crate) fn spoken(&self) -> Option<Spoken> {
        self.spoken
    }

    /// Whether bytes of a message's head are kept in this direction, and how many.
    pub(crate) fn kept(&self) -> usize {
        let kept = |stream: &Stream| stream.partial.as_ref().map_or(0, |p| p.bytes.capacity());
        kept(&self.to_server) + kept(&self.to_client)
    }

    fn stream(&mut self, direction: Direction) -> &mut Stream {
        match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        }
    }

    /// Takes the beginnings of heads that turned out to be another protocol's, with the packets
    /// they came in, the oldest first.
    pub(crate) fn take_unread(&mut self) -> Vec<(Direction, Vec<u8>, Mark)> {
        let mut unread = Vec::new();
        for direction in [Direction::ToServer, Direction::ToClient] {
            if let Some(partial) = self.stream(direction).partial.take() {
                unread.push((direction, partial.bytes, partial.first));
            }
        }
        unread.sort_by_key(|(_, _, first)| first.number);
        unread
    }

    /// The next bytes of a direction. Answers how many were taken: less than all if what follows is
    /// another protocol.
    #[inline]
    pub(crate) fn data(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        mark: Mark,
        head_limit: usize,
        listener: &mut impl Listener,
    ) -> usize {
        let all = bytes.len();
        let mut bytes = bytes;
        while !bytes.is_empty() {
            let stream = self.stream(direction);
            let taken = match &mut stream.state {
                State::Body(left) => {
                    let taken = (*left).min(bytes.len() as u64);
                    *left -= taken;
                    let whole = *left == 0;
                    listener.body(direction, taken, mark);
                    if whole {
                        stream.state = State::Begin;
                        listener.end(direction, mark);
                    }
                    taken as usize
                }
                State::UntilClose => {
                    listener.body(direction, bytes.len() as u64, mark);
                    bytes.len()
                }
                State::Chunked(chunked) => match chunked.step(bytes) {
                    Step::Took(taken, body) => {
                        // Its framing counts as a sign of life, too.
                        listener.body(direction, body, mark);
                        taken
                    }
                    Step::Done(taken) => {
                        stream.state = State::Begin;
                        listener.body(direction, 0, mark);
                        listener.end(direction, mark);
                        taken
                    }
                    Step::Invalid => {
                        stream.state = State::Lost;
                        listener.lost(direction, true, mark);
                        bytes.len()
                    }
                },
                State::Begin | State::Lost => self.begin(direction, bytes, mark, listener),
                State::Head => self.head(direction, bytes, mark, head_limit, listener),
                State::Opaque => break,
            };
            bytes = &bytes[taken..];
        }
        all - bytes.len()
    }

    /// Bytes of a direction that were not captured. `acked`: the other side has received them.
    pub(crate) fn gap(
        &mut self,
        direction: Direction,
        len: u64,
        acked: bool,
        mark: Mark,
        listener: &mut impl Listener,
    ) {
        let stream = self.stream(direction);
        match &mut stream.state {
            State::Body(left) if *left > len => {
                *left -= len;
                listener.body(direction, len, mark);
                return;
            }
            State::Body(left) => {
                let (rest, exact) = (*left, *left == len);
                stream.state = State::Begin;
                listener.body(direction, rest, mark);
                listener.end(direction, mark);
                if exact {
                    return;
                }
            }
            State::Chunked(chunked) => {
                if chunked.skip(len) {
                    listener.body(direction, len, mark);
                    return;
                }
            }
            State::UntilClose => {
                listener.body(direction, len, mark);
                return;
            }
            State::Head => {
                self.head_cut(direction, acked, mark, listener);
                return;
            }
            State::Opaque => return,
            State::Begin | State::Lost => {}
        }
        self.stream(direction).state = State::Lost;
        listener.lost(direction, acked, mark);
    }

    /// The sender has closed its half.
    pub(crate) fn fin(&mut self, direction: Direction, mark: Mark, listener: &mut impl Listener) {
        let stream = self.stream(direction);
        if stream.state == State::UntilClose {
            stream.state = State::Begin;
            listener.end(direction, mark);
        }
    }

    /// Nothing more comes from the client: a request whose head is not whole is told as it is.
    pub(crate) fn client_done(&mut self, listener: &mut impl Listener) {
        let stream = &mut self.to_server;
        if stream.state != State::Head {
            return;
        }
        stream.state = State::Lost;
        let Some(partial) = stream.partial.take() else { return };
        let Partial { bytes, first, last } = *partial;
        let lines = head::whole_lines(&bytes);
        let head = match lines.as_deref().map(head::request) {
            Some(Read::Whole(_, head)) => Some(head),
            // After a 101 that was not captured, these are not the bytes of a request.
            _ if identify(&bytes, Direction::ToServer) == Spoken::Other => return,
            _ if self.spoken == Some(Spoken::Http1) => None,
            _ => return,
        };
        listener.request_cut(head, first, last);
    }

    /// A message may begin here.
    #[inline]
    fn begin(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        mark: Mark,
        listener: &mut impl Listener,
    ) -> usize {
        // Empty lines before a message are passed over (RFC 9112 section 2.2).
        let empty = bytes.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        let rest = &bytes[empty..];
        if rest.is_empty() {
            return bytes.len();
        }
        let lost = self.stream(direction).state == State::Lost;
        let known = !lost && self.spoken == Some(Spoken::Http1);
        let spoken = match (known, lost && self.spoken.is_none()) {
            (true, _) => Spoken::Http1,
            (false, true) => identify_in_the_middle(rest, direction),
            (false, false) => identify(rest, direction),
        };
        match spoken {
            Spoken::Http1 => {}
            Spoken::NeedMore if !lost => {
                self.keep(direction, rest, mark, listener);
                return bytes.len();
            }
            spoken => {
                if self.spoken.is_none() && (!lost || spoken == Spoken::Http2) {
                    self.opaque(spoken);
                    return empty;
                } else if !lost {
                    self.stream(direction).state = State::Lost;
                    listener.lost(direction, true, mark);
                } else {
                    listener.body(direction, rest.len() as u64, mark);
                }
                return bytes.len();
            }
        }
        self.spoken = Some(Spoken::Http1);
        match self.read(direction, rest, mark, mark, listener) {
            Read::Whole(taken, ()) => empty + taken,
            Read::Partial => {
                self.keep(direction, rest, mark, listener);
                bytes.len()
            }
            Read::Invalid => bytes.len(),
        }
    }

    /// Keeps the beginning of a head.
    fn keep(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        mark: Mark,
        listener: &mut impl Listener,
    ) {
        let stream = self.stream(direction);
        stream.state = State::Head;
        stream.partial = Some(Box::new(Partial { bytes: bytes.into(), first: mark, last: mark }));
        listener.begun(direction, mark);
    }

    /// More of a head whose beginning is kept.
    fn head(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        mark: Mark,
        limit: usize,
        listener: &mut impl Listener,
    ) -> usize {
        let Some(mut partial) = self.stream(direction).partial.take() else { return bytes.len() };
        let before = partial.bytes.len();
        let room = limit.saturating_sub(before).min(bytes.len());
        partial.bytes.extend_from_slice(&bytes[..room]);
        partial.last = mark;
        if self.spoken.is_none() {
            match identify(&partial.bytes, direction) {
                Spoken::Http1 => self.spoken = Some(Spoken::Http1),
                Spoken::NeedMore => {}
                other => {
                    partial.bytes.truncate(before);
                    self.stream(direction).partial = Some(partial);
                    self.opaque(other);
                    return 0;
                }
            }
        }
        if head::end(&partial.bytes, before).is_none() {
            if partial.bytes.len() >= limit {
                listener.hit(Limit::Head);
                self.stream(direction).state = State::Lost;
                listener.lost(direction, true, mark);
                return bytes.len();
            }
            self.stream(direction).partial = Some(partial);
            return bytes.len();
        }
        match self.read(direction, &partial.bytes, partial.first, mark, listener) {
            Read::Whole(taken, ()) => taken.saturating_sub(before),
            Read::Partial => {
                self.invalid(direction, mark, listener);
                bytes.len()
            }
            Read::Invalid => bytes.len(),
        }
    }

    /// Reads the head at the front of `bytes`; answers its length. The state is that behind
    /// it, or `Lost` if it is no head.
    #[inline]
    fn read(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        first: Mark,
        mark: Mark,
        listener: &mut impl Listener,
    ) -> Read<()> {
        match direction {
            Direction::ToServer => match head::request(bytes) {
                Read::Whole(len, head) => {
                    listener.request(head, first, mark, true);
                    self.framed(direction, head.framing, mark, listener);
                    Read::Whole(len, ())
                }
                Read::Partial => Read::Partial,
                Read::Invalid => {
                    let Some(end) = head::end(bytes, 0) else { return Read::Partial };
                    let unfolded = head::unfold(&bytes[..end]);
                    if let Some(Read::Whole(_, head)) = unfolded.as_deref().map(head::request) {
                        listener.request(head, first, mark, true);
                        self.framed(direction, head.framing, mark, listener);
                        return Read::Whole(end, ());
                    }
                    self.invalid(direction, mark, listener)
                }
            },
            Direction::ToClient => match head::response(bytes, listener.asked()) {
                Read::Whole(len, head) => {
                    let upgrade = head.upgrade;
                    // An interim response: the final one follows.
                    if (100..200).contains(&head.status) && head.status != 101 {
                        self.to_client.state = State::Begin;
                        return Read::Whole(len, ());
                    }
                    listener.response(head, first, mark, true);
                    if let Some(upgrade) = upgrade {
                        listener.switched(upgrade);
                    }
                    self.framed(direction, head.framing, mark, listener);
                    Read::Whole(len, ())
                }
                Read::Partial => Read::Partial,
                Read::Invalid => self.invalid(direction, mark, listener),
            },
        }
    }

    fn invalid(
        &mut self,
        direction: Direction,
        mark: Mark,
        listener: &mut impl Listener,
    ) -> Read<()> {
        self.stream(direction).state = State::Lost;
        listener.lost(direction, true, mark);
        Read::Invalid
    }

    /// A head was read: what follows is framed like this.
    #[inline]
    fn framed(
        &mut self,
        direction: Direction,
        framing: Framing,
        mark: Mark,
        listener: &mut impl Listener,
    ) {
        let stream = self.stream(direction);
        stream.state = match framing {
            Framing::Length(0) | Framing::None => State::Begin,
            Framing::Length(length) => State::Body(length),
            Framing::Chunked => State::Chunked(Chunked::START),
            Framing::UntilClose => State::UntilClose,
            Framing::Switch => State::Opaque,
            Framing::Invalid => State::Lost,
        };
        match stream.state {
            State::Begin => listener.end(direction, mark),
            State::Opaque => {
                self.opaque(Spoken::Other);
                listener.end(direction, mark);
            }
            State::Lost => listener.lost(direction, true, mark),
            _ => {}
        }
    }

    /// The end of a head was not captured: what its whole lines say is told.
    fn head_cut(
        &mut self,
        direction: Direction,
        acked: bool,
        mark: Mark,
        listener: &mut impl Listener,
    ) {
        let asked = listener.asked();
        let stream = self.stream(direction);
        stream.state = State::Lost;
        let partial = stream.partial.take().unwrap_or_default();
        let first = partial.first;
        let Some(lines) = head::whole_lines(&partial.bytes) else {
            listener.lost(direction, acked, mark);
            return;
        };
        match direction {
            Direction::ToServer => {
                if let Read::Whole(_, head) = head::request(&lines) {
                    return listener.request(head, first, first, false);
                }
            }
            Direction::ToClient => match head::response(&lines, asked) {
                Read::Whole(_, head) if head.status >= 200 => {
                    return listener.response(head, first, first, false);
                }
                _ => {}
            },
        }
        listener.lost(direction, acked, mark);
    }

    fn opaque(&mut self, spoken: Spoken) {
        self.spoken = Some(spoken);
        self.to_server.state = State::Opaque;
        self.to_client.state = State::Opaque;
    }
}
