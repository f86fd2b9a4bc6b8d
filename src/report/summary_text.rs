use std::io::Write as _;
use std::time::Duration;

use super::palette::Palette;
use super::summary::{Ended, LeftOut, Route, Summary};
use super::timeout_origin::TimeoutOrigin;
use super::verdict::{Verdict, all_well, is_failure, number, percent, verdicts};
use super::write::{pad, shown};
use crate::counts::Counts;
use crate::decode::Skip;
use crate::limits::Limit;
use crate::problem::{Code, Severity, Span, loss};

/// Verdicts told in words; the table has the rest.
const TOLD: usize = 5;
/// The longest sentence about manifests, in columns.
const WORDS: usize = 2000;
/// Lines of the table.
const ROWS: usize = 20;

impl Summary {
    /// Appends the summary as text. Its first line is the answer.
    pub fn write_text(&self, out: &mut Vec<u8>, ended: &Ended<'_>, palette: Palette) {
        if self.has_pods() {
            self.pods.write_text(out, palette);
        }
        self.answer(out, ended, palette);
        self.table(out);
        out.push(b'\n');
        reservations(out, ended);
        capture(out, ended);
        if self.has_findings() {
            out.extend_from_slice(palette.quiet());
            match ended.written {
                Some(file) => out.extend_from_slice(format!("Evidence: {file}").as_bytes()),
                None => out.extend_from_slice(b"Evidence: add -w evidence.pcapng"),
            }
            // Of one exchange, so that there is a packet to comment on.
            let commented = |code: &Code| code.detector().applies.is_some();
            if let Some(worst) = verdicts(self).iter().map(Verdict::code).find(commented) {
                let name = worst.name();
                let _ = write!(out, "; in Wireshark: frame.comment contains \"{name}\"");
            }
            out.extend_from_slice(palette.end());
            out.push(b'\n');
        }
    }

    /// What is wrong, the worst first; what it means for both ends; where to read on.
    fn answer(&self, out: &mut Vec<u8>, ended: &Ended<'_>, palette: Palette) {
        let verdicts = verdicts(self);
        // A note is no answer.
        let worst = verdicts.first().filter(|worst| worst.severity() > Severity::Note);
        let (answer, lines) = match worst {
            Some(worst) => (worst.sentence(), worst.lines()),
            None => (all_well(self, ended), Vec::new()),
        };
        let told = |verdict| origin(verdict, ended);
        out.extend_from_slice(palette.strong());
        out.extend_from_slice(answer.as_bytes());
        out.extend_from_slice(palette.end());
        out.push(b'\n');
        let rest = verdicts.get(usize::from(worst.is_some())..).unwrap_or_default();
        if let Some(origin) = worst.and_then(told) {
            words(out, &origin.sentence);
        }
        for line in lines {
            let _ = writeln!(out, "  {line}");
        }
        for verdict in rest.iter().take(TOLD) {
            let _ = writeln!(out, "  {}", verdict.sentence());
            if let Some(origin) = told(verdict) {
                words(out, &origin.sentence);
            }
        }
        if rest.len() > TOLD {
            let _ = writeln!(out, "  And {} more; see the table.", rest.len() - TOLD);
        }
        for note in ended.origins.iter().flat_map(|origins| &origins.notes) {
            words(out, note);
        }
        if let Some(code) = verdicts.first().map(Verdict::code) {
            let code = code.name();
            let _ =
                writeln!(out, "  What it means, what to check: kubectl meshsniff explain {code}");
        }
    }

    fn table(&self, out: &mut Vec<u8>) {
        let mut routes: Vec<_> = self.list.iter().filter(|route| !route.connect).collect();
        if routes.is_empty() {
            return;
        }
        routes.sort_by_key(|route| std::cmp::Reverse((failed(route), route.n)));
        let differs = routes.iter().take(ROWS).any(|route| route.success.differs());
        let rows: Vec<_> = routes.iter().take(ROWS).map(|route| row(route, differs)).collect();
        let mut head = vec!["route", "n", "answered", "p50", "p99", "gave up"];
        if differs {
            head.extend(["client ok", "server ok"]);
        }
        head.push("other failures");
        let mut widths: Vec<_> = head.iter().map(|cell| cell.len()).collect();
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        out.push(b'\n');
        line(out, &head, &widths);
        for row in &rows {
            line(out, row, &widths);
        }
        if routes.len() > ROWS {
            let rest = &routes[ROWS..];
            let n: u64 = rest.iter().map(|route| route.n).sum();
            let _ = writeln!(out, "  {} more routes, {}", rest.len(), number(n, "request"));
        }
    }
}

/// Where the timeout that this verdict states comes from.
fn origin<'a>(verdict: &Verdict<'_>, ended: &Ended<'a>) -> Option<&'a TimeoutOrigin> {
    match verdict {
        Verdict::Route(verdict) if verdict.states_timeout() => ended.origins?.of(verdict.route),
        _ => None,
    }
}

/// A line with words of others: names from manifests.
fn words(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(b"  ");
    shown(out, text, WORDS);
    out.push(b'\n');
}

fn line(out: &mut Vec<u8>, cells: &[impl AsRef<str>], widths: &[usize]) {
    out.extend_from_slice(b"  ");
    for (place, (cell, width)) in cells.iter().map(AsRef::as_ref).zip(widths).enumerate() {
        let used = cell.chars().count();
        out.extend_from_slice(cell.as_bytes());
        if place + 1 < cells.len() {
            pad(out, used, width + 2);
        }
    }
    while out.last() == Some(&b' ') {
        out.pop();
    }
    out.push(b'\n');
}

/// The cells of a route; `both` sides of its success if they differ anywhere.
fn row(route: &Route, both: bool) -> Vec<String> {
    let mut name = Vec::new();
    shown(&mut name, &route.name, 48);
    let at = |percent| match route.answered {
        0 => "-".into(),
        _ => Span(Duration::from_micros(route.total.value_at_quantile(percent))).to_string(),
    };
    let others: Vec<_> = route
        .failures
        .iter()
        .filter(|failure| is_failure(failure.code))
        .filter(|failure| !failure.code.is_give_up())
        .map(|failure| format!("{} {}", failure.count, failure.code.name()))
        .collect();
    let mut cells = vec![
        String::from_utf8_lossy(&name).into_owned(),
        route.n.to_string(),
        route.answered.to_string(),
        at(0.5),
        at(0.99),
        route.gave_up().to_string(),
    ];
    if both {
        cells.extend(route.success.cells());
    }
    cells.push(others.join(", "));
    cells
}

fn failed(route: &Route) -> u64 {
    let failures = route.failures.iter().filter(|failure| is_failure(failure.code));
    failures.map(|failure| failure.count).sum()
}

/// What makes the figures less than the truth.
fn reservations(out: &mut Vec<u8>, ended: &Ended<'_>) {
    let counts = ended.counts;
    if let Some(loss) = loss(counts, ended.dropped.unwrap_or(0)) {
        let mut parts = Vec::new();
        if loss.dropped > 0 {
            parts.push(format!("the kernel dropped {}", number(loss.dropped, "packet")));
        }
        if loss.gaps > 0 {
            parts.push(format!(
                "{} in the streams ({} missed)",
                number(loss.gaps, "gap"),
                number(loss.missed_bytes, "byte")
            ));
        }
        let _ = writeln!(
            out,
            "The capture lost packets (capture-lossy): {}. What cannot be known is said to be unknown.",
            parts.join(", ")
        );
    }
    for (count, what) in not_read(counts) {
        if count > 0 {
            let _ = writeln!(out, "{}.", what.replace('#', &count.to_string()));
        }
    }
    let skips = Skip::ALL.into_iter().filter(|skip| counts.skipped(*skip) > 0);
    let skips: Vec<_> =
        skips.map(|skip| format!("{} {}", counts.skipped(skip), skip.name())).collect();
    if !skips.is_empty() {
        let _ = writeln!(out, "Packets not analysed: {}.", skips.join(", "));
    }
    for limit in Limit::ALL.into_iter().filter(|limit| counts.limit(*limit) > 0) {
        let _ = writeln!(out, "Limit reached: {} {}.", counts.limit(limit), limit.consequence());
    }
    left_out(out, ended.left_out);
}

fn not_read(counts: &Counts) -> [(u64, &'static str); 4] {
    [
        (counts.tls, "Connections with TLS, read as far as it is not encrypted: #"),
        (
            counts.hbone,
            "Connections of HBONE (ambient mesh), encrypted; what they carry does not show: #",
        ),
        (counts.opaque, "Connections with something that is not read: #"),
        (counts.orphan_responses, "Responses to requests before the capture: #"),
    ]
}

fn left_out(out: &mut Vec<u8>, left: LeftOut) {
    let mut parts = Vec::new();
    if left.mesh > 0 {
        parts.push(format!("{} on the mesh's own ports", left.mesh));
    }
    if left.probes > 0 {
        parts.push(format!("{} by kubelet's probes", left.probes));
    }
    if !parts.is_empty() {
        let _ = writeln!(out, "Left out: {} (--all shows them).", parts.join(", "));
    }
    if left.filtered > 0 {
        let _ = writeln!(out, "Left out by your filters: {}.", left.filtered);
    }
}

/// `42 s, 5312 packets, none lost.`
fn capture(out: &mut Vec<u8>, ended: &Ended<'_>) {
    let counts = ended.counts;
    if let (Some(first), Some(last)) = (counts.first, counts.last) {
        let _ = write!(out, "{}, ", Span(last.time.since(first.time)));
    }
    let _ = write!(
        out,
        "{}, {}",
        number(counts.packets, "packet"),
        number(counts.connections, "connection")
    );
    match (loss(counts, ended.dropped.unwrap_or(0)), ended.dropped) {
        (Some(loss), _) if loss.dropped > 0 => {
            let _ = write!(
                out,
                ", {} lost",
                percent(loss.dropped, counts.packets.saturating_add(loss.dropped))
            );
        }
        (Some(_), _) => {}
        (None, Some(_)) => out.extend_from_slice(b", none lost"),
        (None, None) => out.extend_from_slice(b", no loss seen"),
    }
    out.extend_from_slice(b".\n");
}
