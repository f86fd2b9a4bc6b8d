//! The streams of HTTP/2 (RFC 9113 section 5): frames in, exchanges out.

mod frames;
mod leave;
mod open;
mod stream;
mod tell;

use std::collections::VecDeque;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::in_order::Office;
use super::pending::{Left, Progress};
use super::sockets::Sockets;
use super::windows::Window;
use super::{Exchange, Protocol, Side};
use crate::capture::Mark;
use crate::flow::{Direction, Info};
use stream::Stream;

/// The exchanges of one connection of HTTP/2 that have not ended: each is a stream.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    open: HashMap<u32, Stream, FixedState>,
    /// The highest stream that is known to have been opened.
    highest: u32,
    /// It began before the capture.
    middle: bool,
    /// What the client sent was lost since: it may have opened streams there.
    lost: bool,
    /// The open streams whose request was not captured, the oldest first: they are told in the order
    /// of their numbers, for nothing else tells them apart.
    orphans: VecDeque<u32>,
    /// The client has closed its half of the connection.
    left: Option<Box<Left>>,
    /// The server has closed its half.
    server_fin: Option<Mark>,
    /// The server takes no more streams.
    goaway: Option<Box<Away>>,
    /// The client went away with an error.
    client_error: Option<u32>,
    /// What each side may send: client, server. `None`: not known.
    windows: Option<[Window; 2]>,
    /// Streams that were reset, which is to be decided, and those that ended after them: they are
    /// told in the order in which they ended.
    ending: VecDeque<u32>,
    /// Those that have become WebSockets.
    sockets: Sockets,
}

/// A GOAWAY of the server.
#[derive(Debug)]
struct Away {
    last: u32,
    code: u32,
    debug: Box<str>,
    mark: Mark,
}

/// Listens to the frames of one connection and pairs them.
pub(crate) struct StreamsHearing<'a> {
    pub(crate) streams: &'a mut Streams,
    pub(crate) info: &'a Info,
    pub(crate) office: &'a mut dyn Office,
}

fn side(direction: Direction) -> Side {
    match direction {
        Direction::ToServer => Side::Client,
        Direction::ToClient => Side::Server,
    }
}

fn before(a: Mark, b: Mark) -> bool {
    (a.time, a.number) < (b.time, b.number)
}

impl Streams {
    /// A connection whose first frames are to come, or that began before the capture.
    pub(crate) fn new(middle: bool) -> Self {
        let windows = (!middle).then(Default::default);
        Self { middle, windows, ..Self::default() }
    }

    /// The HTTP/1 request that changed the protocol is stream 1, and has ended.
    pub(crate) fn upgraded(&mut self, mut exchange: Box<Exchange>) {
        exchange.protocol = Protocol::H2;
        exchange.stream = Some(1);
        // The 101 was not the answer.
        exchange.response = None;
        self.highest = 1;
        // Its windows were set by a field of HTTP/1, which is not read.
        self.open.insert(1, Stream::new(exchange, Progress::Ended));
    }

    /// Bytes kept, without the exchanges.
    pub(crate) fn kept(&self) -> usize {
        self.open.capacity() * size_of::<(u32, Stream)>() + self.sockets.kept()
    }

    /// Whether a decision waits.
    pub(crate) fn waits(&self) -> bool {
        !self.ending.is_empty() || self.sockets.waits()
    }

    /// A stream that has not ended.
    fn live(&mut self, id: u32) -> Option<&mut Stream> {
        self.open.get_mut(&id).filter(|stream| stream.ended.is_none())
    }

    /// Whether streams may be open that began before the capture, and nothing tells which.
    fn began_unseen(&self) -> bool {
        self.middle && self.highest == 0
    }

    /// The streams that are open, the oldest first.
    fn ids(&self) -> Vec<u32> {
        let mut ids: Vec<u32> = self.open.keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    fn each(&mut self) -> impl Iterator<Item = (&u32, &mut Stream)> {
        self.open.iter_mut()
    }
}
