//! The sentences of a summary: what is wrong, the worst first.

use std::time::Duration;

use super::sample::percentile;
use super::servers::Statement;
use super::summary::{Ended, Route, Summary};
use crate::pairing::Outcome;
use crate::problem::{Code, Severity, Span, infer_timeout, known_port};

/// One thing that is wrong.
#[derive(Debug)]
pub(super) enum Verdict<'a> {
    /// With one route.
    Route(OfRoute<'a>),
    /// With one server.
    Server(Statement),
}

/// One thing that is wrong with one route.
#[derive(Debug)]
pub(super) struct OfRoute<'a> {
    pub(super) route: &'a Route,
    /// What `explain` is to be asked for.
    pub(super) code: Code,
    /// How many exchanges it is about.
    pub(super) count: u64,
}

/// Everything that is wrong, the worst first: failures before warnings, then by number.
pub(super) fn verdicts(summary: &Summary) -> Vec<Verdict<'_>> {
    // First what explains the rest, where both are as bad.
    let mut all: Vec<_> = summary.servers.statements().into_iter().map(Verdict::Server).collect();
    for route in &summary.list {
        let gave_up = route.gave_up();
        if gave_up > 0 {
            // Of equal ones the first.
            let most = Code::GIVE_UPS.into_iter().rev().max_by_key(|code| route.count(*code));
            let code = most.unwrap_or(Code::ClientClosedFirst);
            all.push(Verdict::Route(OfRoute { route, code, count: gave_up }));
        }
        for failure in &route.failures {
            if !failure.code.is_give_up() {
                let (code, count) = (failure.code, failure.count);
                all.push(Verdict::Route(OfRoute { route, code, count }));
            }
        }
    }
    all.sort_by_key(|verdict| std::cmp::Reverse((verdict.severity(), verdict.count())));
    all
}

impl Verdict<'_> {
    /// What `explain` is to be asked for.
    pub(super) fn code(&self) -> Code {
        match self {
            Self::Route(verdict) => verdict.code,
            Self::Server(said) => said.code,
        }
    }

    /// How many exchanges or connections it is about.
    pub(super) fn count(&self) -> u64 {
        match self {
            Self::Route(verdict) => verdict.count,
            Self::Server(said) => said.count,
        }
    }

    pub(super) fn severity(&self) -> Severity {
        self.code().detector().severity
    }

    /// It in one sentence, with figures.
    pub(super) fn sentence(&self) -> String {
        match self {
            Self::Route(verdict) => verdict.sentence(),
            Self::Server(said) => said.sentence.clone(),
        }
    }

    /// What follows from it, a line each.
    pub(super) fn lines(&self) -> Vec<String> {
        match self {
            Self::Route(verdict) => {
                let views = verdict.route.success.sentence(&verdict.route.name);
                [verdict.late(), views].into_iter().flatten().collect()
            }
            Self::Server(_) => Vec::new(),
        }
    }
}

impl OfRoute<'_> {
    /// It in one sentence, with figures.
    pub(super) fn sentence(&self) -> String {
        let route = self.route;
        let times = match self.code {
            code if code.is_give_up() => route.gaps(),
            code => route.times(&[code]),
        };
        let of = self.of();
        let were = if self.count == 1 { "was" } else { "were" };
        match self.code {
            Code::ClientClosedFirst | Code::ClientReset | Code::ClientResetStream => {
                format!("{of} {were} given up by the client{}.", heap(&times))
            }
            Code::ServerClosedFirst => {
                format!("{of} got no answer: the server closed{}.", after(&times))
            }
            Code::Truncated => format!("{of} {were} cut in the middle{}.", after(&times)),
            Code::ConnectRefused => self.connects("refused: nothing listens there", "; "),
            Code::ConnectTimeout => self.connects("never answered", ": "),
            Code::NoResponse => format!("{of} had no answer yet when the capture ended."),
            Code::ProxyAnswered => format!(
                "{of} {were} answered by the proxy itself, with {}{}.",
                self.statuses(),
                heap(&times)
            ),
            Code::ServerError => {
                format!("{of} {were} answered by the application with {}.", self.statuses())
            }
            Code::WebsocketError => {
                format!("{of} {were} closed with {}{}.", self.statuses(), after(&times))
            }
            Code::WebsocketAborted => {
                format!("{of} ended without a Close frame{}.", heap(&times))
            }
            Code::WebsocketRefused => {
                format!("{of} {were} to become a WebSocket and got {}.", self.statuses())
            }
            Code::SlowResponse => format!(
                "{of} {were} answered slowly: after {} (median), {} at most.",
                Span(percentile(&times, 50)),
                Span(percentile(&times, 100))
            ),
            Code::TlsCertificateRejected => format!(
                "{of} failed{}: the client refused the server's certificate.",
                after(&times)
            ),
            Code::TlsClientCertificate => format!(
                "{of} failed{}: the server wants a client certificate, and got none that it takes.",
                after(&times)
            ),
            Code::TlsHandshakeFailed => {
                format!("{of} failed{}: an alert ended the handshake.", after(&times))
            }
            Code::TlsLeftSilently => {
                format!("{of} failed{}: one side left the handshake without a word.", heap(&times))
            }
            Code::TlsAndPlaintext => {
                format!("{of} failed: one side speaks TLS, the other plaintext.")
            }
            Code::TlsCertificateExpired => {
                format!("{of} had a certificate that has expired, or is not good yet.")
            }
            Code::ServerResetStream => {
                format!("{of} got no answer: the server reset the stream{}.", after(&times))
            }
            Code::StreamRefused => format!("{of} {were} refused by the server."),
            Code::FlowControlStall => {
                format!("{of} waited for the other side's flow-control window.")
            }
            Code::GrpcError => format!("{of} failed: {}.", self.statuses()),
            Code::GrpcDeadlineExceeded => {
                format!("{of} ran out of their deadline{}.", heap(&times))
            }
            Code::SlowConnect
            | Code::ServerUnavailable
            | Code::MaxConnectionAge
            | Code::IdleTimeout
            | Code::InferredTimeout
            | Code::CaptureLossy => {
                format!("{}.", self.code.detector().title)
            }
        }
    }

    /// `13 connects to 10.77.0.12:15017 (istiod, webhook) were never answered: SYN at ...`.
    fn connects(&self, what: &str, then: &str) -> String {
        let connects = self.route.failure(self.code).and_then(|failure| failure.connects.as_ref());
        let how = connects.map(|connects| connects.words()).filter(|words| !words.is_empty());
        let how = how.map_or(String::new(), |words| format!("{then}{words}"));
        // A route of connects has its server's address as its name.
        let port = self.route.name.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        let (name, hint) = match port.and_then(known_port) {
            None => (String::new(), String::new()),
            Some(port) => {
                let hint = format!(". What usually blocks it: {}", port.blocked_by);
                (format!(" ({})", port.name), hint)
            }
        };
        let were = if self.count == 1 { "was" } else { "were" };
        let count = number(self.count, "connect");
        format!("{count} to {}{name} {were} {what}{how}{hint}.", self.route.name)
    }

    /// `83 % of GET /items (349 of 420)`.
    fn of(&self) -> String {
        let (name, count, n) = (self.name(), self.count, self.route.n);
        match (count, n) {
            (1, 1) => format!("The only {name}"),
            _ if count == n => format!("All of {name} ({n} of {n})"),
            (_, 0..20) => format!("{count} of {n} {name}"),
            _ => format!("{} of {name} ({count} of {n})", percent(count, n)),
        }
    }

    /// The route's name, safe to show.
    fn name(&self) -> String {
        let mut name = Vec::new();
        super::write::shown(&mut name, &self.route.name, 100);
        String::from_utf8_lossy(&name).into_owned()
    }

    /// `504 (12), 503 (3)`.
    fn statuses(&self) -> String {
        let Some(failure) = self.route.failure(self.code) else { return String::new() };
        let mut statuses = failure.statuses.clone();
        statuses.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        match statuses.as_slice() {
            [(status, _)] => status.to_string(),
            many => {
                let each: Vec<_> =
                    many.iter().take(4).map(|(status, n)| format!("{status} ({n})")).collect();
                each.join(", ")
            }
        }
    }

    /// What the answers that came too late say about the server.
    pub(super) fn late(&self) -> Option<String> {
        let late = &self.route.late;
        if !self.code.is_give_up() || late.times.seen() == 0 {
            return None;
        }
        let mut times = Vec::new();
        late.times.extend_into(&mut times);
        times.sort_unstable();
        let (seen, most) = (late.times.seen(), Span(late.times.max()));
        let took = if seen == 1 {
            format!("The answer that came too late took {most}")
        } else {
            let median = Span(percentile(&times, 50));
            format!("The answers that came too late took {median} (median), {most} at most")
        };
        let all = seen >= self.count;
        let some = if all { String::new() } else { format!(" ({seen} of {} came)", self.count) };
        Some(match late.failed {
            0 if all => format!("{took}; none failed. The server is slow, not broken."),
            0 => format!("{took}{some}; none of these failed."),
            failed => format!("{took}{some}; {failed} failed with 5xx."),
        })
    }
}

/// `after 486-511 ms: a timeout of 500 ms`, or the range if they do not heap.
fn heap(times: &[Duration]) -> String {
    if let Some(timeout) = infer_timeout(&mut times.to_vec()) {
        return format!(" after {}: {}", range(timeout.low, timeout.high), timeout.words());
    }
    let apart = if times.len() < 5 { "" } else { ", at no common value" };
    format!("{}{apart}", after(times))
}

/// ` after 12-498 ms`; empty if no time is known.
fn after(times: &[Duration]) -> String {
    match (times.first(), times.last()) {
        (Some(low), Some(high)) => format!(" after {}", range(*low, *high)),
        _ => String::new(),
    }
}

fn range(low: Duration, high: Duration) -> String {
    let (low, high) = (Span(low).to_string(), Span(high).to_string());
    match (low.split_once(' '), high.split_once(' ')) {
        _ if low == high => high,
        (Some((low, unit)), Some((_, same))) if unit == same => format!("{low}-{high}"),
        _ => format!("{low} to {high}"),
    }
}

/// `83 %`; never 0 % of something, never 100 % of less than all.
pub(super) fn percent(count: u64, of: u64) -> String {
    let (wide, all) = (u128::from(count), u128::from(of));
    let rounded = (wide * 200 + all) / (all * 2).max(1);
    match rounded {
        0 if count > 0 => "<1 %".into(),
        100 if count < of => ">99 %".into(),
        rounded => format!("{rounded} %"),
    }
}

/// `76.9 %`, `100 %`; never 0 % of something, never 100 % of less than all.
pub(super) fn rate(count: u64, of: u64) -> String {
    let (wide, all) = (u128::from(count), u128::from(of));
    let tenths = (wide * 2000 + all) / (all * 2).max(1);
    match (tenths / 10, tenths % 10) {
        (0, 0) if count > 0 => "<0.1 %".into(),
        (100, _) if count < of => ">99.9 %".into(),
        (whole, 0) => format!("{whole} %"),
        (whole, tenth) => format!("{whole}.{tenth} %"),
    }
}

/// `1 connect`, `13 connects`.
pub(super) fn number(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// The first sentence when nothing is wrong, or nothing was seen.
pub(super) fn all_well(summary: &Summary, ended: &Ended<'_>) -> String {
    let n = summary.exchanges();
    let undecided = summary.count(Outcome::Unknown) + summary.count(Outcome::InProgress);
    let answered = n - undecided;
    let slowest = summary.list.iter().max_by_key(|route| route.total.max());
    let slowest = slowest.filter(|route| route.answered > 0).map_or(String::new(), |route| {
        let took = Span(Duration::from_micros(route.total.max()));
        let verdict = OfRoute { route, code: Code::SlowResponse, count: 0 };
        format!("; the slowest took {took} ({})", verdict.name())
    });
    match (n, answered) {
        (0, _) => nothing(ended),
        (_, 0) => format!("{} seen, of none is the end known.", number(n, "request")),
        (1, 1) => format!("The only request was answered{slowest}."),
        _ if undecided == 0 => format!("All {n} requests were answered{slowest}."),
        _ => format!(
            "{} answered{slowest}; of {undecided} the end was not captured.",
            match answered {
                1 => "1 request was".into(),
                _ => format!("{answered} requests were"),
            }
        ),
    }
}

/// `No request was seen: 5 connections, of 2 the protocol is not read.`
fn nothing(ended: &Ended<'_>) -> String {
    let counts = ended.counts;
    let parts: Vec<_> = [(counts.opaque, "not read"), (counts.silent, "without a byte")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    match (counts.connections, parts.is_empty()) {
        (0, _) => "No request was seen, and no TCP connection.".into(),
        (all, true) => format!("No request was seen: {}.", number(all, "connection")),
        (all, false) => {
            format!("No request was seen: {}, {}.", number(all, "connection"), parts.join(", "))
        }
    }
}

/// Whether the finding makes a route fail, rather than be slow.
pub(super) fn is_failure(code: Code) -> bool {
    code.detector().severity == Severity::Error
}
