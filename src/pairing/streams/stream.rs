use super::before;
use crate::capture::Mark;
use crate::message::Asked;
use crate::message::http2::Head;
use crate::pairing::detail::{Detail, Grpc, Http2, Stall};
use crate::pairing::messages::Messages;
use crate::pairing::pending::{End, Pending, Progress, UNKNOWN};
use crate::pairing::windows::StreamWindow;
use crate::pairing::{Exchange, Outcome, Protocol, Side};

/// One exchange.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) pending: Pending,
    pub(super) http2: Http2,
    /// gRPC is spoken on it.
    pub(super) grpc: Option<Box<Rpc>>,
    /// The first RST_STREAM in time. What it ended is decided when packets captured out of order
    /// have had time to come.
    pub(super) reset: Option<Box<Reset>>,
    /// What the client sent was lost since: it may have reset the stream there.
    pub(super) doubtful: bool,
    /// Fields of its request are not known, nor its request id.
    pub(super) partial: bool,
    /// How it ended, while others are to be told before it.
    pub(super) ended: Option<End>,
    /// What each side may send: client, server.
    pub(super) windows: Option<[StreamWindow; 2]>,
}

#[derive(Debug, Default)]
pub(super) struct Rpc {
    pub(super) says: Grpc,
    pub(super) requests: Messages,
    pub(super) responses: Messages,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Reset {
    pub(super) by: Side,
    pub(super) code: u32,
    pub(super) mark: Mark,
    /// The latest packet when it was told.
    pub(super) told: Mark,
}

impl Stream {
    pub(super) fn new(exchange: Box<Exchange>, request: Progress) -> Self {
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
    pub(super) fn is_over(&self, mark: Mark) -> bool {
        self.reset.as_ref().is_some_and(|reset| before(reset.mark, mark))
    }

    /// Takes what a head says of gRPC.
    pub(super) fn rpc(&mut self, head: &mut Head) {
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
    pub(super) fn verdict(&self, reset: &Reset) -> End {
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
    pub(super) fn end(mut self, end: End, now: Mark) -> Box<Exchange> {
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
