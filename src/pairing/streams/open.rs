//! Streams begin here: with their request, or without it where that was not captured.

use super::StreamsHearing;
use super::stream::Stream;
use crate::capture::Mark;
use crate::limits::Limit;
use crate::message::Upgrade;
use crate::message::http2::{Head, Http2Listener as _};
use crate::pairing::Protocol;
use crate::pairing::in_order::blank;
use crate::pairing::pending::{Progress, UNKNOWN};

/// Streams whose request was not captured, of which more is waited for: an older one is given up.
const ORPHANS: usize = 64;

impl StreamsHearing<'_> {
    /// The stream `id` was opened, and so were those before it: clients number their streams
    /// without leaving any out.
    pub(super) fn opened(&mut self, id: u32) {
        let next = (self.streams.highest + 1) | 1;
        self.streams.highest = id;
        let first = if self.streams.lost && (id - next) / 2 < ORPHANS as u32 { next } else { id };
        for missed in (first..id).step_by(2) {
            self.adopt(missed);
        }
    }

    /// Follows a stream whose request was not captured.
    pub(super) fn adopt(&mut self, id: u32) {
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
    pub(super) fn has_room(&mut self) -> bool {
        let open = self.streams.open.len() + self.streams.sockets.len();
        let room = open < self.office.limits().streams;
        if !room {
            self.office.counts().hit(Limit::Streams);
        }
        room
    }

    /// A request begins a stream.
    pub(super) fn request(&mut self, id: u32, head: &mut Head, first: Mark, mark: Mark) {
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

    /// A header block of the server on a stream that is not open; answers whether it is now.
    pub(super) fn orphan(&mut self, id: u32, head: &Head) -> bool {
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
}
