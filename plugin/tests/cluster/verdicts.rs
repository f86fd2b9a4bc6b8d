//! Verdicts on the mesh, against what those who took part logged.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::case::shared;
use crate::cluster::{Cluster, say};
use crate::plugin::{Running, Said};

/// One at a time in `shop`, so that what is left there is known to be whose.
pub(crate) static SHOP: Mutex<()> = Mutex::new(());

fn number(exchange: &Value, name: &str) -> f64 {
    exchange[name].as_f64().unwrap_or_default()
}

/// By how much an application on a busy node may read a head later than its packet passed: what
/// it logs as begun so soon after the first exchange may have begun before the capture.
const READ_LATE: f64 = 1.0;

/// When what an application logged as begun must be among the exchanges.
fn span(exchanges: &[Value], last: f64) -> std::ops::Range<f64> {
    let times = exchanges.iter().map(|exchange| number(exchange, "t"));
    times.fold(f64::MAX, f64::min) + READ_LATE..last
}

fn by_id(exchanges: &[Value]) -> HashMap<&str, &Value> {
    exchanges.iter().filter_map(|each| Some((each["request_id"].as_str()?, each))).collect()
}

#[test]
fn each_exchange_of_the_slow_pod_is_as_its_application_says() {
    let Some(cluster) = shared() else { return };
    let _shop = SHOP.lock().unwrap_or_else(PoisonError::into_inner);
    let slow = cluster.pod("shop", "app=catalog,version=v2");
    let user = cluster.restricted_user("shop");
    let args = ["pod", &slow, "-n", "shop", "-o", "jsonl", "--port", "9080", "--duration", "20s"];
    let mut running = cluster.start(&user, &args);
    running.lines(1);
    let first_line = running.elapsed();
    let said = running.end(Duration::from_secs(60));
    assert_eq!(said.code, Some(0), "{}", said.err);
    cluster.nothing_is_left("shop");
    say(&format!("measured: {first_line:?} from the command to the first line"));
    assert!(first_line < Duration::from_secs(30), "{first_line:?}");

    std::thread::sleep(Duration::from_secs(3));
    let exchanges = said.exchanges();
    let found = by_id(&exchanges);
    let ends = exchanges.iter().map(|each| number(each, "t")).fold(0.0, f64::max);
    let span = span(&exchanges, ends);
    let mut compared = 0;
    for truth in cluster.truth(&slow) {
        if !span.contains(&truth.t) {
            continue;
        }
        let exchange = found.get(truth.request_id.as_str());
        let exchange =
            exchange.unwrap_or_else(|| panic!("not seen in {span:?}: {truth:?}\n{}", said.err));
        compared += 1;
        let outcome = exchange["outcome"].as_str().unwrap_or_default();
        let left = truth.client_left == Some(true);
        if outcome == "in_progress" && truth.t + truth.total_ms / 1000.0 > ends {
            continue;
        }
        let close = (truth.total_ms - number(exchange, "gap_ms")).abs() < 5.0;
        match outcome {
            "complete" => {
                assert!(!left || close, "{exchange}\n{truth:?}");
                assert_eq!(exchange["status"], 200, "{exchange}\n{truth:?}");
                let off = (number(exchange, "total_ms") - truth.total_ms).abs();
                assert!(off < 100.0, "{exchange}\n{truth:?}");
            }
            "client_fin_before_response" | "client_rst_before_response" => {
                assert!(left || close, "{exchange}\n{truth:?}");
                let gap = number(exchange, "gap_ms");
                assert!((250.0..1500.0).contains(&gap), "{exchange}\n{truth:?}");
            }
            _ => panic!("{exchange}\n{truth:?}"),
        }
    }
    assert!(compared > 20, "{compared}");
}

#[test]
fn each_call_of_the_frontend_is_as_its_own_log_says() {
    let Some(cluster) = shared() else { return };
    let _shop = SHOP.lock().unwrap_or_else(PoisonError::into_inner);
    let pod = cluster.pod("shop", "app=frontend");
    let user = cluster.restricted_user("shop");
    let args = ["pod", &pod, "-n", "shop", "-o", "jsonl", "--duration", "15s"];
    let said = cluster.meshsniff(&user, &args);
    assert_eq!(said.code, Some(0), "{}", said.err);
    cluster.nothing_is_left("shop");

    let exchanges = said.exchanges();
    let found = by_id(&exchanges);
    let ends = exchanges.iter().map(|each| number(each, "t")).fold(0.0, f64::max);
    let span = span(&exchanges, ends - 0.6);
    let (mut compared, mut gave_up) = (0, 0);
    for truth in cluster.truth(&pod) {
        if !span.contains(&truth.t) {
            continue;
        }
        let exchange = found.get(truth.request_id.as_str());
        let exchange =
            exchange.unwrap_or_else(|| panic!("not seen in {span:?}: {truth:?}\n{}", said.err));
        assert_eq!(exchange["outcome"], "complete", "{exchange}");
        assert_eq!(exchange["status"].as_u64(), truth.status.map(u64::from), "{exchange}");
        let off = (number(exchange, "total_ms") - truth.total_ms).abs();
        assert!(off < 100.0, "{exchange}\n{truth:?}");
        compared += 1;
        if truth.status == Some(504) {
            gave_up += 1;
            let findings = exchange["findings"].as_array().cloned().unwrap_or_default();
            assert!(findings.iter().any(|code| code == "proxy-answered"), "{exchange}");
        }
    }
    assert!(compared > 20 && gave_up > 3, "{compared} {gave_up}");
}

fn run(cluster: &Cluster, args: &[&str]) -> Said {
    let user = cluster.restricted_user("shop");
    let said = Running::start(cluster.command(&user, args)).end(Duration::from_secs(90));
    assert_eq!(said.code, Some(0), "{}", said.err);
    cluster.nothing_is_left("shop");
    said
}

#[test]
fn a_deployment_over_two_nodes() {
    let Some(cluster) = shared() else { return };
    let _shop = SHOP.lock().unwrap_or_else(PoisonError::into_inner);
    let names = "jsonpath={.items[*].metadata.name}";
    let selector = "app=catalog,version=v1";
    let pods = cluster.kubectl(&["-n", "shop", "get", "pods", "-l", selector, "-o", names]);
    let pods: Vec<&str> = pods.split(' ').collect();
    assert_eq!(pods.len(), 2, "{pods:?}");
    let args = [
        "pod",
        "deploy/catalog-v1",
        "-n",
        "shop",
        "-o",
        "jsonl",
        "--duration",
        "10s",
        "--port",
        "9080",
    ];
    let said = run(&cluster, &args);
    right_pods(&cluster, &said.exchanges(), &pods);
}

/// Each exchange has the pod whose application served it, and each pod has some.
fn right_pods(cluster: &Cluster, exchanges: &[Value], pods: &[&str]) {
    let mut server: HashMap<String, &str> = HashMap::new();
    for pod in pods {
        server.extend(cluster.truth(pod).into_iter().map(|truth| (truth.request_id, *pod)));
    }
    let mut seen = HashSet::new();
    for exchange in exchanges {
        let id = exchange["request_id"].as_str().unwrap_or_default();
        let pod = exchange["pod"].as_str().unwrap_or_default();
        // What was going on at the end is in no log yet.
        if let Some(server) = server.get(id) {
            assert_eq!(pod.rsplit('/').next(), Some(*server), "{exchange}");
            seen.insert(*server);
        }
    }
    assert_eq!(seen.len(), pods.len(), "{seen:?}");
}

#[test]
fn three_pods_by_selector_in_every_format() {
    let Some(cluster) = shared() else { return };
    let _shop = SHOP.lock().unwrap_or_else(PoisonError::into_inner);
    let names = "jsonpath={.items[*].metadata.name}";
    let pods = cluster.kubectl(&["-n", "shop", "get", "pods", "-l", "app=catalog", "-o", names]);
    let pods: Vec<&str> = pods.split(' ').collect();
    let slow = pods.iter().find(|pod| pod.starts_with("catalog-v2")).expect("the slow pod");
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("three-pods.pcapng");
    let file = file.to_string_lossy();
    let begin = ["pod", "-l", "app=catalog", "-n", "shop", "--duration", "12s"];

    let said = run(&cluster, &[&begin[..], &["-w", &file]].concat());
    assert!(said.out.contains(slow), "{}", said.out);
    for pod in &pods {
        assert!(said.out.contains(pod), "{pod} is in no line: {}", said.out);
    }
    let fields = ["-T", "fields", "-e", "frame.interface_name", "-e", "frame.comment"];
    let mut tshark = Command::new("tshark");
    let tshark = tshark.args(["-r", &file]).args(fields).output().expect("tshark starts");
    let errors = String::from_utf8_lossy(&tshark.stderr).into_owned();
    assert!(tshark.status.success(), "{errors}");
    let rows = String::from_utf8_lossy(&tshark.stdout).into_owned();
    let interfaces: HashSet<&str> = rows.lines().filter_map(|row| row.split('\t').next()).collect();
    let wanted: HashSet<String> = pods.iter().map(|pod| format!("shop/{pod}:lo")).collect();
    assert_eq!(interfaces, wanted.iter().map(String::as_str).collect());
    let commented = rows.lines().filter(|row| row.contains("client-closed-first"));
    assert!(commented.clone().count() > 0);
    assert!(commented.clone().all(|row| row.contains("catalog-v2")), "{rows}");

    let said = run(&cluster, &[&begin[..], &["-o", "json"]].concat());
    let report: Value = serde_json::from_str(&said.out).expect("one document");
    let exchanges = report["exchanges"].as_array().expect("exchanges");
    right_pods(&cluster, exchanges, &pods);
    assert!(report["summary"].to_string().contains(slow), "{}", report["summary"]);
}
