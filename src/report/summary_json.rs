use std::time::Duration;

use hdrhistogram::Histogram;

use super::pods::Pod;
use super::servers::Statement;
use super::success::{Share, Success};
use super::summary::{Ended, Route, Summary};
use super::timeout_origin::TimeoutSource;
use super::verdict::{OfRoute, Verdict, all_well, verdicts};
use super::write::{integer, json_string, millis};
use crate::decode::Skip;
use crate::limits::Limit;
use crate::pairing::Outcome;
use crate::problem::{Code, Severity, Span, loss};

/// A JSON object that is being written.
struct Object<'a> {
    out: &'a mut Vec<u8>,
    begun: bool,
}

impl<'a> Object<'a> {
    fn new(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, begun: false }
    }

    /// Writes the key; the value is to follow.
    fn key(&mut self, key: &str) -> &mut Vec<u8> {
        if self.begun {
            self.out.push(b',');
        }
        self.begun = true;
        json_string(self.out, key);
        self.out.push(b':');
        self.out
    }

    fn integer(&mut self, key: &str, value: u64) {
        integer(self.key(key), value);
    }

    fn millis(&mut self, key: &str, value: Duration) {
        millis(self.key(key), value);
    }

    fn string(&mut self, key: &str, value: &str) {
        json_string(self.key(key), value);
    }

    fn object(&mut self, key: &str, write: impl FnOnce(&mut Object<'_>)) {
        let mut inner = Object::new(self.key(key));
        write(&mut inner);
        inner.end();
    }

    fn end(self) {
        self.out.push(b'}');
    }
}

/// Writes `[a,b]`, each element by `write`.
fn array<T>(
    out: &mut Vec<u8>,
    elements: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'[');
    for (place, element) in elements.into_iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write(out, element);
    }
    out.push(b']');
}

impl Summary {
    /// Appends the findings, all of one kind and route together, as a JSON array.
    pub(super) fn write_findings(&self, out: &mut Vec<u8>, ended: &Ended<'_>) {
        let mut first = true;
        let mut next = |out: &mut Vec<u8>| {
            out.extend_from_slice(if first { b"[\n" } else { b",\n" });
            first = false;
        };
        for verdict in verdicts(self) {
            let verdict = match verdict {
                Verdict::Route(verdict) => verdict,
                Verdict::Server(said) => {
                    next(out);
                    of_server(out, &said, self.pod(said.interface));
                    continue;
                }
            };
            for (code, count) in parts(&verdict) {
                next(out);
                one_code(out, &verdict, code, count);
            }
            let timeout = verdict.route.timeout().filter(|_| verdict.code.is_give_up());
            if let Some(timeout) = timeout {
                next(out);
                let mut object = head(out, Code::InferredTimeout);
                object.string("route", &verdict.route.name);
                object.integer("count", timeout.count as u64);
                let of = Span(timeout.low);
                let sentence = format!(
                    "{} give-ups lie between {of} and {}: {}",
                    timeout.count,
                    Span(timeout.high),
                    timeout.words()
                );
                object.string("sentence", &sentence);
                object.millis("timeout_ms", timeout.value);
                object.key("evidence").extend_from_slice(b"[]");
                object.end();
            }
        }
        if let Some(loss) = loss(ended.counts, ended.dropped.unwrap_or(0)) {
            next(out);
            let mut object = head(out, Code::CaptureLossy);
            object.integer("count", loss.gaps.saturating_add(loss.dropped));
            let sentence = format!(
                "the capture lacks packets: {} gaps, {} bytes of the streams, {} packets dropped by the kernel",
                loss.gaps, loss.missed_bytes, loss.dropped
            );
            object.string("sentence", &sentence);
            object.key("evidence").extend_from_slice(b"[]");
            object.end();
        }
        out.extend_from_slice(if first { b"[]" } else { b"\n]" });
    }

    /// Appends the summary as a JSON object.
    pub fn write_json(&self, out: &mut Vec<u8>, ended: &Ended<'_>) {
        let counts = ended.counts;
        let mut object = Object::new(out);
        let verdicts = verdicts(self);
        let worst = verdicts.first().filter(|worst| worst.severity() > Severity::Note);
        let verdict = worst.map_or_else(|| all_well(self, ended), Verdict::sentence);
        if self.has_pods() {
            object.string("verdict", &format!("{} {verdict}", self.pods.sentence()));
            array(object.key("pods"), self.pods.iter(), one_pod);
        } else {
            object.string("verdict", &verdict);
        }
        object.integer("exchanges", self.exchanges());
        object.object("outcomes", |outcomes| {
            for outcome in Outcome::ALL {
                if self.count(outcome) > 0 {
                    outcomes.integer(outcome.name(), self.count(outcome));
                }
            }
        });
        success(&mut object, &self.success());
        array(object.key("routes"), &self.list, |out, route| one_route(out, route, ended));
        if let Some(origins) = ended.origins {
            let notes = &origins.notes;
            array(object.key("timeout_notes"), notes, |out, note| json_string(out, note));
        }
        object.object("left_out", |left| {
            left.integer("mesh", ended.left_out.mesh);
            left.integer("probes", ended.left_out.probes);
            left.integer("filtered", ended.left_out.filtered);
        });
        object.object("capture", |capture| {
            if let (Some(first), Some(last)) = (counts.first, counts.last) {
                super::write::epoch(capture.key("t"), first.time);
                capture.millis("duration_ms", last.time.since(first.time));
            }
            capture.integer("packets", counts.packets);
            if let Some(dropped) = ended.dropped {
                capture.integer("dropped", dropped);
            }
            for (key, value) in [
                ("connections", counts.connections),
                ("midstream", counts.midstream),
                ("silent", counts.silent),
                ("opaque", counts.opaque),
                ("tls", counts.tls),
                ("hbone", counts.hbone),
                ("tls_bytes", counts.tls_bytes),
                ("http2", counts.http2),
                ("retransmissions", counts.retransmissions),
                ("gaps", counts.gaps),
                ("missed_bytes", counts.missed_bytes),
                ("orphan_responses", counts.orphan_responses),
            ] {
                capture.integer(key, value);
            }
        });
        object.object("skipped", |skipped| {
            for skip in Skip::ALL.into_iter().filter(|skip| counts.skipped(*skip) > 0) {
                skipped.integer(skip.name(), counts.skipped(skip));
            }
        });
        object.object("limits", |limits| {
            for limit in Limit::ALL.into_iter().filter(|limit| counts.limit(*limit) > 0) {
                limits.integer(limit.consequence(), counts.limit(limit));
            }
        });
        if let Some(logged) = &self.access_log {
            object.key("access_log").extend_from_slice(logged.as_bytes());
        }
        object.end();
    }
}

/// Text says "given up" of several codes; here each has its own count.
fn parts(verdict: &OfRoute<'_>) -> Vec<(Code, u64)> {
    if !verdict.code.is_give_up() {
        return vec![(verdict.code, verdict.count)];
    }
    Code::GIVE_UPS
        .into_iter()
        .map(|code| (code, verdict.route.count(code)))
        .filter(|(_, count)| *count > 0)
        .collect()
}

fn head(out: &mut Vec<u8>, code: Code) -> Object<'_> {
    let mut object = Object::new(out);
    object.string("code", code.name());
    object.string(
        "severity",
        match code.detector().severity {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        },
    );
    object
}

fn one_code(out: &mut Vec<u8>, verdict: &OfRoute<'_>, code: Code, count: u64) {
    let mut object = head(out, code);
    object.string("route", &verdict.route.name);
    object.integer("count", count);
    object.integer("of", verdict.route.n);
    object.string("sentence", &verdict.sentence());
    let evidence = verdict.route.failure(code).map_or(&[] as &[_], |failure| &failure.evidence);
    array(object.key("evidence"), evidence, |out, frames| out.extend_from_slice(frames));
    object.end();
}

fn of_server(out: &mut Vec<u8>, said: &Statement, pod: Option<&str>) {
    let mut object = head(out, said.code);
    object.string("server", &said.server.to_string());
    if let Some(pod) = pod {
        object.string("pod", pod);
    }
    object.integer("count", said.count);
    object.string("sentence", &said.sentence);
    if let Some(timer) = said.timer {
        object.millis("timeout_ms", timer);
    }
    if let Some((from, until)) = said.window {
        super::write::epoch(object.key("from"), from);
        super::write::epoch(object.key("until"), until);
    }
    let evidence = &said.evidence;
    array(object.key("evidence"), evidence, |out, frames| out.extend_from_slice(frames));
    object.end();
}

fn span(object: &mut Object<'_>, times: &Histogram<u32>) {
    for (key, at) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0)] {
        let value = times.value_at_quantile(at).min(times.max());
        object.millis(key, Duration::from_micros(value));
    }
}

fn success(object: &mut Object<'_>, success: &Success) {
    object.object("success", |object| {
        for (key, Share { ok, of }) in [("client", success.client), ("server", success.server)] {
            object.object(key, |share| {
                share.integer("ok", ok);
                share.integer("of", of);
            });
        }
    });
}

fn one_pod(out: &mut Vec<u8>, pod: &Pod) {
    let mut object = Object::new(out);
    object.string("pod", &pod.name);
    object.integer("n", pod.n);
    object.integer("answered", pod.answered);
    object.integer("failed", pod.failed);
    success(&mut object, &pod.success);
    if !pod.times.is_empty() {
        object.object("total_ms", |object| span(object, &pod.times));
    }
    object.end();
}

fn one_route(out: &mut Vec<u8>, route: &Route, ended: &Ended<'_>) {
    let mut object = Object::new(out);
    object.string("route", &route.name);
    object.integer("n", route.n);
    object.integer("answered", route.answered);
    object.integer("gave_up", route.gave_up());
    success(&mut object, &route.success);
    for (key, times) in [("ttfb_ms", &route.ttfb), ("total_ms", &route.total)] {
        if !times.is_empty() {
            object.object(key, |object| span(object, times));
        }
    }
    if let Some(timeout) = route.timeout() {
        object.object("timeout", |object| {
            object.millis("value_ms", timeout.value);
            object.key("usual").extend_from_slice(if timeout.usual { b"true" } else { b"false" });
            object.millis("low_ms", timeout.low);
            object.millis("high_ms", timeout.high);
            object.integer("count", timeout.count as u64);
        });
    }
    if let Some(origin) = ended.origins.and_then(|origins| origins.of(route)) {
        object.string("timeout_origin", &origin.sentence);
        array(object.key("timeout_sources"), &origin.sources, one_source);
    }
    if route.late.times.seen() > 0 {
        let mut times = Vec::new();
        route.late.times.extend_into(&mut times);
        times.sort_unstable();
        object.object("late", |object| {
            object.integer("n", route.late.times.seen());
            object.millis("median_ms", super::sample::percentile(&times, 50));
            object.millis("max_ms", route.late.times.max());
            object.integer("failed", route.late.failed);
        });
    }
    object.object("findings", |findings| {
        for failure in &route.failures {
            findings.integer(failure.code.name(), failure.count);
        }
    });
    object.end();
}

fn one_source(out: &mut Vec<u8>, source: &TimeoutSource) {
    let mut object = Object::new(out);
    object.string("kind", &source.kind);
    if let Some(namespace) = &source.namespace {
        object.string("namespace", namespace);
    }
    object.string("name", &source.name);
    object.string("field", &source.field);
    object.millis("value_ms", source.value);
    object.end();
}
