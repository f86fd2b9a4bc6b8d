//! What each frame says of its stream.

use super::stream::{Reset, Rpc};
use super::{Away, Streams, StreamsHearing, before, side};
use crate::capture::Mark;
use crate::flow::Direction;
use crate::limits::Limit;
use crate::message::Upgrade;
use crate::message::http2::{GoAway, Head, Http2Listener, Settings};
use crate::message::words::text;
use crate::pairing::pending::Progress;
use crate::pairing::{Late, ProxyAnswer, Response};

/// The longest debug data of a GOAWAY that is kept, in bytes.
const DEBUG: usize = 256;

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
                        pending.exchange.late = Some(Late { status: None, by_proxy: false, mark });
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
