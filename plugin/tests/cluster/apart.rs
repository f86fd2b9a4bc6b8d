//! Faults of the cluster itself: no other test runs meanwhile. They come first, by their name.

use std::time::Duration;

use crate::case::{Case, alone};
use crate::cluster::{Cluster, until};
use crate::plugin::{Running, Said};

/// Whether the API server answers.
fn ready(cluster: &Cluster) -> bool {
    cluster.try_kubectl(&["--request-timeout=2s", "get", "--raw", "/readyz"]).is_ok()
}

/// Whether the kubelet of the pod's node answers.
fn node_answers(case: &Case<'_>) -> bool {
    let args = ["-n", &case.namespace.name, "logs", "busy", "-c", "server", "--request-timeout=2s"];
    let output = case.cluster.kubectl_command(&args).output();
    output.is_ok_and(|output| output.status.success())
}

#[test]
fn the_api_server_restarts_and_nothing_is_lost() {
    let Some(cluster) = alone() else { return };
    let case = Case::new(&cluster, "api");
    let mut running = case.capture(&["-o", "jsonl"]);
    cluster.fault(&["stop-apiserver"]);
    assert!(!ready(&cluster));
    std::thread::sleep(Duration::from_secs(2));
    cluster.fault(&["start-apiserver"]);
    let before = running.out().lines().count();
    running.lines(before + 20);
    running.signal("INT");
    let said = running.end(Duration::from_secs(90));
    complete(&case, &said);
    case.told(&said, 0, &[]);
}

#[test]
fn a_network_that_is_away_for_a_while() {
    let Some(cluster) = alone() else { return };
    let case = Case::new(&cluster, "network");
    // By label: new pods are looked for all the time.
    let args = ["-l", "app=busy", "-o", "jsonl", "--duration", "20s"];
    let mut running = cluster.start(&case.user, &args);
    running.lines(5);
    cluster.fault(&["cut-client"]);
    assert!(!ready(&cluster));
    std::thread::sleep(Duration::from_secs(8));
    cluster.fault(&["join-client"]);
    let said = running.end(Duration::from_secs(90));
    complete(&case, &said);
    case.told(&said, 0, &[]);
}

#[test]
fn a_network_that_is_away_for_good() {
    let Some(cluster) = alone() else { return };
    let case = Case::new(&cluster, "cut");
    let by_label = ["-l", "app=busy", "-o", "jsonl"];
    let mut both = [&["pod", "busy", "-o", "jsonl"][..], &by_label]
        .map(|args| cluster.start(&case.user, args));
    both.iter_mut().for_each(|running| running.lines(5));
    cluster.fault(&["cut-client"]);
    let ended = until(Duration::from_secs(90), || both.iter_mut().all(Running::has_ended));
    cluster.fault(&["join-client"]);
    let [one, two] = both.map(|running| running.end(Duration::from_secs(1)));
    assert!(ended, "{}\n{}", one.err, two.err);
    assert!(until(Duration::from_secs(20), || ready(&cluster)));
    case.told(&one, 1, &["cut short", "no sign of life"]);
    case.told(&two, 1, &["cut short", "no sign of life"]);
}

#[test]
fn a_node_frozen_and_thawed() {
    let Some(cluster) = alone() else { return };
    let case = Case::on(&cluster, "thawed", Some("node2"));
    let running = case.capture(&["-o", "jsonl", "--duration", "30s"]);
    cluster.fault(&["pause-node", "2"]);
    assert!(!node_answers(&case));
    std::thread::sleep(Duration::from_secs(8));
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

/// Every request that the server saw between the first and the last that were seen is there, once.
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
    // Not the client's: on a busy machine some of its calls time out before they are sent.
    let log = case.here(&["logs", "busy", "-c", "server"]);
    let calls = log.lines().filter_map(|line| serde_json::from_str(line).ok());
    let missing: Vec<serde_json::Value> = calls
        .filter(|call: &serde_json::Value| {
            let time = call["t"].as_f64().unwrap_or_default();
            (first + 0.1..last - 0.3).contains(&time)
        })
        .filter(|call| !ids.contains(&call["request_id"].as_str().unwrap_or_default()))
        .collect();
    let times: Vec<f64> = missing.iter().filter_map(|call| call["t"].as_f64()).collect();
    assert!(missing.is_empty(), "of {all} from {first} to {last} lack {times:?}\n{}", said.err);
}
