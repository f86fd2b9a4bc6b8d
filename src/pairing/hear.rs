use super::detail::{Alert, Detail, Tls};
use super::in_order::{Office, Pairing, blank};
use super::pending::{Pending, Progress, UNKNOWN};
use super::{Late, Outcome, Protocol, ProxyAnswer, Response, Side};
use crate::capture::Mark;
use crate::flow::{Direction, Info};
use crate::limits::Limit;
use crate::message::words::{method, text};
use crate::message::{Asked, Listener, RequestHead, ResponseHead, Upgrade};

/// Listens to the messages of one connection and pairs them.
pub(crate) struct Hearing<'a, O> {
    pub(crate) pairing: &'a mut Pairing,
    pub(crate) info: &'a Info,
    /// [`Limits::pipelined`](crate::Limits::pipelined).
    pub(crate) pipelined: usize,
    pub(crate) office: &'a mut O,
}

impl<O: Office> Hearing<'_, O> {
    /// A new request shows what became of those before it whose responses cannot be told: a
    /// client that does not pipeline has had its answer.
    fn close_before(&mut self) {
        while let Some(front) = &self.pairing.front {
            let end = match (front.request, front.response) {
                (_, Progress::Lost) => UNKNOWN,
                (_, Progress::Unframed) => (Outcome::Complete, None, None),
                (Progress::Lost | Progress::Unframed, Progress::Ended) => {
                    (Outcome::Complete, None, None)
                }
                _ => break,
            };
            self.pairing.end(end, self.office);
        }
    }

    /// Takes a request into flight. Where there is no room, those of its connection that are in
    /// flight are given up: which answer is whose could not be told without them.
    fn push(&mut self, exchange: Box<super::Exchange>, asked: Asked, request: Progress) {
        let full = if !self.office.began(&exchange) {
            Some(Limit::Buffered)
        } else if self.pairing.waiting() >= self.pipelined {
            Some(Limit::Pipelined)
        } else {
            None
        };
        let (response, begun, begun_first) = (Progress::None, None, false);
        self.pairing.push(Pending { exchange, asked, request, response, begun, begun_first });
        if let Some(limit) = full {
            self.office.counts().hit(limit);
            while self.pairing.front.is_some() {
                self.pairing.end(UNKNOWN, self.office);
            }
        }
    }

    fn asked_for(
        &self,
        head: Option<&RequestHead<'_>>,
        first: Mark,
        last: Mark,
    ) -> Box<super::Exchange> {
        let mut exchange = blank(self.info, Protocol::Http1);
        let request = &mut exchange.request;
        request.first = Some(first);
        request.last = Some(last);
        if let Some(head) = head {
            request.method = Some(method(head.method));
            request.path = Some(head.path.into());
            request.host = head.host.map(text);
            request.request_id = head.request_id.map(text);
            request.upgrade = head.upgrade;
            request.probe = head.probe;
        }
        exchange
    }
}

impl<O: Office> Listener for Hearing<'_, O> {
    fn asked(&self) -> Asked {
        self.pairing.front.as_ref().map(|front| front.asked).unwrap_or_default()
    }

    fn begun(&mut self, direction: Direction, mark: Mark) {
        if direction == Direction::ToClient
            && let Some(front) = self.pairing.front.as_mut()
            && front.response == Progress::None
        {
            front.response = Progress::Open;
            front.begun = Some(mark);
        }
    }

    fn request(&mut self, head: RequestHead<'_>, first: Mark, mark: Mark, whole: bool) {
        self.close_before();
        self.pairing.lost_request = false;
        let exchange = self.asked_for(Some(&head), first, mark);
        let request = if whole { Progress::Open } else { Progress::Unframed };
        self.push(exchange, head.asked(), request);
    }

    fn request_cut(&mut self, head: Option<RequestHead<'_>>, first: Mark, last: Mark) {
        self.close_before();
        let exchange = self.asked_for(head.as_ref(), first, last);
        self.push(exchange, Asked::default(), Progress::Open);
    }

    fn response(&mut self, head: ResponseHead<'_>, first: Mark, mark: Mark, whole: bool) {
        if self.pairing.front.as_ref().is_some_and(|front| front.response == Progress::Ended) {
            // An early answer: its request is still on its way, the next answer is another's.
            self.pairing.end((Outcome::Complete, None, None), self.office);
        }
        if self.pairing.front.is_none() && self.pairing.lost_request && !self.info.redirected {
            self.pairing.lost_request = false;
            self.push(blank(self.info, Protocol::Http1), Asked::default(), Progress::Lost);
        }
        let alone = self.pairing.more.is_empty() && !self.pairing.lost_request;
        let Some(front) = self.pairing.front.as_mut() else {
            self.pairing.orphan = true;
            self.office.counts().orphan_responses += 1;
            return;
        };
        if front.response == Progress::Lost && !alone {
            // The lost bytes may have held its answer; this one may be another's.
            return;
        }
        front.response = if whole { Progress::Open } else { Progress::Unframed };
        front.begun.get_or_insert(first);
        let proxy = match head.linkerd {
            Some(error) => Some(ProxyAnswer::Linkerd(text(error))),
            None if !head.envoy || head.upstream => None,
            None if front.exchange.request.upgrade.is_some() => Some(ProxyAnswer::EnvoyPerhaps),
            None => Some(ProxyAnswer::Envoy),
        };
        front.exchange.response =
            Some(Response { status: head.status, first, last: mark, body: 0, proxy });
    }

    fn body(&mut self, direction: Direction, len: u64, mark: Mark) {
        match direction {
            Direction::ToServer => {
                if let Some(newest) = self.pairing.newest_mut()
                    && matches!(newest.request, Progress::Open | Progress::Unframed)
                    && newest.response == Progress::None
                {
                    newest.exchange.request.body += len;
                    newest.exchange.request.last = Some(mark);
                }
            }
            Direction::ToClient => {
                if !self.pairing.orphan
                    && let Some(front) = self.pairing.front.as_mut()
                    && let Some(response) = &mut front.exchange.response
                {
                    response.body += len;
                    response.last = mark;
                }
            }
        }
    }

    #[inline]
    fn end(&mut self, direction: Direction, mark: Mark) {
        match direction {
            Direction::ToServer => {
                if let Some(newest) = self.pairing.newest_mut() {
                    newest.exchange.request.last = Some(mark);
                    newest.request = Progress::Ended;
                    if newest.response == Progress::Ended {
                        self.pairing.response_ended(self.office);
                    }
                }
            }
            Direction::ToClient if self.pairing.orphan => self.pairing.orphan = false,
            Direction::ToClient => {
                if let Some(front) = self.pairing.front.as_mut()
                    && front.response == Progress::Open
                {
                    self.pairing.response_ended(self.office);
                }
            }
        }
    }

    fn lost(&mut self, direction: Direction, acked: bool, mark: Mark) {
        match direction {
            Direction::ToServer => {
                self.pairing.lost_request = true;
                if let Some(newest) = self.pairing.newest_mut()
                    && newest.request == Progress::Open
                {
                    newest.request = Progress::Lost;
                    self.pairing.lost_request = false;
                }
            }
            Direction::ToClient => {
                self.pairing.orphan = false;
                let gone = self.pairing.left.is_some() && !acked;
                // From here on it cannot be told which answer is whose.
                for pending in self.pairing.all_mut() {
                    if gone && pending.response == Progress::None {
                        pending.response = Progress::Unseen;
                        pending.exchange.late = Some(Late { status: None, by_proxy: false, mark });
                    } else if !matches!(pending.response, Progress::Ended | Progress::Unseen) {
                        pending.response = Progress::Lost;
                    }
                }
            }
        }
    }

    fn switched(&mut self, to: Upgrade) {
        self.pairing.switch(to);
    }

    fn wants_tls(&mut self, alert: Option<u8>, mark: Mark) {
        if let Some(front) = self.pairing.front.as_mut() {
            let by = Side::Server;
            let alert = alert.map(|it| Alert { by, description: Some(it), mark });
            let tls = Tls { plaintext: Some(Side::Client), alert, ..Tls::default() };
            front.exchange.detail = Some(Box::new(Detail::Tls(tls)));
        }
    }

    fn hit(&mut self, limit: Limit) {
        self.office.counts().hit(limit);
    }
}
