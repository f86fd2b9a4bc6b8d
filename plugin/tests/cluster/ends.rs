//! Ends that nobody planned: of the agent, of the namespace, of credentials, at any moment.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::case::{Case, local, shared};
use crate::cluster::until;
use crate::plugin::Running;

const SOON: Duration = Duration::from_secs(20);

#[test]
fn a_signal_before_anything_is_captured() {
    let Some(cluster) = shared() else { return };
    let case = Case::new(&cluster, "early");
    // From the start of the program to the first packet, a second or two.
    for (place, signal) in ["INT", "TERM", "HUP"].into_iter().cycle().take(9).enumerate() {
        let wait = Duration::from_millis(150 * place as u64);
        let running = case.start_busy(&["-v"]);
        std::thread::sleep(wait);
        running.signal(signal);
        let said = running.end(Duration::from_secs(20));
        let caught = said.code == Some(0) || said.code == Some(1);
        // Before there is anything to remove a signal does what it does to every program.
        let died = said.signal.is_some() && !said.err.contains("job");
        assert!(caught || died, "{signal} after {wait:?}: {said:?}");
        let nothing = said.err.contains("nothing was captured");
        assert_eq!(said.code == Some(1), nothing, "{signal} after {wait:?}: {said:?}");
        assert_eq!(said.code == Some(0), !said.out.is_empty(), "{signal} after {wait:?}: {said:?}");
    }
    case.clean();
}

#[test]
fn the_agent_out_of_memory() {
    let Some(cluster) = shared() else { return };
    let case = Case::empty(&cluster, "memory");
    case.namespace.pod_at_rate("heavy", None, 2000);
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("memory.pcapng");
    let file = file.to_string_lossy();
    let args = ["pod", "heavy", "-w", &file, "--agent-memory", "10Mi"];
    let mut running = case.start(&case.user, &args);
    running.lines(100);
    // Nobody takes what it captures: its queue may hold three times what it is allowed.
    running.signal("STOP");
    let ended = || case.here(&["get", "pods", "-o", "jsonpath={.items[*].status}"]).contains("OOM");
    let killed = until(Duration::from_secs(30), ended);
    running.signal("CONT");
    assert!(killed, "{}", case.here(&["get", "pods", "-o", "wide"]));
    let said = running.end(Duration::from_secs(60));
    assert!(said.out.contains("GET /items"), "{}", said.err);
    case.told(&said, 1, &["cut short", "OOMKilled"]);
}

#[test]
fn the_agent_evicted() {
    let Some(cluster) = shared() else { return };
    let case = Case::new(&cluster, "evicted");
    let running = case.capture(&["-o", "jsonl"]);
    let selector = "app.kubernetes.io/name=meshsniff-agent";
    let name = ["get", "pods", "-l", selector, "-o", "jsonpath={.items[0].metadata.name}"];
    let (pod, here) = (case.here(&name), &case.namespace.name);
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{pod}.json"));
    let eviction = format!(
        "{{\"apiVersion\": \"policy/v1\", \"kind\": \"Eviction\", \
          \"metadata\": {{\"name\": \"{pod}\", \"namespace\": \"{here}\"}}}}"
    );
    std::fs::write(&file, eviction).expect("a file");
    let path = format!("/api/v1/namespaces/{here}/pods/{pod}/eviction");
    cluster.kubectl(&["create", "--raw", &path, "-f", &file.to_string_lossy()]);
    let said = running.end(Duration::from_secs(60));
    assert!(said.exchanges().len() >= 5);
    case.told(&said, 1, &["cut short", "node"]);
}

#[test]
fn the_namespace_deleted_in_the_middle() {
    let Some(cluster) = shared() else { return };
    let case = Case::new(&cluster, "ended");
    let running = case.capture(&["-o", "jsonl"]);
    cluster.kubectl(&["delete", "namespace", &case.namespace.name, "--wait=false"]);
    let said = running.end(Duration::from_secs(60));
    // The agent goes as the pod does: whichever is first.
    case.told(&said, 1, &["cut short", "deleted"]);
    assert!(said.exchanges().len() >= 5);
}

#[test]
fn credentials_that_expire_in_the_middle() {
    let Some(cluster) = shared() else { return };
    let case = Case::new(&cluster, "expires");
    let mut running = case.capture(&["-o", "jsonl"]);
    case.here(&["delete", "serviceaccount", &case.user.name]);
    // The API server remembers a good token for some seconds.
    let mut probe = cluster.command(&case.user, &["check"]);
    let expired = || probe.output().is_ok_and(|output| !output.status.success());
    assert!(until(Duration::from_secs(30), expired));
    // The stream that is open stays open.
    let before = running.out().lines().count();
    running.lines(before + 20);
    running.signal("INT");
    let said = running.end(Duration::from_secs(30));
    assert!(!said.err.contains("cut short"), "{}", said.err);
    case.told(&said, 0, &["credentials", "leaves by itself"]);
}

#[test]
fn clocks_that_differ() {
    let Some(cluster) = local() else { return };
    let case = Case::new(&cluster, "clocks");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (source, library) = (folder.join("clock.c"), folder.join("clock.so"));
    std::fs::write(&source, CLOCK).expect("a file");
    let mut cc = Command::new("cc");
    let made = cc.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status();
    assert!(made.expect("cc starts").success());
    let file = folder.join("clocks.pcapng");
    for args in [&["-o", "jsonl"][..], &["-o", "jsonl", "-w", &file.to_string_lossy()]] {
        let args = [&["pod", "busy", "--duration", "6s"], args].concat();
        let mut command = cluster.command(&case.user, &args);
        command.env("LD_PRELOAD", &library);
        let said = Running::start(command).end(Duration::from_secs(60));
        let exchanges = said.exchanges();
        assert!(exchanges.len() > 60, "{}: {}", exchanges.len(), said.err);
        let times = exchanges.iter().filter_map(|exchange| exchange["t"].as_f64());
        let now = std::time::SystemTime::now();
        let now = now.duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs_f64();
        // They are the node's.
        assert!(times.into_iter().all(|time| (now - 60.0..=now).contains(&time)));
        for outcome in ["complete", "client_fin_before_response"] {
            let has = |each: &serde_json::Value| each["outcome"] == outcome;
            assert!(exchanges.iter().any(has), "no {outcome}");
        }
        case.told(&said, 0, &[]);
    }
}

/// An hour later.
const CLOCK: &str = "
#define _GNU_SOURCE
#include <time.h>
#include <unistd.h>
#include <sys/syscall.h>
int clock_gettime(clockid_t clock, struct timespec *time) {
    long answer = syscall(SYS_clock_gettime, clock, time);
    if (answer == 0 && clock == CLOCK_REALTIME) time->tv_sec += 3600;
    return answer;
}
";
