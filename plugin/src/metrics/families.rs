use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::labels::{Finding, Of, OnSide, Reason, Request};

/// Pairs of pod and route told apart, each with two histograms: more is "other routes".
const PAIRS: usize = 1024;
/// Sets of labels of requests told apart.
const REQUESTS: usize = 4096;

/// Those of `istio_request_duration_milliseconds`, which are Envoy's.
const BUCKETS: [f64; 19] = [
    0.5,
    1.0,
    5.0,
    10.0,
    25.0,
    50.0,
    100.0,
    250.0,
    500.0,
    1000.0,
    2500.0,
    5000.0,
    10_000.0,
    30_000.0,
    60_000.0,
    300_000.0,
    600_000.0,
    1_800_000.0,
    3_600_000.0,
];

type Times = Family<Of, Histogram, fn() -> Histogram>;

/// Every metric there is. Their number is bounded whatever the network sends.
pub(super) struct Families {
    registry: Registry,
    requests: Family<Request, Counter>,
    fates: Family<OnSide, Counter>,
    durations: Times,
    give_ups: Family<Of, Counter>,
    give_up_after: Times,
    findings: Family<Finding, Counter>,
    packets_lost: Family<Reason, Counter>,
    pub(super) packets: Counter,
    pub(super) exchanges_lost: Counter,
    pairs: Mutex<HashSet<Of>>,
    /// How many sets of labels of requests there may be yet.
    room: AtomicUsize,
}

/// What is counted of the requests of one pair of pod and route.
pub(super) struct Series {
    pub(super) duration: Histogram,
    pub(super) give_ups: Counter,
    pub(super) give_up_after: Histogram,
    pub(super) client: Fates,
    pub(super) server: Fates,
}

/// What became of requests on one side.
pub(super) struct Fates {
    pub(super) answered: Counter,
    pub(super) failed: Counter,
}

impl Families {
    pub(super) fn new() -> Self {
        let times = || Times::new_with_constructor(|| Histogram::new(BUCKETS));
        let mut all = Self {
            registry: Registry::with_prefix("meshsniff"),
            requests: Family::default(),
            fates: Family::default(),
            durations: times(),
            give_ups: Family::default(),
            give_up_after: times(),
            findings: Family::default(),
            packets_lost: Family::default(),
            packets: Counter::default(),
            exchanges_lost: Counter::default(),
            pairs: Mutex::default(),
            room: AtomicUsize::new(REQUESTS),
        };
        all.register();
        for reason in ["kernel", "gap", "agent"] {
            all.lost(reason);
        }
        all
    }

    fn register(&mut self) {
        let millis = || Unit::Other("milliseconds".into());
        let to = &mut self.registry;
        to.register("requests", "Requests, by what their client got", self.requests.clone());
        to.register(
            "request_fates",
            "Requests whose fate is known on that side: answered without an error, or not",
            self.fates.clone(),
        );
        to.register_with_unit(
            "request_duration",
            "From a request's last byte to the last of its answer",
            millis(),
            self.durations.clone(),
        );
        to.register(
            "give_ups",
            "Requests that their client gave up before the answer began",
            self.give_ups.clone(),
        );
        to.register_with_unit(
            "give_up_after",
            "From a request's last byte to its client's leaving",
            millis(),
            self.give_up_after.clone(),
        );
        to.register("findings", "Exchanges with this finding", self.findings.clone());
        to.register("packets", "Packets that were analysed", self.packets.clone());
        to.register(
            "packets_lost",
            "Packets that the kernel or an agent dropped, and gaps of one or more packets",
            self.packets_lost.clone(),
        );
        to.register(
            "exchanges_lost",
            "Exchanges that an agent lost because nobody took them in time",
            self.exchanges_lost.clone(),
        );
    }

    /// The pair under which it is counted: itself, or beyond the bound the one of all others.
    pub(super) fn pair(&self, of: Of) -> Of {
        let mut pairs = self.pairs.lock().unwrap_or_else(PoisonError::into_inner);
        if pairs.contains(&of) {
            return of;
        }
        if pairs.len() == PAIRS {
            return Of::other();
        }
        pairs.insert(of.clone());
        of
    }

    /// Who counts such requests. Beyond the bound, what tells them from others is left out.
    pub(super) fn requests(&self, labels: Request) -> Counter {
        let less = |room: usize| room.checked_sub(1);
        let known = self.requests.get(&labels).is_some()
            || self.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok();
        let labels = match known {
            true => labels,
            false => Request {
                of: Of::other(),
                response_code: None,
                grpc_response_status: None,
                ..labels
            },
        };
        self.requests.get_or_create_owned(&labels)
    }

    /// What is counted of a pair, all of it at 0 if it is new: a rate needs both ends.
    pub(super) fn series(&self, of: &Of) -> Series {
        let on = |side| {
            let counter =
                |fate| self.fates.get_or_create_owned(&OnSide { of: of.clone(), side, fate });
            Fates { answered: counter("answered"), failed: counter("failed") }
        };
        Series {
            duration: self.durations.get_or_create_owned(of),
            give_ups: self.give_ups.get_or_create_owned(of),
            give_up_after: self.give_up_after.get_or_create_owned(of),
            client: on("client"),
            server: on("server"),
        }
    }

    pub(super) fn finding(&self, of: &Of, code: &'static str) {
        self.findings.get_or_create(&Finding { of: of.clone(), code }).inc();
    }

    pub(super) fn lost(&self, reason: &'static str) -> Counter {
        self.packets_lost.get_or_create_owned(&Reason { reason })
    }

    /// All of it, as text of OpenMetrics 1.0.
    pub(super) fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl Of {
    fn other() -> Self {
        Self { namespace: "".into(), pod: "".into(), route: "other routes".into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::labels::Flags;

    #[test]
    fn what_the_network_sends_has_bounds() {
        let families = Families::new();
        for number in 0..2 * REQUESTS {
            let route = format!("GET /{number}x").into();
            let of = Of { namespace: "shop".into(), pod: "catalog".into(), route };
            let pair = families.pair(of.clone());
            families.series(&pair).duration.observe(1.0);
            let requests = families.requests(Request {
                of,
                request_protocol: "grpc",
                response_code: Some(200),
                grpc_response_status: Some(number as u32),
                response_flags: Flags(&[]),
                outcome: "complete",
            });
            requests.inc();
        }
        let text = families.text().unwrap();
        let lines = |name: &str| text.lines().filter(|line| line.starts_with(name)).count();
        assert_eq!(lines("meshsniff_request_duration_milliseconds_count{"), PAIRS + 1);
        assert_eq!(lines("meshsniff_requests_total{"), REQUESTS + 1);
        let others = format!("route=\"other routes\"}} {}", 2 * REQUESTS - PAIRS);
        assert!(text.lines().any(|line| line.ends_with(&others)), "{others}");
    }
}
