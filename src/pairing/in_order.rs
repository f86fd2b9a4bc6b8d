use std::collections::VecDeque;
use std::time::Duration;

use super::pending::{End, Left, Pending, Progress, UNKNOWN};
use super::{Exchange, Outcome, Protocol, Request, Side};
use crate::capture::Mark;
use crate::counts::Counts;
use crate::flow::{Connect, Direction, Ended, Info};
use crate::limits::Limits;
use crate::message::Upgrade;
use crate::problem::Findings;

/// Where ended exchanges go.
pub(crate) trait Office {
    /// A request is in flight; answers whether there is room for it.
    fn began(&mut self, exchange: &Exchange) -> bool;

    /// An exchange has ended: one that began, or a failed connect.
    fn ended(&mut self, exchange: Box<Exchange>);

    /// The client closed before the response; what that means is not proved yet.
    fn question(&mut self, exchange: &Exchange);

    /// Where everything is counted.
    fn counts(&mut self) -> &mut Counts;

    /// The latest packet.
    fn now(&self) -> Mark;

    /// Whether there is room to keep more of unfinished messages.
    fn has_room(&self) -> bool;

    /// The bounds.
    fn limits(&self) -> &Limits;
}

/// The exchanges of one connection that have not ended: HTTP/1 answers in the order of asking.
#[derive(Debug, Default)]
pub(crate) struct Pairing {
    /// The one that the next response answers.
    pub(super) front: Option<Pending>,
    /// Those behind the front one (pipelining).
    pub(super) more: VecDeque<Pending>,
    /// The client has closed its half.
    pub(super) left: Option<Box<Left>>,
    /// The server has closed its half.
    pub(super) server_fin: Option<Mark>,
    /// A request was not captured, or not as far as needed to be told.
    pub(super) lost_request: bool,
    /// The exchanges know the original destination of their redirected connection.
    redirected: bool,
    /// A response is on its way whose request was not captured.
    pub(super) orphan: bool,
    /// The request that changed the protocol, and to which.
    switched: Option<(Box<Exchange>, Upgrade)>,
}

/// A SYN is repeated after 1 s: an unanswered one that is older is a connect that hangs.
const SYN_PROOF: Duration = Duration::from_secs(1);

impl Pairing {
    /// The connection turned out to be redirected: those in flight went to another server than it
    /// seemed.
    pub(crate) fn redirected(&mut self, info: &Info) {
        if !self.redirected {
            self.redirected = true;
            for pending in self.all_mut() {
                pending.exchange.server = info.server.socket();
            }
        }
    }

    /// The one whose request came last.
    pub(super) fn newest_mut(&mut self) -> Option<&mut Pending> {
        self.more.back_mut().or(self.front.as_mut())
    }

    pub(super) fn waiting(&self) -> usize {
        usize::from(self.front.is_some()) + self.more.len()
    }

    pub(super) fn push(&mut self, pending: Pending) {
        if self.front.is_none() {
            self.front = Some(pending);
        } else {
            self.more.push_back(pending);
        }
    }

    fn pop(&mut self) -> Option<Pending> {
        let next = self.more.pop_front();
        std::mem::replace(&mut self.front, next)
    }

    /// The response to the front request changes the protocol: what becomes of that exchange is for
    /// the other protocol to say.
    pub(super) fn switch(&mut self, to: Upgrade) {
        if self.left.is_none()
            && let Some(pending) = self.pop()
        {
            self.switched = Some((pending.exchange, to));
        }
    }

    /// The exchange that changed the protocol, once.
    pub(crate) fn take_switched(&mut self) -> Option<(Box<Exchange>, Upgrade)> {
        self.switched.take()
    }

    /// All of them, the oldest first.
    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Pending> {
        self.front.iter_mut().chain(&mut self.more)
    }

    /// Ends the front exchange.
    pub(super) fn end(&mut self, end: End, office: &mut impl Office) {
        if let Some(pending) = self.pop() {
            office.ended(pending.end(end));
        }
    }

    /// Ends all of them, each as `how` says; `None` keeps the rest.
    fn end_all(&mut self, office: &mut impl Office, how: impl Fn(&Pending) -> Option<End>) {
        while let Some(end) = self.front.as_ref().and_then(&how) {
            self.end(end, office);
        }
    }

    /// The response is whole: ends the exchange, unless it is not proved that the client took it.
    pub(super) fn response_ended(&mut self, office: &mut impl Office) {
        let Some(front) = &mut self.front else { return };
        front.response = Progress::Ended;
        let undecided = matches!(front.request, Progress::Open | Progress::Lost);
        if self.left.is_none() && undecided {
            return;
        }
        if let Some(end) = front.whole(self.left.as_deref()) {
            self.end(end, office);
        }
    }

    /// The client has closed its half.
    pub(crate) fn client_fin(&mut self, fin: Option<Mark>, proof: Mark, office: &mut impl Office) {
        self.left = Some(Box::new(Left { fin, proof, reads_on: false }));
        while let Some(front) = &self.front {
            let end = match (front.request, front.response) {
                (Progress::Lost, Progress::Ended) if fin.is_none() => UNKNOWN,
                (Progress::Open | Progress::Lost, Progress::Ended) => {
                    (Outcome::Complete, None, None)
                }
                (Progress::Open, Progress::None) => {
                    (Outcome::TruncatedRequest, Some(Side::Client), fin)
                }
                _ => break,
            };
            self.end(end, office);
        }
        let Some(front) = &mut self.front else { return };
        front.begun_first = front.begun.is_some();
        if front.response == Progress::None {
            front.exchange.close = fin;
            office.question(&front.exchange);
        }
    }

    /// The client has closed its half and still acknowledges what comes.
    pub(crate) fn still_reading(&mut self, office: &mut impl Office) {
        let Some(left) = &mut self.left else { return };
        left.reads_on = true;
        if self.front.as_ref().is_some_and(|front| front.response == Progress::Ended) {
            self.response_ended(office);
        }
    }

    /// The server has closed its half; a response that ends thereby has ended already.
    pub(crate) fn server_fin(&mut self, fin: Option<Mark>, office: &mut impl Office) {
        self.server_fin = fin;
        let left = self.left.take();
        self.end_all(office, |pending| pending.server_left(left.as_deref(), fin));
        self.left = left;
    }

    /// One side has reset the connection.
    pub(crate) fn reset(&mut self, direction: Direction, mark: Mark, office: &mut impl Office) {
        let left = self.left.take();
        let left = left.as_deref();
        let server_fin = self.server_fin;
        self.end_all(office, |pending| Some(pending.reset(direction, left, server_fin, mark)));
    }

    /// Both sides have closed.
    pub(crate) fn closed(&mut self, office: &mut impl Office) {
        let left = self.left.take();
        let server_fin = self.server_fin;
        self.end_all(office, |pending| Some(pending.closed(left.as_deref(), server_fin)));
    }

    /// Nothing more will be known of the connection.
    pub(crate) fn ended(
        &mut self,
        info: &Info,
        why: Ended,
        connect: Option<Connect>,
        office: &mut impl Office,
    ) {
        let now = office.now();
        if let Some(connect) = connect {
            let waited = now.time.since(connect.first.time) >= SYN_PROOF;
            // A client that repeats its SYN was not answered. A single one may have been, where
            // the capture loses packets.
            let lossy = office.counts().gaps > 0 && connect.attempts < 2;
            let outcome = match why {
                Ended::Silent | Ended::Capture if waited && lossy => Outcome::Unknown,
                Ended::Silent | Ended::Capture if waited => Outcome::ConnectTimeout,
                Ended::Capture => Outcome::InProgress,
                Ended::Silent | Ended::Reused | Ended::Evicted => Outcome::Unknown,
            };
            office.ended(failed_connect(info, connect, (outcome, None, None)));
        }
        let left = self.left.take();
        let left = left.as_deref();
        self.end_all(office, |pending| Some(pending.over(left, why, now)));
    }

    /// The connect was refused.
    pub(crate) fn refused(
        &mut self,
        info: &Info,
        connect: Connect,
        mark: Mark,
        office: &mut impl Office,
    ) {
        let end = (Outcome::Refused, Some(Side::Server), Some(mark));
        office.ended(failed_connect(info, connect, end));
    }
}

/// An exchange of which nothing is known but its connection.
pub(super) fn blank(info: &Info, protocol: Protocol) -> Box<Exchange> {
    Box::new(Exchange {
        connection: info.serial,
        interface: info.interface,
        protocol,
        stream: None,
        client: info.client.socket(),
        server: info.server.socket(),
        request: Request::default(),
        response: None,
        outcome: Outcome::InProgress,
        by: None,
        close: None,
        late: None,
        detail: None,
        findings: Findings::default(),
    })
}

fn failed_connect(info: &Info, connect: Connect, (outcome, by, close): End) -> Box<Exchange> {
    let mut exchange = blank(info, Protocol::Tcp);
    exchange.request.first = Some(connect.first);
    exchange.request.last = Some(connect.last);
    exchange.request.attempts = connect.attempts;
    (exchange.outcome, exchange.by, exchange.close) = (outcome, by, close);
    exchange
}
