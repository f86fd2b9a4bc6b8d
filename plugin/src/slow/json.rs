use std::time::Duration;

use meshsniff::report::{TimeoutOrigin, TimeoutSource};
use meshsniff::slow::{Evidence, Figures, Wait};
use serde_json::{Value, json};

use super::Judged;
use crate::access_log::Found;

/// The verdict as one object, by `docs/schema/slow.v1.json`.
pub(super) fn json(judged: &Judged) -> Value {
    let Judged { verdict, origins, logged } = judged;
    json!({
        "schema": "meshsniff/slow.v1",
        "answer": verdict.answer.name(),
        "sentence": verdict.sentence,
        "slow": verdict.slow.iter().map(evidence).collect::<Vec<_>>(),
        "fast": verdict.fast,
        "shared": verdict.shared,
        "more_s": verdict.more.map(|more| more.as_secs()),
        "timeouts": origins.routes.iter().map(origin).collect::<Vec<_>>(),
        "notes": verdict.notes.iter().chain(&origins.notes).collect::<Vec<_>>(),
        "access_log": logged.iter().filter_map(document).collect::<Vec<_>>(),
        "pods": verdict.pods.iter().map(pod).collect::<Vec<_>>(),
    })
}

/// What proxies logged, as the report on exchanges has it.
fn document(found: &Found) -> Option<Value> {
    serde_json::from_str(&found.json()).ok()
}

fn evidence(slow: &Evidence) -> Value {
    let medians = slow.medians.as_ref().map(|medians| {
        json!({
            "route": medians.route,
            "own": wait(Some(medians.own)),
            "usual_ms": millis(medians.usual),
        })
    });
    json!({
        "pod": slow.pod,
        "sentence": slow.sentence(),
        "route": slow.route,
        "test": slow.test.map_or("no_answer", meshsniff::slow::Test::name),
        "slow": slow.slow,
        "requests": slow.requests,
        "expected": slow.expected,
        "given_up": slow.given_up,
        "limit_ms": slow.limit.map(millis),
        "median": medians,
    })
}

fn pod(pod: &Figures) -> Value {
    json!({
        "pod": pod.name,
        "requests": pod.requests,
        "answered": pod.answered,
        "given_up": pod.given_up,
        "failed": pod.failed,
        "median": wait(pod.median),
        "p99": wait(pod.p99),
        "chance": pod.chance,
    })
}

fn origin(origin: &TimeoutOrigin) -> Value {
    let source = |source: &TimeoutSource| {
        json!({
            "kind": source.kind,
            "namespace": source.namespace,
            "name": source.name,
            "field": source.field,
            "value_ms": millis(source.value),
        })
    };
    json!({
        "route": origin.route,
        "sentence": origin.sentence,
        "sources": origin.sources.iter().map(source).collect::<Vec<_>>(),
    })
}

/// `{"ms": 9.1}`, or `{"ms": 500, "longer": true}` where nobody saw the answer.
fn wait(wait: Option<Wait>) -> Value {
    match wait {
        Some(Wait::Known(span)) => json!({"ms": millis(span)}),
        Some(Wait::Longer(span)) => json!({"ms": millis(span), "longer": true}),
        None => Value::Null,
    }
}

/// Milliseconds, to the microsecond.
fn millis(span: Duration) -> f64 {
    (span.as_secs_f64() * 1e6).round() / 1e3
}
