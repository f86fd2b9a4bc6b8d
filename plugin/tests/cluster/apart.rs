//! Faults of the cluster itself: no other test runs meanwhile. They come first, by their name.

use std::time::Duration;

use crate::case::{Case, alone};
use crate::cluster::{self, until};
use crate::plugin::Said;

#[test]
fn faults_happen_and_pass() {
    let Some(cluster) = cluster::alone() else { return };
    let ready =
        || cluster.try_kubectl(&["--request-timeout=2s", "get", "--raw", "/readyz"]).is_ok();

    cluster.fault(&["stop-apiserver"]);
    assert!(!ready());
    cluster.fault(&["start-apiserver"]);
    assert!(ready());

    cluster.fault(&["cut-client"]);
    assert!(!ready());
    cluster.fault(&["join-client"]);
    assert!(until(Duration::from_secs(20), ready));

    let slow = cluster.pod("shop", "app=catalog,version=v2");
    let path = ["-n", "shop", "get", "pod", &slow, "-o", "jsonpath={.spec.nodeName}"];
    let node = cluster.kubectl(&path).replace("node", "");
    let log = || {
        let mut command =
            cluster.kubectl_command(&["-n", "shop", "logs", &slow, "--request-timeout=2s"]);
        command.output().expect("kubectl starts").status.success()
    };
    cluster.fault(&["pause-node", &node]);
    assert!(!log());
    cluster.fault(&["resume-node", &node]);
    assert!(until(Duration::from_secs(20), log));
}

#[test]
fn the_api_server_restarts_and_nothing_is_lost() {
    let Some(cluster) = alone() else { return };
    let case = Case::new(&cluster, "api");
    let mut running = case.capture(&["-o", "jsonl", "--duration", "25s"]);
    cluster.fault(&["stop-apiserver"]);
    std::thread::sleep(Duration::from_secs(3));
    cluster.fault(&["start-apiserver"]);
    let before = running.out().lines().count();
    running.lines(before + 20);
    let said = running.end(Duration::from_secs(90));
    complete(&case, &said);
    case.told(&said, 0, &[]);
}

#[test]
fn a_network_that_is_away_for_a_while() {
    let Some(cluster) = alone() else { return };
    let case = Case::new(&cluster, "network");
    let running = case.capture(&["-o", "jsonl", "--duration", "20s"]);
    cluster.fault(&["cut-client"]);
    std::thread::sleep(Duration::from_secs(10));
    cluster.fault(&["join-client"]);
    let said = running.end(Duration::from_secs(90));
    complete(&case, &said);
    case.told(&said, 0, &[]);
}

#[test]
fn a_node_frozen_and_thawed() {
    let Some(cluster) = alone() else { return };
    let case = Case::on(&cluster, "thawed", Some("node2"));
    let running = case.capture(&["-o", "jsonl", "--duration", "30s"]);
    cluster.fault(&["pause-node", "2"]);
    std::thread::sleep(Duration::from_secs(10));
    cluster.fault(&["resume-node", "2"]);
    let said = running.end(Duration::from_secs(120));
    complete(&case, &said);
    case.told(&said, 0, &[]);
}

#[test]
fn a_node_frozen_for_good() {
    let Some(cluster) = alone() else { return };
    let alive = Case::on(&cluster, "frozen", Some("node2"));
    let dead = Case::on(&cluster, "lease", Some("node2"));
    let captured = alive.capture(&[]);
    let orphaned = dead.capture(&[]);
    // The lease is nearly over when both fail; it would be ten minutes.
    let job = dead.here(&["get", "jobs", "-o", "name"]);
    let lease = "{\"spec\": {\"activeDeadlineSeconds\": 20}}";
    dead.here(&["patch", job.trim(), "--type=merge", "-p", lease]);
    orphaned.signal("KILL");
    cluster.fault(&["pause-node", "2"]);
    // One more, whose agent does not start, and who does not wait for it.
    let mut early = alive.start_busy(&["-v"]);
    early.says("created job", Duration::from_secs(20));
    early.signal("INT");
    let early = early.end(Duration::from_secs(30));

    let objects = || {
        let left = [&alive, &dead].map(|case| cluster.leftovers(&case.namespace.name));
        left.concat().into_iter().filter(|left| !left.starts_with("process")).collect::<Vec<_>>()
    };
    let gone = until(Duration::from_secs(60), || objects().is_empty());
    let left = objects();
    let said = captured.end(Duration::from_secs(60));
    cluster.fault(&["resume-node", "2"]);
    assert!(gone, "{left:#?}");
    assert!(early.err.contains("nothing was captured") && early.code == Some(1), "{early:?}");
    // The processes leave when their node is there again.
    alive.told(&said, 1, &["node2"]);
    drop(orphaned);
    dead.clean();
}

/// Every call of the client between the first and the last that were seen is there, once.
fn complete(case: &Case<'_>, said: &Said) {
    let exchanges = said.exchanges();
    let mut ids: Vec<&str> =
        exchanges.iter().filter_map(|exchange| exchange["request_id"].as_str()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "some came twice");
    let times = || exchanges.iter().filter_map(|exchange| exchange["t"].as_f64());
    let (first, last) = (times().fold(f64::MAX, f64::min), times().fold(0.0, f64::max));
    let log = case.here(&["logs", "busy", "-c", "client"]);
    let calls = log.lines().filter_map(|line| serde_json::from_str(line).ok());
    let missing: Vec<serde_json::Value> = calls
        .filter(|call: &serde_json::Value| {
            let time = call["t"].as_f64().unwrap_or_default();
            (first..last - 0.1).contains(&time)
        })
        .filter(|call| !ids.contains(&call["request_id"].as_str().unwrap_or_default()))
        .collect();
    let times: Vec<f64> = missing.iter().filter_map(|call| call["t"].as_f64()).collect();
    assert!(missing.is_empty(), "of {all} from {first} to {last} lack {times:?}\n{}", said.err);
}
