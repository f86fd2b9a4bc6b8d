use std::time::Duration;

use super::{Exchange, Late, Outcome, Side};
use crate::capture::Mark;
use crate::flow::{Direction, Ended};
use crate::message::Asked;

/// An exchange that has not ended.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) exchange: Box<Exchange>,
    pub(super) asked: Asked,
    pub(super) request: Progress,
    pub(super) response: Progress,
    /// The packet with the first byte of the response, once there is one.
    pub(super) begun: Option<Mark>,
    /// Whether it had begun when the client's FIN was told.
    pub(super) begun_first: bool,
}

/// How far a message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Nothing of it was seen.
    None,
    /// Begun, not ended.
    Open,
    /// Whole.
    Ended,
    /// Its head was seen in part: it goes on, but where it ends is not known.
    Unframed,
    /// A part is missing that would tell what it is.
    Lost,
    /// Of a response: it came after the client had closed its half, and was not captured. Whether
    /// the client took it, only its reaction can tell.
    Unseen,
}

/// How a client closed its half.
#[derive(Clone, Copy, Debug)]
pub(super) struct Left {
    /// The FIN, if it was captured.
    pub(super) fin: Option<Mark>,
    /// The packet that proves it.
    pub(super) proof: Mark,
    /// It acknowledged bytes that came after it: it still reads.
    pub(super) reads_on: bool,
}

/// An end: what became of the exchange, who left, with which packet.
pub(super) type End = (Outcome, Option<Side>, Option<Mark>);

pub(super) const UNKNOWN: End = (Outcome::Unknown, None, None);
pub(super) const IN_PROGRESS: End = (Outcome::InProgress, None, None);

/// A FIN that nothing followed means that the client left if the capture ran at least this much
/// longer: an answer that it still reads would have been acknowledged long before.
const FIN_PROOF: Duration = Duration::from_secs(2);

impl Pending {
    /// Whether the response began after the client had closed its half. Times decide where both
    /// packets were seen, because a capture may have them in the wrong order.
    pub(super) fn late(&self, left: &Left) -> bool {
        match (self.begun, left.fin) {
            (Some(begun), Some(fin)) => (begun.time, begun.number) > (fin.time, fin.number),
            (Some(_), None) => !self.begun_first,
            (None, _) => false,
        }
    }

    /// Ends it. An answer that came after the client had left is told apart from one it took.
    #[inline]
    pub(super) fn end(mut self, (outcome, by, close): End) -> Box<Exchange> {
        let exchange = &mut self.exchange;
        // A request that was not captured may have been anything: only a whole answer that the
        // client took says what became of it.
        let known = exchange.request.last.is_some() || outcome == Outcome::Complete;
        let (outcome, by, close) = if known { (outcome, by, close) } else { UNKNOWN };
        (exchange.outcome, exchange.by, exchange.close) = (outcome, by, close);
        let gave_up = matches!(
            outcome,
            Outcome::ClientFinBeforeResponse
                | Outcome::ClientRstBeforeResponse
                | Outcome::ClientRstStreamBeforeResponse
        );
        if gave_up && let Some(begun) = self.begun {
            let response = exchange.response.take();
            let by_proxy = response.as_ref().is_some_and(|response| response.proxy.is_some());
            let status = response.map(|response| response.status);
            exchange.late = Some(Late { status, by_proxy, mark: begun });
        }
        if exchange.response.is_some() {
            // What was missing after the FIN was a part of the answer it took, if anything.
            exchange.late = None;
        }
        self.exchange
    }

    /// How it ends when the client resets the connection.
    pub(super) fn client_reset(&self, left: Option<&Left>, mark: Mark) -> End {
        let client = Some(Side::Client);
        match (left, self.response) {
            (_, Progress::Lost | Progress::Unframed) => UNKNOWN,
            (None, Progress::Ended) if self.request == Progress::Lost => UNKNOWN,
            (None, Progress::Ended) => (Outcome::Complete, None, None),
            (None, _) if self.request == Progress::Open => {
                (Outcome::TruncatedRequest, client, Some(mark))
            }
            (None, Progress::None) => (Outcome::ClientRstBeforeResponse, client, Some(mark)),
            (None, Progress::Open) => (Outcome::TruncatedResponse, client, Some(mark)),
            (None, Progress::Unseen) => UNKNOWN,
            (Some(left), Progress::None | Progress::Unseen) => {
                (Outcome::ClientFinBeforeResponse, client, left.fin)
            }
            (Some(left), _) if self.late(left) && !left.reads_on => {
                (Outcome::ClientFinBeforeResponse, client, left.fin)
            }
            (Some(left), _) => (Outcome::TruncatedResponse, client, left.fin),
        }
    }

    /// How it ends when the server closes or resets; `None`: the client's reaction will tell.
    pub(super) fn server_left(&self, left: Option<&Left>, close: Option<Mark>) -> Option<End> {
        let server = Some(Side::Server);
        Some(match (left, self.response) {
            (_, Progress::Lost | Progress::Unframed) => UNKNOWN,
            // Its client's reaction will tell: it may have left while that was not captured.
            (None, Progress::Ended) if self.request == Progress::Lost => return None,
            (None, Progress::Ended) => (Outcome::Complete, None, None),
            (None, Progress::None) => (Outcome::ServerClosedBeforeResponse, server, close),
            (None, Progress::Open) => (Outcome::TruncatedResponse, server, close),
            (Some(left), Progress::None) => {
                (Outcome::ClientFinBeforeResponse, Some(Side::Client), left.fin)
            }
            (Some(left), Progress::Open) if !self.late(left) && !left.reads_on => {
                (Outcome::TruncatedResponse, Some(Side::Client), left.fin)
            }
            (Some(left), Progress::Open) if left.reads_on => {
                (Outcome::TruncatedResponse, server, close)
            }
            (None, Progress::Unseen) => UNKNOWN,
            (Some(_), Progress::Open | Progress::Ended | Progress::Unseen) => return None,
        })
    }

    /// How it ends when one side resets the connection.
    pub(super) fn reset(
        &self,
        direction: Direction,
        left: Option<&Left>,
        server_fin: Option<Mark>,
        mark: Mark,
    ) -> End {
        // Who closed first has left, also where a request crossed that FIN.
        let asked = self.exchange.request.last;
        let closed = server_fin.filter(|fin| asked.is_none_or(|last| fin.time >= last.time));
        match direction {
            Direction::ToServer if server_fin.is_none() => self.client_reset(left, mark),
            _ => self.server_left(left, Some(closed.unwrap_or(mark))).unwrap_or(UNKNOWN),
        }
    }

    /// How it ends when both sides have closed.
    pub(super) fn closed(&self, left: Option<&Left>, server_fin: Option<Mark>) -> End {
        self.server_left(left, server_fin).unwrap_or(UNKNOWN)
    }

    /// How it ends when nothing more will be known of its connection.
    pub(super) fn over(&self, left: Option<&Left>, why: Ended, now: Mark) -> End {
        if matches!(self.response, Progress::Lost | Progress::Unframed) {
            return UNKNOWN;
        }
        let ran = |since: Mark| now.time.since(since.time) >= FIN_PROOF;
        match (left, why) {
            (_, Ended::Evicted) => UNKNOWN,
            (None, Ended::Reused) => UNKNOWN,
            (None, Ended::Capture | Ended::Silent) => match self.response {
                Progress::Ended if self.request == Progress::Lost => UNKNOWN,
                Progress::Ended => (Outcome::Complete, None, None),
                _ => IN_PROGRESS,
            },
            (Some(left), Ended::Capture) if !ran(self.begun.unwrap_or(left.proof)) => IN_PROGRESS,
            (Some(left), _) if self.response == Progress::None => {
                (Outcome::ClientFinBeforeResponse, Some(Side::Client), left.fin)
            }
            (Some(_), _) => UNKNOWN,
        }
    }

    /// How it ends when its response is whole; `None`: it is not proved that the client took it.
    pub(super) fn whole(&self, left: Option<&Left>) -> Option<End> {
        let taken = (Outcome::Complete, None, None);
        let Some(left) = left else { return Some(taken) };
        if self.late(left) {
            let half_close = (Outcome::HalfCloseOk, Some(Side::Client), left.fin);
            return left.reads_on.then_some(half_close);
        }
        let last = self.exchange.response.as_ref().map(|r| r.last.time);
        let in_time = last <= left.fin.map(|fin| fin.time);
        (in_time || left.reads_on).then_some(taken)
    }
}
