use super::verdict::rate;
use super::write::shown;
use crate::pairing::{Exchange, Outcome, Protocol, Side};

/// What became of a request on one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// The client got a whole answer, or the server gave one, that is no error.
    Answered,
    /// There was an error, or no answer, or not all of it.
    Failed,
}

/// What became of a request on both sides. `None`: it is not known, or this is no request.
///
/// An error is a status of 5xx, and of gRPC any `grpc-status` but `OK`; a call that was `CANCELLED`
/// counts on neither side: nobody waited for it. A WebSocket is its upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fates {
    /// Whether the client got a whole answer. Known of every request that has ended.
    pub client: Option<Fate>,
    /// Whether the server gave one, in time or after the client had left; then its first packet is
    /// enough. Not known where the client left and no answer was seen, and where a proxy answered by
    /// itself.
    pub server: Option<Fate>,
}

impl Fates {
    /// As the packets of the exchange show it.
    #[inline]
    pub fn of(exchange: &Exchange) -> Self {
        let response = exchange.response.as_ref();
        let said = response.and_then(|response| said(exchange, response.status));
        let failed = Some(Fate::Failed);
        let (client, server) = match (exchange.outcome, exchange.by) {
            (
                Outcome::Complete | Outcome::HalfCloseOk | Outcome::WsClosed | Outcome::WsAborted,
                _,
            ) => (said, said),
            (
                Outcome::ClientFinBeforeResponse
                | Outcome::ClientRstBeforeResponse
                | Outcome::ClientRstStreamBeforeResponse,
                _,
            ) => (failed, late(exchange)),
            (Outcome::ServerClosedBeforeResponse | Outcome::ServerRstStreamBeforeResponse, _)
            | (Outcome::TruncatedResponse | Outcome::TruncatedRequest, Some(Side::Server)) => {
                (failed, failed)
            }
            (Outcome::TruncatedResponse, Some(Side::Client)) => (failed, said),
            (Outcome::TruncatedResponse | Outcome::TruncatedRequest, _) => (failed, None),
            (
                Outcome::Refused
                | Outcome::ConnectTimeout
                | Outcome::TlsOk
                | Outcome::TlsAlert
                | Outcome::TlsClosedNoAlert
                | Outcome::InProgress
                | Outcome::Unknown,
                _,
            ) => (None, None),
        };
        let by_proxy = response.is_some_and(|response| response.proxy.is_some());
        Self { client, server: server.filter(|_| !by_proxy) }
    }
}

/// What an answer with this status says.
fn said(exchange: &Exchange, status: u16) -> Option<Fate> {
    match (status, exchange.protocol) {
        (500.., _) => Some(Fate::Failed),
        (_, Protocol::Grpc) => match exchange.grpc()?.status? {
            0 => Some(Fate::Answered),
            1 => None,
            _ => Some(Fate::Failed),
        },
        _ => Some(Fate::Answered),
    }
}

/// What the answer that came after the client had left says.
fn late(exchange: &Exchange) -> Option<Fate> {
    let late = exchange.late.filter(|late| !late.by_proxy)?;
    said(exchange, late.status?)
}

/// Of requests whose fate is known, how many were answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) ok: u64,
    pub(super) of: u64,
}

impl Share {
    fn add(&mut self, fate: Option<Fate>) {
        self.of += u64::from(fate.is_some());
        self.ok += u64::from(fate == Some(Fate::Answered));
    }

    /// `76.9 %`; `-` where nothing is known.
    pub(super) fn cell(self) -> String {
        if self.of == 0 { "-".into() } else { rate(self.ok, self.of) }
    }
}

/// Both sides of many requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Success {
    pub(super) client: Share,
    pub(super) server: Share,
    /// Answered by the server, and the client did not get it.
    missed: u64,
}

impl Success {
    #[inline]
    pub(super) fn add(&mut self, exchange: &Exchange) {
        let fates = Fates::of(exchange);
        self.client.add(fates.client);
        self.server.add(fates.server);
        let missed = (Some(Fate::Failed), Some(Fate::Answered));
        self.missed += u64::from((fates.client, fates.server) == missed);
    }

    /// Whether the server did better than its clients saw.
    pub(super) fn differs(&self) -> bool {
        self.missed > 0
    }

    /// The cells of both sides: `17 %`, `100 % of 11` where the server's fate of fewer is known.
    pub(super) fn cells(&self) -> [String; 2] {
        let mut server = self.server.cell();
        if (1..self.client.of).contains(&self.server.of) {
            server += &format!(" of {}", self.server.of);
        }
        [self.client.cell(), server]
    }

    /// `Clients got 76.9 % of GET /items; the server answered 100 % (late ones included).`
    pub(super) fn sentence(&self, route: &str) -> Option<String> {
        if !self.differs() {
            return None;
        }
        let mut name = Vec::new();
        shown(&mut name, route, 100);
        let name = String::from_utf8_lossy(&name);
        let Share { ok, of } = self.server;
        let answered = match of {
            _ if of >= self.client.of => rate(ok, of),
            _ if ok == of => format!("the {of} of which that is known"),
            _ => format!("{ok} of the {of} of which that is known"),
        };
        let got = self.client.cell();
        Some(format!(
            "Clients got {got} of {name}; the server answered {answered} (late ones included)."
        ))
    }
}

impl FromIterator<Success> for Success {
    fn from_iter<I: IntoIterator<Item = Success>>(all: I) -> Self {
        let mut sum = Self::default();
        for one in all {
            for (sum, more) in [(&mut sum.client, one.client), (&mut sum.server, one.server)] {
                sum.ok += more.ok;
                sum.of += more.of;
            }
            sum.missed += one.missed;
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pairing::ProxyAnswer;
    use crate::pairing::detail::Http2;
    use crate::problem::samples;

    const OK: Option<Fate> = Some(Fate::Answered);
    const BAD: Option<Fate> = Some(Fate::Failed);

    fn fates(exchange: &Exchange) -> (Option<Fate>, Option<Fate>) {
        let Fates { client, server } = Fates::of(exchange);
        (client, server)
    }

    #[test]
    fn each_outcome_has_its_fates() {
        for outcome in Outcome::ALL {
            let expected = match outcome {
                Outcome::Complete | Outcome::HalfCloseOk => (OK, OK),
                // The sample's answer came late.
                Outcome::ClientFinBeforeResponse => (BAD, OK),
                Outcome::ClientRstBeforeResponse
                | Outcome::ClientRstStreamBeforeResponse
                | Outcome::TruncatedRequest => (BAD, None),
                Outcome::ServerClosedBeforeResponse
                | Outcome::ServerRstStreamBeforeResponse
                | Outcome::TruncatedResponse => (BAD, BAD),
                _ => (None, None),
            };
            assert_eq!(fates(&samples::exchange(outcome)), expected, "{outcome:?}");
        }
        assert_eq!(fates(&samples::websocket(Outcome::WsAborted, None)), (OK, OK));
    }

    #[test]
    fn an_error_is_one_on_both_sides_and_a_proxys_answer_is_not_the_servers() {
        assert_eq!(fates(&samples::answered(404, 2, None)), (OK, OK));
        assert_eq!(fates(&samples::answered(500, 2, None)), (BAD, BAD));
        assert_eq!(fates(&samples::answered(504, 500, Some(ProxyAnswer::Envoy))), (BAD, None));
        assert_eq!(fates(&samples::answered(404, 2, Some(ProxyAnswer::Envoy))), (OK, None));
        let mut late = samples::exchange(Outcome::ClientFinBeforeResponse);
        late.late.as_mut().unwrap().status = Some(503);
        assert_eq!(fates(&late), (BAD, BAD));
        late.late.as_mut().unwrap().by_proxy = true;
        assert_eq!(fates(&late), (BAD, None));
        late.late = None;
        assert_eq!(fates(&late), (BAD, None));
    }

    #[test]
    fn a_call_of_grpc_is_what_its_status_says() {
        assert_eq!(fates(&samples::call(0, "")), (OK, OK));
        assert_eq!(fates(&samples::call(5, "")), (BAD, BAD));
        assert_eq!(fates(&samples::call(1, "")), (None, None));
        let grpc = Some(Default::default());
        let call = samples::stream(Outcome::Complete, Http2 { grpc, ..Http2::default() });
        assert_eq!(fates(&call), (None, None), "its status was not captured");
    }

    #[test]
    fn who_left_in_the_middle_of_the_answer_matters() {
        let mut cut = samples::exchange(Outcome::TruncatedResponse);
        cut.by = Some(Side::Client);
        assert_eq!(fates(&cut), (BAD, OK));
        cut.by = None;
        assert_eq!(fates(&cut), (BAD, None));
    }

    #[test]
    fn a_side_of_which_less_is_known_says_of_how_many() {
        let cells = |of| {
            let (client, server) = (Share { ok: 2, of: 12 }, Share { ok: of, of });
            Success { client, server, missed: 9 }.cells()
        };
        assert_eq!(cells(12), ["16.7 %", "100 %"]);
        assert_eq!(cells(11), ["16.7 %", "100 % of 11"]);
        assert_eq!(cells(0), ["16.7 %", "-"]);
    }

    #[test]
    fn no_share_is_rounded_to_none_or_all() {
        let cell = |ok, of| Share { ok, of }.cell();
        assert_eq!([cell(0, 0), cell(0, 9), cell(9, 9)], ["-", "0 %", "100 %"]);
        assert_eq!([cell(1, 9999), cell(9998, 9999)], ["<0.1 %", ">99.9 %"]);
        assert_eq!(cell(u64::MAX / 2, u64::MAX), "50 %");
    }

    #[test]
    fn it_is_said_where_both_sides_differ() {
        let of = |good: usize, late: usize, never: usize| {
            let mut success = Success::default();
            let mut unseen = samples::exchange(Outcome::ClientFinBeforeResponse);
            unseen.late = None;
            for (count, exchange) in [
                (good, samples::exchange(Outcome::Complete)),
                (late, samples::exchange(Outcome::ClientFinBeforeResponse)),
                (never, unseen),
            ] {
                (0..count).for_each(|_| success.add(&exchange));
            }
            success.sentence("GET /items")
        };
        assert_eq!(
            of(10, 3, 0).as_deref(),
            Some(
                "Clients got 76.9 % of GET /items; the server answered 100 % (late ones included)."
            )
        );
        assert_eq!(
            of(10, 3, 2).as_deref(),
            Some(
                "Clients got 66.7 % of GET /items; the server answered the 13 of which that \
                 is known (late ones included)."
            )
        );
        assert_eq!(of(10, 0, 2), None, "of the server nothing better is known");
        assert_eq!(of(10, 0, 0), None);
    }
}
