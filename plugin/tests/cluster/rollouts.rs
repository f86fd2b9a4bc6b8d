//! Pods that come and go while their workload is captured.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;

use crate::case::{Case, shared};
use crate::cluster::until;

const SOON: Duration = Duration::from_secs(60);

/// How many exchanges each pod has.
fn by_pod(exchanges: &[Value]) -> HashMap<String, usize> {
    let mut pods = HashMap::new();
    for exchange in exchanges {
        *pods.entry(exchange["pod"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    pods
}

#[test]
fn a_rolling_restart_is_captured_to_its_end() {
    let Some(cluster) = shared() else { return };
    let case = Case::empty(&cluster, "rollout");
    case.namespace.busy_deployment("web", 1);
    let mut running = case.start(&case.user, &["deploy/web", "-o", "jsonl"]);
    running.lines(25);
    case.here(&["rollout", "restart", "deploy/web"]);
    case.namespace.rolled_out("web");
    let two = |text: &str| {
        let lines = text.lines().filter_map(|line| serde_json::from_str(line).ok());
        by_pod(&lines.collect::<Vec<Value>>()).values().filter(|count| **count > 20).count() == 2
    };
    assert!(until(SOON, || two(&running.out())), "{}\n{}", running.err(), running.out());
    running.signal("INT");
    let said = running.end(SOON);
    case.told(&said, 0, &["the pod is gone"]);
}

#[test]
fn a_workload_without_pods_is_waited_for_and_one_that_is_deleted_is_not() {
    let Some(cluster) = shared() else { return };
    let case = Case::empty(&cluster, "scaled");
    case.namespace.busy_deployment("web", 1);
    let mut running = case.start(&case.user, &["deploy/web", "-o", "jsonl"]);
    running.lines(5);
    case.here(&["scale", "deploy/web", "--replicas=0"]);
    running.says("no pod of deploy/web is left", SOON);
    case.here(&["delete", "deploy/web"]);
    let said = running.end(SOON);
    case.told(&said, 0, &["deploy/web is no longer there"]);
}

#[test]
fn while_no_pod_is_left_time_and_signals_end_it() {
    let Some(cluster) = shared() else { return };
    let case = Case::empty(&cluster, "idle");
    case.namespace.busy_deployment("web", 1);
    let mut both = [&["--duration", "15s"][..], &[]]
        .map(|args| case.start(&case.user, &[&["deploy/web", "-o", "jsonl"][..], args].concat()));
    both.iter_mut().for_each(|running| running.lines(5));
    case.here(&["scale", "deploy/web", "--replicas=0"]);
    both.iter_mut().for_each(|running| running.says("waiting for others", SOON));
    let [timed, signalled] = both;
    signalled.signal("TERM");
    assert_eq!(signalled.end(Duration::from_secs(20)).code, Some(0));
    case.told(&timed.end(SOON), 0, &[]);
}

#[test]
fn a_pod_by_name_ends_the_capture_with_its_end() {
    let Some(cluster) = shared() else { return };
    let case = Case::empty(&cluster, "bare");
    case.namespace.busy_deployment("web", 1);
    let pod = cluster.pod(&case.namespace.name, "app=web");
    let mut running = case.start(&case.user, &["pod", &pod]);
    running.lines(5);
    case.here(&["delete", "pod", &pod, "--wait=false"]);
    let said = running.end(Duration::from_secs(20));
    assert!(said.out.contains("GET /items"), "{}", said.out);
    case.told(&said, 0, &[&format!("{pod}: the pod is gone")]);
}

#[test]
fn a_limit_ends_a_workloads_capture_though_its_pods_run_on() {
    let Some(cluster) = shared() else { return };
    let case = Case::empty(&cluster, "limit");
    case.namespace.busy_deployment("web", 2);
    let said = case.run(&["deploy/web", "-o", "jsonl", "--count", "30"]);
    assert_eq!(said.exchanges().len(), 30, "{}", said.err);
    case.told(&said, 0, &[]);
}

#[test]
fn a_job_that_has_ended_is_refused_and_one_that_ends_ends_the_capture() {
    let Some(cluster) = shared() else { return };
    let case = Case::empty(&cluster, "job");
    cluster.apply(&format!(
        "{{apiVersion: batch/v1, kind: Job, metadata: {{name: short, namespace: {}}}, spec: {{\
         activeDeadlineSeconds: 12, backoffLimit: 0, template: {{spec: {{restartPolicy: Never, \
         terminationGracePeriodSeconds: 0, containers: [{{name: app, image: \
         'registry.local/shop:1', args: [load, -url, 'http://127.0.0.1:9080/items']}}]}}}}}}}}",
        case.namespace.name
    ));
    let mut running = case.start(&case.user, &["job/short", "-o", "jsonl"]);
    running.lines(5);
    let said = running.end(SOON);
    case.told(&said, 0, &["job/short has ended"]);
    case.refused(&["job/short"], 1, &["job/short has ended (Failed)"]);
}
