use std::collections::VecDeque;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::detail::{Detail, Grpc, Http2, Stall};
use super::in_order::{Office, blank};
use super::messages::Messages;
use super::pending::{End, Left, Pending, Progress, UNKNOWN};
use super::sockets::Sockets;
use super::windows::{StreamWindow, Window};
use super::{Exchange, Outcome, Protocol, ProxyAnswer, Response, Side};
use crate::capture::Mark;
use crate::flow::{Direction, Ended, Info};
use crate::limits::Limit;
use crate::message::http2::{GoAway, Head, Http2Listener, Settings};
use crate::message::words::text;
use crate::message::{Asked, Upgrade};

/// The longest debug data of a GOAWAY that is kept, in bytes.
const DEBUG: usize = 256;
/// Streams whose request was not captured, of which more is waited for: an older one is given up.
const ORPHANS: usize = 64;

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

/// One exchange.
#[derive(Debug)]
struct Stream {
    pending: Pending,
    http2: Http2,
    /// gRPC is spoken on it.
    grpc: Option<Box<Rpc>>,
    /// The first RST_STREAM in time. What it ended is decided when packets captured out of order
    /// have had time to come.
    reset: Option<Box<Reset>>,
    /// What the client sent was lost since: it may have reset the stream there.
    doubtful: bool,
    /// Fields of its request are not known, nor its request id.
    partial: bool,
    /// How it ended, while others are to be told before it.
    ended: Option<End>,
    /// What each side may send: client, server.
    windows: Option<[StreamWindow; 2]>,
}

#[derive(Debug, Default)]
struct Rpc {
    says: Grpc,
    requests: Messages,
    responses: Messages,
}

#[derive(Clone, Copy, Debug)]
struct Reset {
    by: Side,
    code: u32,
    mark: Mark,
    /// The latest packet when it was told.
    told: Mark,
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

impl Stream {
    fn new(exchange: Box<Exchange>, request: Progress) -> Self {
        let pending = Pending {
            exchange,
            asked: Asked::default(),
            request,
            response: Progress::None,
            begun: None,
            begun_first: false,
        };
        let http2 = Http2::default();
        let (grpc, reset, ended, windows) = (None, None, None, None);
        let (doubtful, partial) = (false, false);
        Self { pending, http2, grpc, reset, doubtful, partial, ended, windows }
    }

    /// Whether the packet came after the stream was reset.
    fn is_over(&self, mark: Mark) -> bool {
        self.reset.as_ref().is_some_and(|reset| before(reset.mark, mark))
    }

    /// Takes what a head says of gRPC.
    fn rpc(&mut self, head: &mut Head) {
        let says = head.grpc || head.grpc_status.is_some() || head.grpc_timeout.is_some();
        if !says && self.grpc.is_none() {
            return;
        }
        let first = self.grpc.is_none();
        let rpc = self.grpc.get_or_insert_default();
        // What came before it was known to be gRPC was not counted.
        if first && self.pending.exchange.request.body > 0 {
            rpc.requests.lose();
        }
        if first && self.pending.exchange.response.as_ref().is_some_and(|r| r.body > 0) {
            rpc.responses.lose();
        }
        let says = &mut rpc.says;
        says.status = says.status.or(head.grpc_status);
        says.deadline = says.deadline.or(head.grpc_timeout);
        if says.message.is_none() {
            says.message = head.grpc_message.take();
        }
        self.pending.exchange.protocol = Protocol::Grpc;
    }

    /// What its reset ended.
    fn verdict(&self, reset: &Reset) -> End {
        let pending = &self.pending;
        let by_it = |outcome| (outcome, Some(reset.by), Some(reset.mark));
        let response = pending.exchange.response.as_ref();
        // What one side sent is in order; between the sides times decide.
        let in_time = |mark: Mark| reset.by == Side::Server || before(mark, reset.mark);
        match pending.response {
            Progress::Lost | Progress::Unframed | Progress::Unseen => UNKNOWN,
            Progress::Ended if response.is_none() => UNKNOWN,
            Progress::Ended if response.is_some_and(|r| in_time(r.last)) => {
                (Outcome::Complete, None, None)
            }
            // The client may have been first, where that was not captured.
            _ if self.doubtful && reset.by == Side::Server => UNKNOWN,
            _ if pending.begun.is_some_and(in_time) => by_it(Outcome::TruncatedResponse),
            _ => by_it(match reset.by {
                Side::Client => Outcome::ClientRstStreamBeforeResponse,
                Side::Server => Outcome::ServerRstStreamBeforeResponse,
            }),
        }
    }

    /// The exchange, ended.
    fn end(mut self, end: End, now: Mark) -> Box<Exchange> {
        let ended = match &self.reset {
            Some(reset) => reset.mark,
            None => end.2.unwrap_or(now),
        };
        if let Some(reset) = self.reset {
            self.http2.error = Some(reset.code);
        }
        if let Some(windows) = self.windows {
            let stalls = [Side::Server, Side::Client].into_iter().zip(windows);
            let stalls = stalls.filter_map(|(reader, window)| {
                let (longest, at_end) = window.stall(ended)?;
                Some(Stall { reader, longest, at_end })
            });
            self.http2.stall = stalls.max_by_key(|stall| stall.longest);
        }
        if let Some(rpc) = self.grpc {
            let (requests, responses) = (rpc.requests.whole(), rpc.responses.whole());
            self.http2.grpc = Some(Grpc { requests, responses, ..rpc.says });
        }
        let mut exchange = self.pending.end(end);
        if exchange.outcome == Outcome::Complete {
            // A reset after the response's end ended nothing.
            self.http2.error = None;
        }
        if !self.http2.is_empty() {
            exchange.detail = Some(Box::new(Detail::Http2(self.http2)));
        }
        exchange
    }
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

impl StreamsHearing<'_> {
    /// Ends a stream. It is told at once, unless others come first.
    fn end_stream(&mut self, id: u32, end: End) {
        let Some(stream) = self.streams.open.get_mut(&id) else { return };
        let waits = stream.reset.is_some();
        let orphan = stream.pending.request == Progress::Lost;
        stream.ended = Some(end);
        if stream.partial {
            self.give_up_before(id);
        }
        if orphan && self.streams.orphans.contains(&id) {
            while let Some(front) = self.streams.orphans.front().copied()
                && self.streams.open.get(&front).is_none_or(|stream| stream.ended.is_some())
            {
                self.streams.orphans.pop_front();
                self.in_turn(front);
            }
        } else if !waits {
            self.in_turn(id);
        }
        self.tell_decided();
    }

    /// Gives up those before `id` of which as little is known as of it, and nothing shows that they go
    /// on: what their fields do not tell apart is told in the order of asking.
    fn give_up_before(&mut self, id: u32) {
        let lost = |stream: &Stream| {
            stream.ended.is_none()
                && stream.reset.is_none()
                && stream.pending.begun.is_none()
                && stream.doubtful
                && (stream.partial || stream.pending.exchange.request.last.is_none())
        };
        let open = self.streams.open.iter();
        let mut ids: Vec<u32> =
            open.filter(|(other, s)| **other < id && lost(s)).map(|(other, _)| *other).collect();
        ids.sort_unstable();
        let place = self.streams.ending.iter().position(|other| *other == id);
        let place = place.unwrap_or(self.streams.ending.len());
        self.streams.orphans.retain(|orphan| !ids.contains(orphan));
        for (after, id) in ids.into_iter().enumerate() {
            if let Some(stream) = self.streams.open.get_mut(&id) {
                stream.ended = Some(UNKNOWN);
            }
            self.streams.ending.insert(place + after, id);
        }
    }

    /// A stream that has ended is told when those that are to be decided have been.
    fn in_turn(&mut self, id: u32) {
        if self.streams.ending.is_empty() {
            self.tell(id);
        } else if !self.streams.ending.contains(&id) {
            self.streams.ending.push_back(id);
        }
    }

    /// Tells those whose turn it is.
    fn tell_decided(&mut self) {
        while let Some(front) = self.streams.ending.front().copied()
            && self.streams.open.get(&front).is_none_or(|stream| stream.ended.is_some())
        {
            self.streams.ending.pop_front();
            self.tell(front);
        }
    }

    /// Tells of a stream that has ended.
    fn tell(&mut self, id: u32) {
        let Some(mut stream) = self.streams.open.remove(&id) else { return };
        let end = stream.ended.unwrap_or(UNKNOWN);
        if !matches!(end.0, Outcome::Complete | Outcome::HalfCloseOk | Outcome::InProgress) {
            if let Some(away) = &self.streams.goaway
                && end.1 == Some(Side::Server)
            {
                stream.http2.goaway = (!away.debug.is_empty()).then(|| away.debug.clone());
            }
            let error = match end.1 {
                Some(Side::Client) => self.streams.client_error,
                Some(Side::Server) => self.streams.goaway.as_ref().map(|away| away.code),
                None => None,
            };
            stream.http2.error = error.filter(|code| *code != 0);
        }
        let mut exchange = stream.end(end, self.office.now());
        exchange.server = self.info.server.socket();
        self.office.ended(exchange);
    }

    /// Ends all streams, each as `how` says; `None` keeps it.
    fn end_all(&mut self, how: impl Fn(&Stream) -> Option<End>) {
        if self.streams.open.is_empty() {
            return;
        }
        for id in self.streams.ids() {
            let Some(stream) = self.streams.open.get(&id) else { continue };
            let end = match &stream.reset {
                _ if stream.ended.is_some() => None,
                Some(reset) => Some(stream.verdict(reset)),
                None => how(stream),
            };
            if let Some(end) = end {
                self.end_stream(id, end);
            }
        }
    }

    /// As [`end_all`](Self::end_all), for the end of a connection: of a stream that the client may
    /// have reset unseen nothing can be said.
    fn end_all_known(&mut self, how: impl Fn(&Stream) -> Option<End>) {
        self.end_all(|stream| match stream.pending.response {
            Progress::Ended => how(stream),
            _ if stream.doubtful => Some(UNKNOWN),
            _ => how(stream),
        });
    }

    /// What was undecided at `since` can be decided.
    pub(crate) fn settled(&mut self, since: Mark) {
        while let Some(id) = self.streams.ending.front().copied()
            && let Some(stream) = self.streams.open.get(&id)
            && let Some(reset) = stream.reset.as_deref().copied()
            && reset.told.number <= since.number
        {
            let end = stream.verdict(&reset);
            self.end_stream(id, end);
        }
        self.streams.sockets.settled(since, self.info, self.office);
    }

    /// The client has closed its half of the connection.
    pub(crate) fn client_fin(&mut self, fin: Option<Mark>, proof: Mark) {
        self.streams.left = Some(Box::new(Left { fin, proof, reads_on: false }));
        self.streams.sockets.left(Direction::ToServer, fin);
        for id in self.streams.ids() {
            let Some(stream) = self.streams.live(id) else { continue };
            if stream.reset.is_some() {
                continue;
            }
            let pending = &mut stream.pending;
            pending.begun_first = pending.begun.is_some();
            match (pending.request, pending.response) {
                (Progress::Open, Progress::None) if !stream.doubtful => {
                    let end = (Outcome::TruncatedRequest, Some(Side::Client), fin);
                    self.end_stream(id, end);
                }
                (_, Progress::None) => {
                    pending.exchange.close = fin;
                    if !stream.doubtful {
                        self.office.question(&pending.exchange);
                    }
                }
                _ => {}
            }
        }
    }

    /// The server has closed its half of the connection.
    pub(crate) fn server_fin(&mut self, fin: Option<Mark>) {
        self.streams.server_fin = fin;
        self.streams.sockets.left(Direction::ToClient, fin);
        let left = self.streams.left.take();
        self.end_all_known(|stream| stream.pending.server_left(left.as_deref(), fin));
        self.streams.left = left;
    }

    /// The client has closed its half and still acknowledges what comes.
    pub(crate) fn still_reading(&mut self) {
        let Some(left) = &mut self.streams.left else { return };
        left.reads_on = true;
        let left = self.streams.left.take();
        self.end_all(|stream| match stream.pending.response {
            Progress::Ended => stream.pending.whole(left.as_deref()),
            _ => None,
        });
        self.streams.left = left;
    }

    /// One side has reset the connection.
    pub(crate) fn connection_reset(&mut self, direction: Direction, mark: Mark) {
        let left = self.streams.left.take();
        let fin = self.streams.server_fin;
        self.end_all_known(|stream| {
            Some(stream.pending.reset(direction, left.as_deref(), fin, mark))
        });
        let end = super::End::reset(direction, mark);
        self.streams.sockets.over(end, self.info, self.office);
    }

    /// Both sides have closed the connection.
    pub(crate) fn closed(&mut self) {
        let left = self.streams.left.take();
        let fin = self.streams.server_fin;
        self.end_all_known(|stream| Some(stream.pending.closed(left.as_deref(), fin)));
        self.streams.sockets.over(super::End::Closed, self.info, self.office);
    }

    /// Nothing more will be known of the connection.
    pub(crate) fn over(&mut self, why: Ended) {
        let left = self.streams.left.take();
        let now = self.office.now();
        self.end_all_known(|stream| Some(stream.pending.over(left.as_deref(), why, now)));
        self.streams.sockets.over(super::End::of(why), self.info, self.office);
    }

    /// The stream `id` was opened, and so were those before it: clients number their streams
    /// without leaving any out.
    fn opened(&mut self, id: u32) {
        let next = (self.streams.highest + 1) | 1;
        self.streams.highest = id;
        let first = if self.streams.lost && (id - next) / 2 < ORPHANS as u32 { next } else { id };
        for missed in (first..id).step_by(2) {
            self.adopt(missed);
        }
    }

    /// Follows a stream whose request was not captured.
    fn adopt(&mut self, id: u32) {
        if self.streams.orphans.len() == ORPHANS
            && let Some(oldest) = self.streams.orphans.front().copied()
        {
            self.end_stream(oldest, UNKNOWN);
        }
        if !self.has_room() {
            return;
        }
        let mut exchange = blank(self.info, Protocol::H2);
        exchange.stream = Some(id);
        self.office.began(&exchange);
        let mut stream = Stream::new(exchange, Progress::Lost);
        stream.doubtful = true;
        self.streams.open.insert(id, stream);
        self.streams.orphans.push_back(id);
    }

    /// Whether one more stream may be followed.
    fn has_room(&mut self) -> bool {
        let open = self.streams.open.len() + self.streams.sockets.len();
        let room = open < self.office.limits().streams;
        if !room {
            self.office.counts().hit(Limit::Streams);
        }
        room
    }

    /// A request begins a stream.
    fn request(&mut self, id: u32, head: &mut Head, first: Mark, mark: Mark) {
        self.opened(id);
        self.streams.lost = false;
        if !self.has_room() {
            return;
        }
        let mut exchange = blank(self.info, Protocol::H2);
        exchange.stream = Some(id);
        let request = &mut exchange.request;
        request.first = Some(first);
        request.last = Some(mark);
        request.method = head.method.take();
        request.path = head.path.take();
        request.host = head.host.take();
        request.request_id = head.request_id.take();
        request.probe = head.probe;
        request.upgrade = head.websocket.then_some(Upgrade::WebSocket);
        let room = self.office.began(&exchange);
        let mut stream = Stream::new(exchange, Progress::Open);
        stream.windows = self.streams.windows.map(|windows| windows.map(|window| window.stream()));
        stream.partial = head.partial && stream.pending.exchange.request.request_id.is_none();
        stream.rpc(head);
        self.streams.open.insert(id, stream);
        if !room {
            self.office.counts().hit(Limit::Buffered);
            self.end_stream(id, UNKNOWN);
        } else if let Some(away) = &self.streams.goaway
            && id > away.last
        {
            let mark = away.mark;
            self.refused(id, mark);
        }
    }

    /// The server does not look at a stream.
    fn refused(&mut self, id: u32, mark: Mark) {
        let Some(stream) = self.streams.live(id) else { return };
        if stream.reset.is_some() || stream.pending.response != Progress::None {
            return;
        }
        let end = if stream.doubtful {
            UNKNOWN
        } else {
            stream.http2.refused = true;
            (Outcome::ServerClosedBeforeResponse, Some(Side::Server), Some(mark))
        };
        self.end_stream(id, end);
    }

    /// A header block of the server on a stream that is not open; answers whether it is now.
    fn orphan(&mut self, id: u32, head: &Head) -> bool {
        if head.status.is_none_or(|status| status < 200) || id.is_multiple_of(2) {
            return false;
        }
        if self.streams.began_unseen() {
            self.office.counts().orphan_responses += 1;
            return false;
        }
        if id <= self.streams.highest {
            return false;
        }
        self.streams.lost = true;
        self.opened(id);
        self.adopt(id);
        self.is_open(id)
    }

    /// A response is whole.
    fn response_ended(&mut self, id: u32) {
        let left = self.streams.left.take();
        let end = self.streams.live(id).and_then(|stream| {
            stream.pending.response = Progress::Ended;
            if stream.reset.is_some() { None } else { stream.pending.whole(left.as_deref()) }
        });
        self.streams.left = left;
        if let Some(end) = end {
            self.end_stream(id, end);
        }
    }
}

impl Http2Listener for StreamsHearing<'_> {
    fn begins(&mut self) {
        self.streams.middle = false;
    }

    fn headers(&mut self, direction: Direction, id: u32, head: &mut Head, first: Mark, mark: Mark) {
        if direction == Direction::ToServer {
            match self.streams.open.get_mut(&id) {
                Some(stream) if stream.ended.is_some() => {}
                Some(stream) => {
                    stream.doubtful = false;
                    if stream.pending.response == Progress::None && !stream.is_over(mark) {
                        stream.pending.exchange.request.last = Some(mark);
                    }
                }
                // Trailers may be of a stream whose request was lost.
                None if id % 2 == 1 && id > self.streams.highest => {
                    let certain = !self.streams.lost && !self.streams.began_unseen();
                    if head.is_request || certain {
                        self.request(id, head, first, mark);
                    }
                }
                None => {}
            }
            return;
        }
        if self.streams.sockets.is_open(id)
            || !self.streams.open.contains_key(&id) && !self.orphan(id, head)
        {
            return;
        }
        let Some(stream) = self.streams.live(id) else { return };
        if head.status.is_some_and(|status| status < 200) {
            // An interim response: the final one follows.
            return;
        }
        stream.rpc(head);
        let pending = &mut stream.pending;
        if pending.exchange.response.is_some() {
            // Trailers.
            if pending.response == Progress::Lost {
                pending.response = Progress::Open;
            }
            if let Some(response) = &mut pending.exchange.response {
                response.last = mark;
            }
            return;
        }
        pending.begun.get_or_insert(first);
        let Some(status) = head.status else {
            // Trailers whose head was lost, or a head that cannot be read.
            pending.response = match pending.response {
                Progress::Open => Progress::Open,
                _ if head.grpc_status.is_some() => Progress::Open,
                _ => Progress::Unframed,
            };
            return;
        };
        pending.response = Progress::Open;
        let proxy = match head.linkerd.take() {
            Some(error) => Some(ProxyAnswer::Linkerd(error)),
            None if !head.envoy || head.upstream => None,
            None if pending.exchange.request.upgrade.is_some() => Some(ProxyAnswer::EnvoyPerhaps),
            None => Some(ProxyAnswer::Envoy),
        };
        pending.exchange.response = Some(Response { status, first, last: mark, body: 0, proxy });
        let agrees = (200..300).contains(&status)
            && pending.exchange.request.upgrade == Some(Upgrade::WebSocket);
        if agrees
            && stream.reset.is_none()
            && let Some(stream) = self.streams.open.remove(&id)
        {
            self.streams.sockets.begin(id, stream.pending.exchange);
            if stream.doubtful {
                self.streams.sockets.lost(Direction::ToServer, mark);
            }
        }
    }

    fn frame(&mut self, direction: Direction, id: u32, len: u32, mark: Mark) {
        let Streams { windows: Some(windows), open, .. } = &mut *self.streams else { return };
        let sender = side(direction) as usize;
        match open.get_mut(&id).and_then(|stream| stream.windows.as_mut()) {
            Some(of) => windows[sender].takes(&mut of[sender], len, mark),
            None => windows[sender].sends(len),
        }
    }

    fn data(&mut self, direction: Direction, id: u32, bytes: &[u8], mark: Mark) {
        if self.streams.sockets.data(id, direction, bytes, mark).is_some() {
            return;
        }
        if let Some(rpc) = self.body(direction, id, bytes.len() as u64, mark) {
            match direction {
                Direction::ToServer => rpc.requests.take(bytes),
                Direction::ToClient => rpc.responses.take(bytes),
            }
        }
    }

    fn data_missed(&mut self, direction: Direction, id: u32, len: u32, mark: Mark) {
        if self.streams.sockets.missed(id, direction, len, mark).is_some() {
            return;
        }
        if let Some(rpc) = self.body(direction, id, u64::from(len), mark) {
            match direction {
                Direction::ToServer => rpc.requests.miss(len),
                Direction::ToClient => rpc.responses.miss(len),
            }
        }
    }

    fn end(&mut self, direction: Direction, id: u32, mark: Mark) {
        self.streams.sockets.end(id, direction, mark, self.office.now());
        let Some(stream) = self.streams.live(id) else { return };
        match direction {
            Direction::ToServer => {
                stream.doubtful = false;
                if stream.pending.request == Progress::Open {
                    stream.pending.request = Progress::Ended;
                }
            }
            Direction::ToClient => {
                if let Some(response) = &mut stream.pending.exchange.response {
                    response.last = mark;
                }
                if stream.pending.begun.is_some() {
                    self.response_ended(id);
                }
            }
        }
    }

    fn reset(&mut self, direction: Direction, id: u32, code: u32, mark: Mark) {
        let told = self.office.now();
        self.streams.sockets.reset(id, direction, mark, told);
        let Some(stream) = self.streams.live(id) else { return };
        let reset = Reset { by: side(direction), code, mark, told };
        match &mut stream.reset {
            Some(known) if before(mark, known.mark) => **known = reset,
            Some(_) => {}
            None => {
                stream.reset = Some(Box::new(reset));
                let partial = stream.partial;
                self.streams.ending.push_back(id);
                if partial {
                    self.give_up_before(id);
                    self.tell_decided();
                }
            }
        }
    }

    fn settings(&mut self, direction: Direction, settings: Settings, mark: Mark) {
        let (Some(size), Some(windows)) = (settings.window, &mut self.streams.windows) else {
            return;
        };
        let sender = side(direction.reverse()) as usize;
        let change = windows[sender].set_initial(size);
        let window = windows[sender];
        for (_, stream) in self.streams.each() {
            if let Some(of) = &mut stream.windows {
                window.opened(&mut of[sender], change, mark);
            }
        }
    }

    fn window(&mut self, direction: Direction, id: u32, increment: u32, mark: Mark) {
        if direction == Direction::ToServer
            && id > 0
            && let Some(stream) = self.streams.live(id)
        {
            stream.doubtful = false;
        }
        let Some(windows) = &mut self.streams.windows else { return };
        let sender = side(direction.reverse()) as usize;
        if id == 0 {
            windows[sender].opens(increment);
            let window = windows[sender];
            for (_, stream) in self.streams.each() {
                if let Some(of) = &mut stream.windows {
                    window.opened(&mut of[sender], 0, mark);
                }
            }
        } else if let Some(stream) = self.streams.open.get_mut(&id)
            && let Some(of) = &mut stream.windows
        {
            windows[sender].opened(&mut of[sender], i64::from(increment), mark);
        }
    }

    fn goaway(&mut self, direction: Direction, goaway: GoAway<'_>, mark: Mark) {
        if direction == Direction::ToServer {
            self.streams.client_error = Some(goaway.code);
            return;
        }
        let debug = text(&goaway.debug[..goaway.debug.len().min(DEBUG)]);
        let GoAway { last, code, .. } = goaway;
        self.streams.goaway = Some(Box::new(Away { last, code, debug, mark }));
        for id in self.streams.ids() {
            if id > last {
                self.refused(id, mark);
            }
        }
    }

    fn is_open(&self, id: u32) -> bool {
        self.streams.open.get(&id).is_some_and(|stream| stream.ended.is_none())
            || self.streams.sockets.is_open(id)
    }

    fn lost(&mut self, direction: Direction, acked: bool, mark: Mark) {
        self.streams.windows = None;
        self.streams.sockets.lost(direction, mark);
        let gone = self.streams.left.is_some() && !acked;
        self.streams.lost |= direction == Direction::ToServer;
        for (_, stream) in self.streams.each() {
            stream.windows = None;
            let pending = &mut stream.pending;
            match direction {
                Direction::ToServer => {
                    stream.doubtful |= stream.reset.is_none();
                    if pending.request == Progress::Open {
                        pending.request = Progress::Lost;
                    }
                    if let Some(rpc) = &mut stream.grpc {
                        rpc.requests.lose();
                    }
                }
                Direction::ToClient => {
                    if let Some(rpc) = &mut stream.grpc {
                        rpc.responses.lose();
                    }
                    if stream.reset.is_some() {
                        // What came after it was not what it ended.
                    } else if gone && pending.response == Progress::None {
                        pending.response = Progress::Unseen;
                        pending.exchange.late = Some(super::Late { status: None, mark });
                    } else if !matches!(pending.response, Progress::Ended | Progress::Unseen) {
                        pending.response = Progress::Lost;
                    }
                }
            }
        }
    }

    fn hit(&mut self, limit: Limit) {
        self.office.counts().hit(limit);
    }
}

impl StreamsHearing<'_> {
    /// Bytes of a body; answers where messages of gRPC are counted.
    fn body(&mut self, direction: Direction, id: u32, len: u64, mark: Mark) -> Option<&mut Rpc> {
        let stream = self.streams.live(id)?;
        if stream.is_over(mark) {
            return None;
        }
        let pending = &mut stream.pending;
        match direction {
            Direction::ToServer => {
                stream.doubtful = false;
                pending.exchange.request.body += len;
                if pending.response == Progress::None {
                    pending.exchange.request.last = Some(mark);
                }
            }
            Direction::ToClient => {
                // Of what was to be a WebSocket, they may be its frames.
                let is_body = pending.exchange.request.upgrade.is_none();
                if is_body && matches!(pending.response, Progress::Lost | Progress::Unframed) {
                    // It goes on, so it was not ended by what was lost.
                    pending.response = Progress::Open;
                    pending.begun.get_or_insert(mark);
                }
                if let Some(response) = &mut pending.exchange.response {
                    response.body += len;
                    response.last = mark;
                }
            }
        }
        stream.grpc.as_deref_mut()
    }
}
