use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::connects::Connects;
use super::pods::Pods;
use super::route::Routes;
use super::sample::Sample;
use super::servers::Servers;
use super::subject::Subject;
use super::success::Success;
use super::timeout_origin::TimeoutOrigins;
use super::write::micros;
use crate::counts::Counts;
use crate::pairing::detail::grpc_status_name;
use crate::pairing::{Connection, Exchange, Outcome};
use crate::problem::{Code, InferredTimeout, Severity, infer_timeout};

/// Routes told apart; the rest is one route, "other". 512 of them with their percentiles are
/// about 8 MB, and no person reads more.
const ROUTES: u32 = 512;
/// Statuses and close codes told apart of one finding of one route: more than anybody uses.
const STATUSES: usize = 64;
/// Exchanges named as evidence of one finding of one route.
const EVIDENCE: usize = 5;

/// Exchanges that were not looked at because nobody asked for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// To the mesh's own ports.
    pub mesh: u64,
    /// By kubelet.
    pub probes: u64,
    /// By a filter of the user.
    pub filtered: u64,
}

/// What is known of the capture when it has ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended<'a> {
    /// What the analysis has counted.
    pub counts: &'a Counts,
    /// Packets the kernel dropped, as the capture says; `None` if it says nothing.
    pub dropped: Option<u64>,
    /// What was left out.
    pub left_out: LeftOut,
    /// The capture with comments, if one is written.
    pub written: Option<&'a str>,
    /// Where the timeouts come from; `None` if nobody looked.
    pub origins: Option<&'a TimeoutOrigins>,
}

/// All exchanges together: how many, how long, what went wrong, by route.
///
/// Memory is bounded whatever the number of exchanges.
#[derive(Debug)]
pub struct Summary {
    routes: Routes,
    pub(super) list: Vec<Route>,
    pub(super) outcomes: [u64; Outcome::ALL.len()],
    pub(super) pods: Pods,
    pub(super) servers: Servers,
    pub(super) access_log: Option<String>,
}

/// One method and folded path, or one server that connects failed to.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) name: Box<str>,
    /// It is a server that connects failed to; nothing was asked.
    pub(super) connect: bool,
    pub(super) n: u64,
    pub(super) answered: u64,
    pub(super) success: Success,
    /// From the request's last byte to the response's first and last, in µs.
    pub(super) ttfb: Histogram<u32>,
    pub(super) total: Histogram<u32>,
    pub(super) failures: Vec<Failure>,
    pub(super) late: Late,
    /// Whom the first request asked that ran out of time, or was answered by a proxy.
    pub(super) host: Option<Box<str>>,
}

/// One finding of one route.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: Code,
    pub(super) count: u64,
    /// After the request: when somebody left, or when the answer began.
    pub(super) times: Sample,
    /// The statuses that came, of WebSockets the codes they were closed with, and how often.
    pub(super) statuses: Vec<(Status, u64)>,
    /// The frames of the first of them, as JSON.
    pub(super) evidence: Vec<Box<[u8]>>,
    /// Of connects: who tried, when.
    pub(super) connects: Option<Box<Connects>>,
}

/// What an answer says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// Of HTTP; of a WebSocket the code that it was closed with.
    Http(u16),
    Grpc(u32),
}

impl Status {
    fn of(exchange: &Exchange) -> Option<Self> {
        match exchange.grpc() {
            Some(grpc) => grpc.status.map(Self::Grpc),
            None => exchange
                .close_code()
                .or(exchange.response.as_ref().map(|response| response.status))
                .map(Self::Http),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(status) => write!(f, "{status}"),
            Self::Grpc(status) => match grpc_status_name(*status) {
                Some(name) => f.write_str(name),
                None => write!(f, "status {status}"),
            },
        }
    }
}

/// The answers that came after their client had left.
#[derive(Debug, Default)]
pub(super) struct Late {
    pub(super) times: Sample,
    /// With a status of 500 or more.
    pub(super) failed: u64,
}

impl Default for Summary {
    fn default() -> Self {
        Self {
            routes: Routes::new(ROUTES),
            list: Vec::new(),
            outcomes: [0; Outcome::ALL.len()],
            pods: Pods::default(),
            servers: Servers::default(),
            access_log: None,
        }
    }
}

impl Summary {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes what proxies logged of the same exchanges: a JSON object, which becomes the field
    /// `access_log` of the summary.
    pub fn logged(&mut self, access_log: String) {
        self.access_log = Some(access_log);
    }

    /// Takes the name of an interface: one named `namespace/pod:interface` is that pod's.
    pub fn describe(&mut self, interface: u32, name: &str) {
        self.pods.describe(interface, name);
    }

    /// The pod that the interface is of, as `namespace/pod`.
    #[inline]
    pub fn pod(&self, interface: u32) -> Option<&str> {
        self.pods.name(interface)
    }

    /// Whether there are several pods, so that each line has to say which it is of.
    pub fn has_pods(&self) -> bool {
        self.pods.several()
    }

    /// Takes an exchange that has ended.
    #[inline]
    pub fn add(&mut self, exchange: &Exchange) {
        self.outcomes[exchange.outcome as usize] += 1;
        self.pods.add(exchange);
        self.servers.exchange(exchange);
        let route = self.route(exchange);
        route.n += 1;
        route.success.add(exchange);
        if let Some(total) = exchange.total() {
            route.answered += 1;
            record(&mut route.total, total);
        }
        if let Some(ttfb) = exchange.ttfb() {
            record(&mut route.ttfb, ttfb);
        }
        if !exchange.findings.is_empty() {
            route.failed(exchange);
        }
        if let Some(late) = exchange.late {
            route.late.failed += u64::from(late.status.is_some_and(|status| status >= 500));
            route.late.times.add(exchange.late().unwrap_or_default());
        }
    }

    /// Takes a connection of which there is something to say.
    pub fn connection(&mut self, connection: &Connection) {
        self.servers.connection(connection);
    }

    /// How many exchanges there were.
    pub fn exchanges(&self) -> u64 {
        self.outcomes.iter().sum()
    }

    /// Whether anything is wrong: an exchange with a finding, or a server of which there is more to
    /// say than a note.
    pub fn has_findings(&self) -> bool {
        let more = |code: Code| code.detector().severity > Severity::Note;
        self.list.iter().any(|route| !route.failures.is_empty())
            || self.servers.statements().iter().any(|said| more(said.code))
    }

    /// Both sides of all requests.
    pub(super) fn success(&self) -> Success {
        self.list.iter().map(|route| route.success).collect()
    }

    pub(super) fn count(&self, outcome: Outcome) -> u64 {
        self.outcomes[outcome as usize]
    }

    /// Its route, which is made if it is new.
    #[inline]
    fn route(&mut self, exchange: &Exchange) -> &mut Route {
        let (found, new) = match Subject::of(exchange) {
            Subject::Path(word, path) => self.routes.find(word, path),
            _ => self.routes.find_other(exchange),
        };
        if let Some(name) = new {
            self.list.push(Route::new(name, is_connect(exchange)));
        }
        let place = match found {
            Some(route) => route as usize,
            None => {
                if self.list.len() == ROUTES as usize {
                    self.list.push(Route::new("other routes", false));
                }
                ROUTES as usize
            }
        };
        &mut self.list[place]
    }
}

fn is_connect(exchange: &Exchange) -> bool {
    matches!(exchange.outcome, Outcome::Refused | Outcome::ConnectTimeout)
}

#[inline]
pub(super) fn record(times: &mut Histogram<u32>, span: Duration) {
    // It grows by itself; what is out of reach even so (2^62 µs) is no time that passed.
    let _ = times.record(micros(span));
}

/// Two digits are exact: an error of 0.8 % at most. Grows with the longest time seen.
pub(super) fn histogram() -> Histogram<u32> {
    match Histogram::new(2) {
        Ok(histogram) => histogram,
        // 2 is within the limits of the crate.
        Err(_) => unreachable!(),
    }
}

impl Route {
    fn new(name: &str, connect: bool) -> Self {
        Self {
            name: name.into(),
            connect,
            n: 0,
            answered: 0,
            success: Success::default(),
            ttfb: histogram(),
            total: histogram(),
            failures: Vec::new(),
            late: Late::default(),
            host: None,
        }
    }

    #[cold]
    fn failed(&mut self, exchange: &Exchange) {
        for code in exchange.findings.iter() {
            if self.host.is_none() && (code.is_give_up() || code == Code::ProxyAnswered) {
                self.host.clone_from(&exchange.request.host);
            }
            let place = self.failures.iter().position(|failure| failure.code == code);
            let place = place.unwrap_or_else(|| {
                self.failures.push(Failure::new(code));
                self.failures.len() - 1
            });
            self.failures[place].add(exchange);
        }
    }

    pub(super) fn failure(&self, code: Code) -> Option<&Failure> {
        self.failures.iter().find(|failure| failure.code == code)
    }

    pub(super) fn count(&self, code: Code) -> u64 {
        self.failure(code).map_or(0, |failure| failure.count)
    }

    /// How many were given up by their client before the response had begun.
    pub(super) fn gave_up(&self) -> u64 {
        Code::GIVE_UPS.into_iter().map(|code| self.count(code)).sum()
    }

    /// When clients gave up, sorted; of many a fair choice.
    pub(super) fn gaps(&self) -> Vec<Duration> {
        self.times(&Code::GIVE_UPS)
    }

    /// The times of these findings, sorted.
    pub(super) fn times(&self, codes: &[Code]) -> Vec<Duration> {
        let mut times = Vec::new();
        for failure in codes.iter().filter_map(|code| self.failure(*code)) {
            failure.times.extend_into(&mut times);
        }
        times.sort_unstable();
        times
    }

    /// The timeout of those who gave up.
    pub(super) fn timeout(&self) -> Option<InferredTimeout> {
        infer_timeout(&mut self.gaps())
    }
}

impl Failure {
    fn new(code: Code) -> Self {
        Self {
            code,
            count: 0,
            times: Sample::default(),
            statuses: Vec::new(),
            evidence: Vec::new(),
            connects: None,
        }
    }

    fn add(&mut self, exchange: &Exchange) {
        self.count += 1;
        if is_connect(exchange) {
            self.connects.get_or_insert_default().add(exchange);
        }
        if let Some(span) = exchange.gap().or(exchange.lifetime()).or(exchange.ttfb()) {
            self.times.add(span);
        }
        if let Some(said) = Status::of(exchange) {
            let room = self.statuses.len() < STATUSES;
            match self.statuses.iter_mut().find(|(status, _)| *status == said) {
                Some((_, count)) => *count += 1,
                None if room => self.statuses.push((said, 1)),
                None => {}
            }
        }
        if self.evidence.len() < EVIDENCE {
            let mut frames = Vec::new();
            super::json::packets(&mut frames, exchange);
            self.evidence.push(frames[b",\"packets\":".len()..].into());
        }
    }
}
