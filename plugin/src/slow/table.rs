use std::fmt::Write as _;

use meshsniff::slow::{Figures, Wait};

use crate::talk::harmless;

/// The pods, one a line, so many at most; every line ends.
pub(super) fn table(pods: &[Figures], rows: usize) -> String {
    let shown = &pods[..pods.len().min(rows)];
    let width = shown.iter().map(|pod| pod.name.chars().count()).max().unwrap_or(0).max(3);
    let mut table = format!(
        "  {:width$}  {:>8}  {:>8}  {:>8}  {:>6}  {:>9}  {:>9}\n",
        "pod", "requests", "answered", "given up", "failed", "median", "p99"
    );
    let wait = |wait: Option<Wait>| wait.map_or("-".to_owned(), |wait| wait.to_string());
    for pod in shown {
        let Figures { requests, answered, given_up, failed, .. } = pod;
        let name = harmless(&pod.name);
        let (median, p99) = (wait(pod.median), wait(pod.p99));
        let _ = writeln!(
            table,
            "  {name:width$}  {requests:>8}  {answered:>8}  {given_up:>8}  {failed:>6}  \
             {median:>9}  {p99:>9}"
        );
    }
    if pods.len() > shown.len() {
        let _ = writeln!(table, "  {} more pods", pods.len() - shown.len());
    }
    table
}

/// The most suspicious pod and all of them, in one line.
pub(super) fn line(pods: &[Figures]) -> String {
    let Some(first) = pods.first() else { return "no pod yet".to_owned() };
    let sum = |of: fn(&Figures) -> u64| pods.iter().map(of).sum::<u64>();
    let median = first.median.map_or(String::new(), |median| format!(", median {median}"));
    format!(
        "{} pods: {} requests, {} answered, {} given up; first {}: {} requests, {} given up{median}",
        pods.len(),
        sum(|pod| pod.requests),
        sum(|pod| pod.answered),
        sum(|pod| pod.given_up),
        first.name,
        first.requests,
        first.given_up,
    )
}
