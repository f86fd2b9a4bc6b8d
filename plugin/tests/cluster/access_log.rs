//! What the mesh's Envoys logged, joined with what was captured.
//!
//! The truth is that of the logs themselves, read again after the run. A busy machine may make a
//! line late or a capture short, so that some are not joined; but what is joined must be right.

use std::collections::{HashMap, HashSet};
use std::sync::PoisonError;

use serde_json::{Value, json};

use crate::case::shared;
use crate::cluster::Cluster;
use crate::mesh::Access;
use crate::user::User;
use crate::verdicts::SHOP;

/// At both ends of the capture an exchange may be in one of both alone.
const EDGE: f64 = 2.0;

/// The lines of each proxy that was read.
struct Truth(HashMap<String, Vec<Access>>);

impl Truth {
    fn read(cluster: &Cluster, summary: &Value) -> Self {
        let logs = summary["logs"].as_array().expect("logs").iter();
        let pods = logs.map(|log| log["proxy"].as_str().expect("a proxy").to_owned());
        Self(pods.map(|pod| (pod.clone(), cluster.access_lines(&pod))).collect())
    }

    /// The lines that this proxy has of this request.
    fn of<'a>(&'a self, proxy: &str, id: &'a str) -> impl Iterator<Item = &'a Access> {
        let lines = self.0.get(proxy).map(Vec::as_slice).unwrap_or_default();
        lines.iter().filter(move |line| line.request_id == id)
    }
}

#[test]
fn each_exchange_has_the_flags_that_were_logged() {
    let Some(cluster) = shared() else { return };
    let _shop = SHOP.lock().unwrap_or_else(PoisonError::into_inner);
    let [gateway, frontend] = ["app=gateway", "app=frontend"].map(|app| cluster.pod("shop", app));
    let user = User::new(&cluster, "shop", |rules| {
        let right = json!({"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]});
        rules.as_array_mut().expect("rules").push(right);
    });
    let args = ["pod", "svc/catalog", "-n", "shop", "--port", "9080", "--duration", "20s"];
    let of = "--access-log-of";
    let frontends = format!("shop/pod/{frontend}");
    let logs = ["--access-log", of, "deploy/gateway", of, &frontends, "-o", "json"];
    let said = cluster.meshsniff(&user, &[&args[..], &logs].concat());
    assert_eq!(said.code, Some(0), "{}", said.err);
    cluster.nothing_is_left("shop");

    let report: Value = serde_json::from_str(&said.out).expect("one document");
    let summary = &report["summary"]["access_log"];
    assert_eq!(summary["unread"], json!([]), "{}", said.err);
    let exchanges = report["exchanges"].as_array().expect("exchanges");
    let truth = Truth::read(&cluster, summary);
    for log in summary["logs"].as_array().expect("logs") {
        what_is_in_one_alone(log, exchanges, &truth);
    }
    for exchange in exchanges {
        for one in logged(exchange) {
            let proxy = one["proxy"].as_str().expect("a proxy");
            let is = |line: &Access| {
                (&one["flags"], &one["code"], &one["duration_ms"])
                    == (&json!(line.flags), &json!(line.status), &json!(line.duration_ms as u64))
            };
            assert!(truth.of(proxy, id(exchange)).any(is), "a wrong join: {exchange}");
        }
    }

    let times = || exchanges.iter().filter_map(|exchange| exchange["t"].as_f64());
    let (first, last) = times().fold((f64::MAX, f64::MIN), |(a, b), t| (a.min(t), b.max(t)));
    let middle = exchanges.iter().filter(|exchange| exchange["outcome"] != "in_progress");
    let middle = middle.filter(|exchange| {
        let ms = ["gap_ms", "total_ms"].into_iter().filter_map(|key| exchange[key].as_f64());
        let t = exchange["t"].as_f64().expect("a time");
        t > first + EDGE && t + ms.fold(0.0, f64::max) / 1000.0 < last - EDGE
    });
    let (mut known, mut joined, mut gave_up, mut compared) = (0, 0, 0, 0);
    for exchange in middle {
        let own = own(exchange);
        let here = by(exchange, own);
        known += usize::from(truth.of(own, id(exchange)).next().is_some());
        joined += usize::from(here.is_some());
        if !left(exchange) {
            continue;
        }
        gave_up += 1;
        let caller = [&gateway, &frontend].into_iter().find_map(|proxy| by(exchange, proxy));
        let is = |one: Option<&Value>, flags: &str, code: u16| {
            one.is_some_and(|one| one["flags"] == flags && one["code"] == code)
        };
        let inbound = here.is_some_and(|one| one["direction"] == "inbound");
        compared += usize::from(is(here, "DC", 0) && inbound && is(caller, "UT", 504));
    }
    let figures = format!("{joined} of {known}, {compared} of {gave_up}: {summary}");
    assert!(known > 20 && joined * 10 >= known * 9, "{figures}");
    assert!(gave_up > 1 && compared * 10 >= gave_up * 8, "{figures}");
}

/// What is said to be in a log or in the packets alone is so; what is ambiguous has its reason.
fn what_is_in_one_alone(log: &Value, exchanges: &[Value], truth: &Truth) {
    let proxy = log["proxy"].as_str().expect("a proxy");
    let named = |key: &str| {
        let first = log[key]["first"].as_array().cloned().expect("those that are named");
        first.into_iter().filter(|one| one["request_id"].is_string())
    };
    let captured: HashSet<&str> = exchanges.iter().map(own).collect();
    for one in named("only_in_log") {
        // Of a request that was tried again one attempt may be there, and another not.
        let attempts = captured.iter().flat_map(|pod| truth.of(pod, id(&one)));
        let again = attempts.filter(|line| line.cluster.starts_with("inbound|")).nth(1).is_some();
        let there = exchanges.iter().any(|exchange| id(exchange) == id(&one));
        assert!(!there || again, "in both: {one}");
    }
    for one in named("only_in_packets") {
        assert!(truth.of(proxy, id(&one)).next().is_none(), "in both: {one}");
    }
    let mut tries: HashMap<&str, usize> = HashMap::new();
    for exchange in exchanges {
        *tries.entry(id(exchange)).or_default() += 1;
    }
    let unsure = exchanges.iter().filter(|exchange| {
        tries[id(exchange)] > 1 || truth.of(proxy, id(exchange)).nth(1).is_some()
    });
    assert!(log["ambiguous"].as_u64().expect("a number") <= unsure.count() as u64, "{log}");
}

fn id(one: &Value) -> &str {
    one["request_id"].as_str().unwrap_or_default()
}

/// The pod where it was captured.
fn own(exchange: &Value) -> &str {
    exchange["pod"].as_str().and_then(|pod| pod.rsplit('/').next()).expect("a pod")
}

fn logged(exchange: &Value) -> &[Value] {
    exchange["logged"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn by<'a>(exchange: &'a Value, proxy: &str) -> Option<&'a Value> {
    logged(exchange).iter().find(|one| one["proxy"] == proxy)
}

/// Its client gave up.
fn left(exchange: &Value) -> bool {
    let codes = exchange["findings"].as_array().expect("findings");
    codes.iter().any(|code| code == "client-closed-first" || code == "client-reset")
}

#[test]
fn without_the_right_the_verdict_still_comes() {
    let Some(cluster) = shared() else { return };
    let _shop = SHOP.lock().unwrap_or_else(PoisonError::into_inner);
    let slow = cluster.pod("shop", "app=catalog,version=v2");
    let user = cluster.restricted_user("shop");
    let args = ["pod", &slow, "-n", "shop", "--port", "9080", "--duration", "6s", "--access-log"];
    let said = cluster.meshsniff(&user, &args);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.err.contains("may not get pods/log in namespace shop"), "{}", said.err);
    assert!(said.err.contains("Role meshsniff-logs"), "{}", said.err);
    assert!(said.out.contains("GET /items"), "{}", said.out);
    cluster.nothing_is_left("shop");
}
