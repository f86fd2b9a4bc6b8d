//! What is to be said of a server, not of a route: that it was away, closes at a constant age, lets
//! connects wait.

use std::net::SocketAddr;
use std::time::Duration;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::sample::{Sample, percentile};
use super::timeline::{Timeline, fate};
use super::verdict::number;
use super::write::{integer, time_of_day};
use crate::capture::{Mark, Timestamp};
use crate::pairing::{Connection, Exchange, Moment, Outcome, Protocol};
use crate::problem::{
    Closed, Code, Fate, Heap, Outage, Span, infer_idle_timeout, infer_max_age, known_port,
};

/// Servers told apart: the first ones. With their times they are 20 MB at most, and 60 KB if
/// nothing failed.
const SERVERS: usize = 256;
/// Ends of connections compared of one server, the first ones: enough for any heap.
const CLOSED: usize = 512;
/// Packets named as evidence.
const EVIDENCE: usize = 5;

/// Every server, by the interface it was seen on: two pods may have the same address on their lo.
#[derive(Debug, Default)]
pub(super) struct Servers {
    list: Vec<Server>,
    by_address: HashMap<(u32, SocketAddr), usize, FixedState>,
    /// The one found last: the next exchange is often of the same one.
    last: usize,
}

#[derive(Debug)]
struct Server {
    interface: u32,
    at: SocketAddr,
    timeline: Timeline,
    late: Late,
    /// The ends, and which connection it was.
    closed: Vec<(Closed, u64)>,
    /// The packets of the first of them.
    ends: Vec<Box<[u8]>>,
    /// Something else than HTTP/1 is spoken on one that was closed.
    streams: bool,
    /// Requests that the server closed upon, by connection.
    unanswered: Vec<(u64, Timestamp)>,
    /// The packets of those that the server did not answer.
    failures: Vec<Box<[u8]>>,
}

/// Connects that were answered late.
#[derive(Debug, Default)]
struct Late {
    times: Sample,
    repeated: u64,
    evidence: Vec<Box<[u8]>>,
}

/// One thing that is to be said of one server.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) code: Code,
    pub(super) interface: u32,
    pub(super) server: SocketAddr,
    /// How many connections it is about.
    pub(super) count: u64,
    pub(super) sentence: String,
    /// The timer, if it is about one.
    pub(super) timer: Option<Duration>,
    /// The time, if it is about one.
    pub(super) window: Option<(Timestamp, Timestamp)>,
    /// The packets, as JSON.
    pub(super) evidence: Vec<Box<[u8]>>,
}

impl Servers {
    /// Takes an exchange that has ended.
    #[inline]
    pub(super) fn exchange(&mut self, exchange: &Exchange) {
        let Some((fate, time)) = fate(exchange) else { return };
        let Some(server) = self.of(exchange.interface, exchange.server) else { return };
        server.timeline.add(fate, time);
        if fate != Fate::Answered {
            server.failed(exchange);
        }
    }

    /// Takes a connection of which there is something to say.
    pub(super) fn connection(&mut self, connection: &Connection) {
        if let Some(server) = self.of(connection.interface, connection.server) {
            server.connection(connection);
        }
    }

    /// The server, if there is room to know it.
    #[inline]
    fn of(&mut self, interface: u32, at: SocketAddr) -> Option<&mut Server> {
        let same = |server: &Server| server.at == at && server.interface == interface;
        if !self.list.get(self.last).is_some_and(same) {
            self.last = self.find(interface, at)?;
        }
        self.list.get_mut(self.last)
    }

    fn find(&mut self, interface: u32, at: SocketAddr) -> Option<usize> {
        if let Some(place) = self.by_address.get(&(interface, at)) {
            return Some(*place);
        }
        let place = self.list.len();
        (place < SERVERS).then(|| {
            self.by_address.insert((interface, at), place);
            self.list.push(Server::new(interface, at));
            place
        })
    }

    /// All there is to say.
    pub(super) fn statements(&self) -> Vec<Statement> {
        let each = |server: &Server| {
            [server.away(), server.late(), server.cuts(), server.idles()]
                .into_iter()
                .flatten()
                .collect()
        };
        self.list.iter().flat_map(|server| -> Vec<Statement> { each(server) }).collect()
    }
}

impl Server {
    fn new(interface: u32, at: SocketAddr) -> Self {
        Self {
            interface,
            at,
            timeline: Timeline::default(),
            late: Late::default(),
            closed: Vec::new(),
            ends: Vec::new(),
            streams: false,
            unanswered: Vec::new(),
            failures: Vec::new(),
        }
    }

    #[cold]
    fn failed(&mut self, exchange: &Exchange) {
        if self.failures.len() < EVIDENCE {
            let mut frames = Vec::new();
            super::json::packets(&mut frames, exchange);
            self.failures.push(frames[b",\"packets\":".len()..].into());
        }
        if exchange.outcome == Outcome::ServerClosedBeforeResponse
            && let Some(asked) = exchange.request.last
            && self.unanswered.len() < CLOSED
        {
            self.unanswered.push((exchange.connection, asked.time));
        }
    }

    fn connection(&mut self, connection: &Connection) {
        match connection.moment {
            Moment::Opened { mark } => {
                self.late.times.add(connection.age());
                self.late.repeated += u64::from(connection.attempts > 1);
                note(&mut self.late.evidence, &[("request", connection.syn), ("response", mark)]);
            }
            Moment::Closed { mark, idle } => {
                self.streams |= connection.protocol != Protocol::Http1;
                if self.closed.len() < CLOSED {
                    let closed = Closed { time: mark.time, age: connection.age(), idle };
                    self.closed.push((closed, connection.connection));
                }
                note(&mut self.ends, &[("request", connection.syn), ("close", mark)]);
            }
        }
    }

    /// `10.77.0.12:15017 (istiod, webhook)`.
    fn name(&self) -> String {
        named(self.at)
    }

    fn say(&self, code: Code, count: u64, sentence: String, evidence: &[Box<[u8]>]) -> Statement {
        Statement {
            code,
            interface: self.interface,
            server: self.at,
            count,
            sentence,
            timer: None,
            window: None,
            evidence: evidence.to_vec(),
        }
    }

    fn away(&self) -> Option<Statement> {
        let outages = self.timeline.outages();
        let worst = *outages.iter().max_by_key(|outage| {
            (outage.connects + outage.dropped, std::cmp::Reverse(outage.from))
        })?;
        let Outage { from, until, connects, dropped, before } = worst;
        let all = connects + dropped;
        let what = match dropped {
            0 => format!("answered none of {connects} connects"),
            _ => format!(
                "refused or dropped all {all} ({}, {})",
                number(connects, "connect"),
                number(dropped, "request")
            ),
        };
        let times =
            if before { "before and after: it restarted?" } else { "afterwards: it started?" };
        let more = match outages.len() {
            1 => String::new(),
            n => format!(" The longest of {n} such times."),
        };
        let sentence = format!(
            "{} {what} from {} to {} ({}), and answered {times}{more}",
            self.name(),
            time_of_day(from),
            time_of_day(until),
            Span(until.since(from)),
        );
        let mut said = self.say(Code::ServerUnavailable, all, sentence, &self.failures);
        said.window = Some((from, until));
        Some(said)
    }

    fn late(&self) -> Option<Statement> {
        let Late { times, repeated, evidence } = &self.late;
        let count = times.seen();
        let mut sorted = Vec::new();
        times.extend_into(&mut sorted);
        sorted.sort_unstable();
        let most = Span(times.max());
        let took = match count {
            0 => return None,
            1 => format!("after {most}"),
            _ => format!("after {} (median), {most} at most", Span(percentile(&sorted, 50))),
        };
        let repeated = match *repeated {
            0 => String::new(),
            n if n == count => "; the first SYN was not answered".into(),
            n => format!("; the first SYN of {n} was not answered"),
        };
        let were = if count == 1 { "was" } else { "were" };
        let what = number(count, "connect");
        let sentence = format!("{what} to {} {were} answered late: {took}{repeated}.", self.name());
        Some(self.say(Code::SlowConnect, count, sentence, evidence))
    }

    fn cuts(&self) -> Option<Statement> {
        let heap = infer_max_age(&self.ends())?;
        let jitter =
            if heap.jitter { ", with the jitter of gRPC's MAX_CONNECTION_AGE" } else { "" };
        let sentence = format!(
            "{} to {} were cut by the server at the age of {} while in use{jitter}: its maximum connection age (istiod: keepaliveMaxServerConnectionAge), or a load balancer's.",
            of(&heap),
            self.name(),
            heap.words(),
        );
        let mut said = self.say(Code::MaxConnectionAge, heap.count as u64, sentence, &self.ends);
        said.timer = Some(heap.value);
        Some(said)
    }

    fn idles(&self) -> Option<Statement> {
        // That a pool's connection is closed when it is idle, nobody minds: unless a request was
        // lost by it. A stream that is silent for long may have been meant to stay.
        let crossed = self.crossed();
        if !self.streams && crossed == 0 {
            return None;
        }
        let heap = infer_idle_timeout(&self.ends())?;
        let lost = match crossed {
            0 => String::new(),
            1 => "; 1 request crossed that close and was lost".into(),
            n => format!("; {n} requests crossed that close and were lost"),
        };
        let sentence = format!(
            "{} to {} were closed by the server after {} without a byte: its idle timeout, or a load balancer's{lost}.",
            of(&heap),
            self.name(),
            heap.words(),
        );
        let mut said = self.say(Code::IdleTimeout, heap.count as u64, sentence, &self.ends);
        said.timer = Some(heap.value);
        Some(said)
    }

    /// Requests that came when the server had closed already.
    fn crossed(&self) -> u64 {
        let came_late = |(connection, asked): &&(u64, Timestamp)| {
            self.closed.iter().any(|(end, of)| of == connection && end.time <= *asked)
        };
        self.unanswered.iter().filter(came_late).count() as u64
    }

    fn ends(&self) -> Vec<Closed> {
        self.closed.iter().map(|(closed, _)| *closed).collect()
    }
}

/// The server's address, and who listens on such a port.
pub(super) fn named(at: SocketAddr) -> String {
    match known_port(at.port()) {
        Some(port) => format!("{at} ({})", port.name),
        None => at.to_string(),
    }
}

/// `6 connections`, `6 of 7 connections`.
fn of(heap: &Heap) -> String {
    match heap.of {
        all if all == heap.count => number(all as u64, "connection"),
        all => format!("{} of {}", heap.count, number(all as u64, "connection")),
    }
}

fn note(evidence: &mut Vec<Box<[u8]>>, marks: &[(&str, Mark)]) {
    if evidence.len() == EVIDENCE {
        return;
    }
    let mut frames = vec![b'{'];
    for (place, (key, mark)) in marks.iter().enumerate() {
        frames.extend_from_slice(if place == 0 { b"\"" } else { b",\"" });
        frames.extend_from_slice(key.as_bytes());
        frames.extend_from_slice(b"\":");
        integer(&mut frames, mark.number);
    }
    frames.push(b'}');
    evidence.push(frames.into());
}
