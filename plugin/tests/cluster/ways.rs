//! The ways to ask for a capture, each of which gives one.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::case::{Case, shared};
use crate::cluster::until;
use crate::user::User;

const SOON: Duration = Duration::from_secs(60);

#[test]
fn exchanges_judged_beside_the_pod_and_here_are_the_same() {
    let Some(cluster) = shared() else { return };
    let case = Case::new(&cluster, "equal");
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("equal.pcapng");
    let there = case.start_busy(&["-o", "jsonl", "--duration", "12s"]);
    let here = ["-o", "jsonl", "--duration", "12s", "-w", &file.to_string_lossy()];
    let here = case.start_busy(&here);
    let (there, here) = (there.end(SOON), here.end(SOON));
    case.told(&there, 0, &[]);
    case.told(&here, 0, &[]);

    let here = here.exchanges();
    let here: HashMap<&str, &Value> =
        here.iter().filter_map(|each| Some((each["request_id"].as_str()?, each))).collect();
    let mut compared = 0;
    for exchange in there.exchanges() {
        let Some(other) = exchange["request_id"].as_str().and_then(|id| here.get(id)) else {
            continue;
        };
        // Begun before the one capture, or ended after the other.
        let whole = |each: &Value| !["in_progress", "unknown"].contains(&text(each, "outcome"));
        if !whole(&exchange) || !whole(other) {
            continue;
        }
        for name in ["outcome", "status", "late_status", "findings", "pod"] {
            assert_eq!(exchange[name], other[name], "{name}\n{exchange}\n{other}");
        }
        // Each capture has its own clock readings.
        for (name, tolerance) in
            [("t", 0.001), ("gap_ms", 1.0), ("total_ms", 1.0), ("late_ms", 1.0)]
        {
            let (one, two) = (exchange[name].as_f64(), other[name].as_f64());
            let off = (one.unwrap_or_default() - two.unwrap_or_default()).abs();
            assert!(one.is_some() == two.is_some() && off < tolerance, "{exchange}\n{other}");
        }
        compared += 1;
    }
    assert!(compared > 100, "{compared}");
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

#[test]
fn a_pod_that_appears_joins_in() {
    let Some(cluster) = shared() else { return };
    let case = Case::new(&cluster, "joins");
    case.here(&["label", "pod", "busy", "team=shop"]);
    let args = ["pod", "-l", "team=shop", "-o", "jsonl", "--duration", "25s"];
    let mut running = case.start(&case.user, &args);
    running.lines(5);
    case.namespace.busy_pod("later", None);
    case.here(&["label", "pod", "later", "team=shop"]);
    let said = running.end(SOON);
    let later =
        said.exchanges().iter().filter(|each| text(each, "pod").ends_with("/later")).count();
    assert!(later > 20, "{later}: {}", said.err);
    case.told(&said, 0, &[]);
}

#[test]
fn all_namespaces_by_selector() {
    let Some(cluster) = shared() else { return };
    let (one, two) = (Case::new(&cluster, "all"), Case::new(&cluster, "all"));
    let team = format!("team={}", one.namespace.name);
    for case in [&one, &two] {
        case.here(&["label", "pod", "busy", &team]);
    }
    // A Role is of one namespace.
    let args = ["-l", &team, "-A", "-o", "jsonl", "--duration", "5s"];
    one.refused(&args, 1, &["may not list pods in the whole cluster", "ClusterRole"]);
    let user = User::with_cluster_role(&cluster, &one.namespace.name);
    user.also_in(&cluster, &two.namespace.name);
    let said = cluster.meshsniff(&user, &args);
    let of = |case: &Case<'_>| {
        let pod = format!("{}/busy", case.namespace.name);
        said.exchanges().iter().filter(|each| text(each, "pod") == pod).count()
    };
    assert!(of(&one) > 20 && of(&two) > 20, "{} {}: {}", of(&one), of(&two), said.err);
    two.clean();
    one.told(&said, 0, &[]);
}

#[test]
fn fewer_rights_other_interfaces_filters_and_namespaces() {
    let Some(cluster) = shared() else { return };
    let case = Case::new(&cluster, "ways");
    let duration = ["--duration", "3s", "-o", "jsonl"];
    let captured = |args: &[&str]| {
        let args = [&["pod/busy"], args, &duration[..]].concat();
        let said = case.run(&[&["pod"], &args[..]].concat());
        assert!(said.exchanges().len() > 20, "{args:?}: {}", said.err);
        case.told(&said, 0, &[]);
    };
    captured(&["--least-privilege"]);
    captured(&["-i", "any"]);
    captured(&["-f", "tcp port 9080"]);
    captured(&["-f", "tcp port http or 9080 and not (ip proto \\udp or net link-local)"]);
    captured(&["-c", "client"]);
    captured(&["--agent-image", "registry.local/pause:1"]);

    // Where Pod Security does not admit the agent, it goes elsewhere.
    let elsewhere = cluster.namespace("agents");
    let user = User::administrator(&cluster);
    case.here(&[
        "label",
        "ns",
        &case.namespace.name,
        "pod-security.kubernetes.io/enforce=baseline",
    ]);
    let args = ["-n", &case.namespace.name, "--agent-namespace", &elsewhere.name];
    let said = cluster.meshsniff(&user, &[&["pod", "busy"], &args[..], &duration].concat());
    assert!(said.exchanges().len() > 20, "{}", said.err);
    case.told(&said, 0, &[]);
    cluster.nothing_is_left(&elsewhere.name);
}

#[test]
fn a_dry_run_makes_nothing() {
    let Some(cluster) = shared() else { return };
    let case = Case::new(&cluster, "dry");
    let mut running = case.start_busy(&["--dry-run"]);
    assert!(until(SOON, || {
        assert_eq!(cluster.leftovers(&case.namespace.name), [""; 0]);
        running.has_ended()
    }));
    let said = running.end(SOON);
    let objects = serde_json::Deserializer::from_str(&said.out).into_iter::<Value>();
    let kinds: Vec<String> =
        objects.map(|object| text(&object.expect("JSON"), "kind").to_owned()).collect();
    assert_eq!(kinds[0], "Job");
    assert!(kinds[1..].iter().all(|kind| kind == "ConfigMap"), "{kinds:?}");
    assert_eq!(said.code, Some(0));
}
