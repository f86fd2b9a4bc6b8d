use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use meshsniff::Counts;
use meshsniff::pairing::{Exchange, Outcome, Protocol};
use meshsniff::problem::{Code, envoy_flags};
use meshsniff::report::{Fate, Fates, name_route};
use prometheus_client::metrics::counter::Counter;

use super::families::{self, Families, Series};
use super::labels::{Flags, Of, Request};
use crate::talk::harmless;

/// Counts what one judge sees. What the families have of a pair of pod and route is looked up
/// there once.
pub(crate) struct Recorder {
    families: Arc<Families>,
    /// Where a pair is in the list.
    places: HashMap<Box<str>, usize>,
    list: Vec<Pair>,
    /// The pod, and the route after a line's end.
    name: String,
    route: String,
    counted: Counted,
}

/// A pod and a route.
struct Pair {
    of: Of,
    /// Once something was asked.
    series: Option<Series>,
    requests: Vec<(Kind, Counter)>,
}

/// What tells requests of a pair apart.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Kind {
    protocol: &'static str,
    outcome: Outcome,
    code: u16,
    grpc: Option<u32>,
    flags: Flags,
}

/// What was counted so far of a judge's counts, which only grow.
#[derive(Default)]
struct Counted {
    packets: u64,
    gaps: u64,
    dropped: u64,
    lost: u64,
}

/// Pairs remembered: a little more than the families tell apart.
const PAIRS: usize = 2048;
/// Kinds of requests remembered of a pair: seldom more than five.
const KINDS: usize = 32;

impl Recorder {
    pub(super) fn new(families: Arc<Families>) -> Self {
        Self {
            families,
            places: HashMap::new(),
            list: Vec::new(),
            name: String::new(),
            route: String::new(),
            counted: Counted::default(),
        }
    }

    /// Takes an exchange that has ended; `pod` as `namespace/pod`.
    pub(crate) fn exchange(&mut self, exchange: &Exchange, pod: Option<&str>) {
        let place = self.place(exchange, pod);
        let Some(Pair { of, series, requests }) = self.list.get_mut(place) else { return };
        for code in exchange.findings.iter() {
            self.families.finding(of, code.name());
        }
        let Some(kind) = Kind::of(exchange) else { return };
        let series = series.get_or_insert_with(|| self.families.series(of));
        match requests.iter().find(|(known, _)| *known == kind) {
            Some((_, counter)) => drop(counter.inc()),
            None => {
                let counter = self.families.requests(kind.labels(of));
                counter.inc();
                if requests.len() < KINDS {
                    requests.push((kind, counter));
                }
            }
        }
        let fates = Fates::of(exchange);
        count(&series.client, fates.client);
        count(&series.server, fates.server);
        // A WebSocket lasts as long as both like.
        if let (Some(total), true) = (exchange.total(), exchange.protocol != Protocol::Ws) {
            series.duration.observe(millis(total));
        }
        if Code::GIVE_UPS.into_iter().any(|code| exchange.findings.contains(code)) {
            series.give_ups.inc();
            if let Some(gap) = exchange.gap() {
                series.give_up_after.observe(millis(gap));
            }
        }
    }

    /// Where its pair is, which is made if it is new.
    fn place(&mut self, exchange: &Exchange, pod: Option<&str>) -> usize {
        name_route(exchange, &mut self.route);
        self.name.clear();
        self.name.push_str(pod.unwrap_or_default());
        self.name.push('\n');
        self.name.push_str(&self.route);
        if let Some(place) = self.places.get(self.name.as_str()) {
            return *place;
        }
        if self.list.len() == PAIRS {
            self.places.clear();
            self.list.clear();
        }
        let of = self.families.pair(of(pod, &self.route));
        self.places.insert(self.name.as_str().into(), self.list.len());
        self.list.push(Pair { of, series: None, requests: Vec::new() });
        self.list.len() - 1
    }

    /// Takes what has been counted since the judge began: by the analysis, packets that the kernel
    /// dropped, exchanges that agents lost.
    pub(crate) fn counts(&mut self, counts: &Counts, dropped: u64, lost: u64) {
        let (counted, families) = (&mut self.counted, &self.families);
        grown(&families.packets, &mut counted.packets, counts.packets);
        grown(&families.lost("gap"), &mut counted.gaps, counts.gaps);
        grown(&families.lost("kernel"), &mut counted.dropped, dropped);
        grown(&families.exchanges_lost, &mut counted.lost, lost);
    }
}

impl Kind {
    /// `None`: nothing was asked.
    fn of(exchange: &Exchange) -> Option<Self> {
        let protocol = match exchange.protocol {
            Protocol::Http1 | Protocol::H2 | Protocol::Ws => "http",
            Protocol::Grpc => "grpc",
            Protocol::Tls | Protocol::Tcp => return None,
        };
        Some(Self {
            protocol,
            outcome: exchange.outcome,
            code: exchange.response.as_ref().map_or(0, |response| response.status),
            grpc: exchange.grpc().and_then(|grpc| grpc.status),
            flags: Flags(envoy_flags(exchange).map_or(&[], |flags| flags.here)),
        })
    }

    fn labels(self, of: &Of) -> Request {
        Request {
            of: of.clone(),
            request_protocol: self.protocol,
            response_code: Some(self.code),
            grpc_response_status: self.grpc,
            response_flags: self.flags,
            outcome: self.outcome.name(),
        }
    }
}

fn of(pod: Option<&str>, route: &str) -> Of {
    let (namespace, pod) = pod.and_then(|pod| pod.split_once('/')).unwrap_or_default();
    // A file may be shown on a terminal.
    let shown = |name: &str| harmless(name).into();
    Of { namespace: shown(namespace), pod: shown(pod), route: shown(route) }
}

fn count(side: &families::Fates, fate: Option<Fate>) {
    match fate {
        Some(Fate::Answered) => drop(side.answered.inc()),
        Some(Fate::Failed) => drop(side.failed.inc()),
        None => {}
    }
}

/// Adds what is more than `before`.
fn grown(counter: &Counter, before: &mut u64, now: u64) {
    counter.inc_by(now.saturating_sub(*before));
    *before = now.max(*before);
}

fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_counted_once() {
        let families = Arc::new(Families::new());
        let (mut one, mut two) = (Recorder::new(families.clone()), Recorder::new(families.clone()));
        let counts = |packets, gaps| Counts { packets, gaps, ..Counts::default() };
        one.counts(&counts(10, 1), 5, 0);
        one.counts(&counts(30, 1), 5, 2);
        // An agent that begins anew.
        one.counts(&counts(20, 0), 0, 0);
        two.counts(&counts(4, 3), 1, 1);
        let text = families.text().unwrap();
        for line in [
            "meshsniff_packets_total 34",
            "meshsniff_packets_lost_total{reason=\"gap\"} 4",
            "meshsniff_packets_lost_total{reason=\"kernel\"} 6",
            "meshsniff_packets_lost_total{reason=\"agent\"} 0",
            "meshsniff_exchanges_lost_total 3",
        ] {
            assert!(text.lines().any(|it| it == line), "{line}\n{text}");
        }
    }

    #[test]
    fn a_pod_is_two_labels() {
        let of = of(Some("shop/catalog-v2"), "GET /\u{9b}x");
        assert_eq!((&*of.namespace, &*of.pod, &*of.route), ("shop", "catalog-v2", "GET /?x"));
    }
}
