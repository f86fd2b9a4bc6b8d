//! Streams end here, and are told in the order in which they ended.

use super::StreamsHearing;
use super::stream::Stream;
use crate::capture::Mark;
use crate::pairing::pending::{End, Progress, UNKNOWN};
use crate::pairing::{Outcome, Side};

impl StreamsHearing<'_> {
    /// Ends a stream. It is told at once, unless others come first.
    pub(super) fn end_stream(&mut self, id: u32, end: End) {
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
    pub(super) fn give_up_before(&mut self, id: u32) {
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
    pub(super) fn in_turn(&mut self, id: u32) {
        if self.streams.ending.is_empty() {
            self.tell(id);
        } else if !self.streams.ending.contains(&id) {
            self.streams.ending.push_back(id);
        }
    }

    /// Tells those whose turn it is.
    pub(super) fn tell_decided(&mut self) {
        while let Some(front) = self.streams.ending.front().copied()
            && self.streams.open.get(&front).is_none_or(|stream| stream.ended.is_some())
        {
            self.streams.ending.pop_front();
            self.tell(front);
        }
    }

    /// Tells of a stream that has ended.
    pub(super) fn tell(&mut self, id: u32) {
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

    /// The server does not look at a stream.
    pub(super) fn refused(&mut self, id: u32, mark: Mark) {
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

    /// Ends all streams, each as `how` says; `None` keeps it.
    pub(super) fn end_all(&mut self, how: impl Fn(&Stream) -> Option<End>) {
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
    pub(super) fn end_all_known(&mut self, how: impl Fn(&Stream) -> Option<End>) {
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
}
