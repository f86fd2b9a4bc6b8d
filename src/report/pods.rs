use std::io::Write as _;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::palette::Palette;
use super::success::Success;
use super::summary::{histogram, record};
use super::verdict::percent;
use super::write::{pad, shown};
use crate::pairing::Exchange;
use crate::problem::{Severity, Span};
use crate::wilson::wilson;

/// Interfaces remembered with a pod's name; of the rest exchanges have none. Far more than the pods
/// that one capture is made of.
const PODS: usize = 1024;
/// Exchanges of a pod, and of the others together, below which nothing is said of their shares.
const ENOUGH: u64 = 10;
/// A pod is slow beside the others if its median is this many times the largest of theirs ...
const TIMES: u32 = 3;
/// ... and at least this much longer: below it nobody waits.
const LONGER: Duration = Duration::from_millis(50);
/// Lines of the table.
const ROWS: usize = 20;

/// The pods of a capture of several, each an interface named `namespace/pod:interface`.
#[derive(Debug, Default)]
pub(super) struct Pods {
    list: Vec<Option<Pod>>,
}

#[derive(Debug)]
pub(super) struct Pod {
    pub(super) name: Box<str>,
    pub(super) n: u64,
    pub(super) answered: u64,
    /// With a finding that is an error.
    pub(super) failed: u64,
    pub(super) success: Success,
    /// To the end of the answer, or of the client's patience, in µs.
    pub(super) times: Histogram<u32>,
}

/// What sets pods apart.
enum Apart<'a> {
    Failing(Vec<&'a Pod>),
    Slow(&'a Pod),
    None,
    TooFew,
}

/// The pod that an interface of this name is of: `shop/catalog-v2` of `shop/catalog-v2:lo`.
pub fn pod_of(interface: &str) -> Option<&str> {
    let (pod, _) = interface.rsplit_once(':')?;
    pod.contains('/').then_some(pod)
}

impl Pods {
    /// Takes the name of an interface, which may name a pod.
    pub(super) fn describe(&mut self, index: u32, name: &str) {
        let Some(pod) = pod_of(name) else { return };
        let index = index as usize;
        if index >= PODS {
            return;
        }
        if self.list.len() <= index {
            self.list.resize_with(index + 1, || None);
        }
        // Said again where a stream was taken up again.
        if self.name(index as u32) != Some(pod) {
            self.list[index] = Some(Pod::new(pod));
        }
    }

    pub(super) fn name(&self, interface: u32) -> Option<&str> {
        Some(&self.list.get(interface as usize)?.as_ref()?.name)
    }

    pub(super) fn several(&self) -> bool {
        self.iter().nth(1).is_some()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Pod> {
        self.list.iter().flatten()
    }

    #[inline]
    pub(super) fn add(&mut self, exchange: &Exchange) {
        if let Some(Some(pod)) = self.list.get_mut(exchange.interface as usize) {
            pod.add(exchange);
        }
    }

    /// Which pod stands out, in one sentence.
    pub(super) fn sentence(&self) -> String {
        let others = |apart: &[&Pod]| {
            let rest = self.iter().filter(|pod| !apart.iter().any(|a| std::ptr::eq(*a, *pod)));
            rest.fold((0, 0), |(n, failed), pod| (n + pod.n, failed + pod.failed))
        };
        match self.apart() {
            Apart::Failing(pods) => {
                let names: Vec<_> = pods.iter().map(|pod| pod.shown()).collect();
                let (n, failed) =
                    pods.iter().fold((0, 0), |sum, pod| (sum.0 + pod.n, sum.1 + pod.failed));
                let (of, theirs) = others(&pods);
                let stand = if pods.len() == 1 { "stands" } else { "stand" };
                format!(
                    "{} {stand} out: {} of {n} requests failed there ({failed}), {} of {of} elsewhere.",
                    names.join(" and "),
                    percent(failed, n),
                    percent(theirs, of),
                )
            }
            Apart::Slow(pod) => {
                let rest = self.iter().filter(|other| !std::ptr::eq(*other, pod));
                let most = rest.map(Pod::median).max().unwrap_or_default();
                format!(
                    "{} stands out: its median is {}, that of the others {} at most.",
                    pod.shown(),
                    Span(pod.median()),
                    Span(most)
                )
            }
            Apart::None => format!("No pod of {} stands out.", self.iter().count()),
            Apart::TooFew => {
                format!("Too few requests to tell the {} pods apart.", self.iter().count())
            }
        }
    }

    /// Appends the sentence and a line for each pod.
    pub(super) fn write_text(&self, out: &mut Vec<u8>, palette: Palette) {
        out.extend_from_slice(palette.strong());
        out.extend_from_slice(self.sentence().as_bytes());
        out.extend_from_slice(palette.end());
        out.extend_from_slice(b"\n\n");
        let mut pods: Vec<_> = self.iter().collect();
        pods.sort_by_key(|pod| std::cmp::Reverse((pod.failed, pod.median())));
        let width = pods.iter().take(ROWS).map(|pod| pod.shown().len()).max().unwrap_or(0).max(3);
        out.extend_from_slice(b"  pod");
        pad(out, 3, width + 2);
        let differs = self.iter().any(|pod| pod.success.differs());
        let both = if differs { "  client ok  server ok" } else { "" };
        let _ = writeln!(out, "n       answered  p50       p99       failed{both}");
        for pod in pods.iter().take(ROWS) {
            let name = pod.shown();
            let _ = write!(out, "  {name}");
            pad(out, name.chars().count(), width + 2);
            let at = |quantile| match pod.times.len() {
                0 => "-".into(),
                _ => Span(pod.at(quantile)).to_string(),
            };
            let (p50, p99) = (at(0.5), at(0.99));
            let (n, answered) = (pod.n, pod.answered);
            let failed = pod.failed;
            let _ = write!(out, "{n:<7} {answered:<9} {p50:<9} {p99:<9} ");
            let _ = match differs {
                true => {
                    let [client, server] = pod.success.cells();
                    writeln!(out, "{failed:<7} {client:<10} {server}")
                }
                false => writeln!(out, "{failed}"),
            };
        }
        if pods.len() > ROWS {
            let _ = writeln!(out, "  {} more pods", pods.len() - ROWS);
        }
        out.push(b'\n');
    }

    fn apart(&self) -> Apart<'_> {
        let mut pods: Vec<_> = self.iter().filter(|pod| pod.n >= ENOUGH).collect();
        if pods.len() < 2 {
            return Apart::TooFew;
        }
        pods.sort_by(|a, b| b.share().total_cmp(&a.share()));
        for few in 1..=pods.len() / 2 {
            let (apart, rest) = pods.split_at(few);
            let most = rest.iter().map(|pod| interval(pod.failed, pod.n).1).fold(0.0, f64::max);
            if apart.iter().all(|pod| interval(pod.failed, pod.n).0 > most) {
                return Apart::Failing(apart.to_vec());
            }
        }
        pods.sort_by_key(|pod| std::cmp::Reverse(pod.median()));
        let (slowest, next) = (pods[0].median(), pods[1].median());
        if slowest >= next * TIMES && slowest >= next + LONGER {
            return Apart::Slow(pods[0]);
        }
        Apart::None
    }
}

impl Pod {
    fn new(name: &str) -> Self {
        let success = Success::default();
        Self { name: name.into(), n: 0, answered: 0, failed: 0, success, times: histogram() }
    }

    fn add(&mut self, exchange: &Exchange) {
        self.n += 1;
        self.answered += u64::from(exchange.total().is_some());
        let error = |code: crate::problem::Code| code.detector().severity == Severity::Error;
        self.failed += u64::from(exchange.findings.iter().any(error));
        self.success.add(exchange);
        if let Some(time) = exchange.total().or(exchange.gap()) {
            record(&mut self.times, time);
        }
    }

    fn share(&self) -> f64 {
        self.failed as f64 / self.n.max(1) as f64
    }

    fn at(&self, quantile: f64) -> Duration {
        Duration::from_micros(self.times.value_at_quantile(quantile))
    }

    pub(super) fn median(&self) -> Duration {
        self.at(0.5)
    }

    /// The name, safe to show.
    fn shown(&self) -> String {
        let mut name = Vec::new();
        shown(&mut name, &self.name, 64);
        String::from_utf8_lossy(&name).into_owned()
    }
}

/// Wilson's score interval of a share, with 99 % confidence.
fn interval(hits: u64, n: u64) -> (f64, f64) {
    wilson(hits as f64, n.max(1) as f64, 2.576)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pairing::Outcome;
    use crate::problem::samples;

    fn pods(of: &[(u64, u64)]) -> Pods {
        let mut pods = Pods::default();
        for (index, (answered, given_up)) in of.iter().enumerate() {
            let index = index as u32;
            pods.describe(index, &format!("shop/catalog-{index}:lo"));
            for (count, outcome) in
                [(answered, Outcome::Complete), (given_up, Outcome::ClientFinBeforeResponse)]
            {
                let mut exchange = samples::judged(outcome);
                exchange.interface = index;
                (0..*count).for_each(|_| pods.add(&exchange));
            }
        }
        pods
    }

    #[test]
    fn the_pod_whose_requests_fail_is_named() {
        let says = pods(&[(100, 0), (17, 83), (90, 0)]).sentence();
        assert_eq!(
            says,
            "shop/catalog-1 stands out: 83 % of 100 requests failed there (83), 0 % of 190 elsewhere."
        );
    }

    #[test]
    fn two_that_fail_alike_are_named_together() {
        let says = pods(&[(20, 80), (17, 83), (90, 0), (100, 0)]).sentence();
        assert!(says.starts_with("shop/catalog-1 and shop/catalog-0 stand out:"), "{says}");
    }

    #[test]
    fn chance_sets_nobody_apart() {
        assert_eq!(pods(&[(100, 0), (97, 3)]).sentence(), "No pod of 2 stands out.");
        assert_eq!(pods(&[(20, 80), (17, 83)]).sentence(), "No pod of 2 stands out.");
        assert!(pods(&[(100, 0), (2, 3)]).sentence().starts_with("Too few"));
    }

    #[test]
    fn both_sides_are_shown_where_they_differ() {
        let table = |of: &[(u64, u64)]| {
            let mut out = Vec::new();
            pods(of).write_text(&mut out, Palette::Plain);
            String::from_utf8(out).unwrap()
        };
        let text = table(&[(10, 3), (20, 0)]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[2..5],
            [
                "  pod             n       answered  p50       p99       failed  client ok  server ok",
                "  shop/catalog-0  13      10        32 ms     500 ms    3       76.9 %     100 %",
                "  shop/catalog-1  20      20        32 ms     32 ms     0       100 %      100 %",
            ]
        );
        assert!(!table(&[(10, 0), (20, 0)]).contains("client ok"));
    }

    #[test]
    fn an_interface_of_a_machine_is_no_pod() {
        let mut pods = Pods::default();
        pods.describe(0, "lo");
        pods.describe(1, "eth0:1");
        pods.describe(u32::MAX, "shop/catalog:lo");
        assert_eq!(pods.iter().count(), 0);
    }
}
