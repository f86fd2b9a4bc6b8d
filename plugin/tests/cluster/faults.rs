//! Whatever happens to those who take part, nothing is left, and nothing cut short is called
//! complete.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::case::{Case, alone, shared};
use crate::cluster::until;

const SOON: Duration = Duration::from_secs(20);

#[test]
fn a_signal_ends_it_with_the_summary() {
    let Some(cluster) = shared() else { return };
    let case = Case::new(&cluster, "signals");
    for signal in ["INT", "TERM", "HUP"] {
        let running = case.capture(&[]);
        running.signal(signal);
        let said = running.end(SOON);
        assert!(said.out.contains("items"), "{}", said.out);
        assert!(!said.err.contains("cut short"), "{signal}: {}", said.err);
        case.told(&said, 0, &[]);
    }
}

#[test]
fn killed_outright_the_agent_leaves_by_itself() {
    let Some(cluster) = shared() else { return };
    let case = Case::new(&cluster, "killed");
    let running = case.capture(&[]);
    running.signal("KILL");
    assert_eq!(running.end(SOON).signal, Some(9));
    case.clean();
}

#[test]
fn a_closed_stdout_is_a_normal_end() {
    let Some(cluster) = shared() else { return };
    let case = Case::new(&cluster, "closed");
    let plugin = env!("CARGO_BIN_EXE_kubectl-meshsniff");
    let mut shell = Command::new("bash");
    shell
        .args(["-c", "\"$0\" pod busy | head -3; exit ${PIPESTATUS[0]}", plugin])
        .env("KUBECONFIG", &case.user.kubeconfig);
    let said = shell.output().expect("bash starts");
    let err = String::from_utf8_lossy(&said.stderr);
    assert_eq!(said.status.code(), Some(0), "{err}");
    assert_eq!(String::from_utf8_lossy(&said.stdout).lines().count(), 3);
    case.clean();
}

/// A file system of this size that goes with this value.
struct Disk(PathBuf);

impl Disk {
    fn new(size: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("small-disk");
        std::fs::create_dir_all(&path).expect("a folder");
        let size = format!("size={size}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "none"]).arg(&path);
        assert!(mount.status().expect("mount starts").success());
        Self(path)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_said_and_what_was_written_can_be_read() {
    let Some(cluster) = alone() else { return };
    let case = Case::new(&cluster, "disk");
    let disk = Disk::new("256k");
    let file = disk.0.join("evidence.pcapng");
    let said = case.start_busy(&["-w", &file.to_string_lossy()]).end(Duration::from_secs(120));
    case.told(&said, 1, &["No space left"]);
    let packets = read_with_tshark(&file);
    assert!(packets > 100, "{packets}");
}

/// How many packets tshark reads, which also says whether it can.
fn read_with_tshark(file: &Path) -> usize {
    let output = Command::new("tshark").arg("-r").arg(file).output().expect("tshark starts");
    String::from_utf8_lossy(&output.stdout).lines().count()
}

#[test]
fn wireshark_closed_is_a_normal_end() {
    let Some(cluster) = shared() else { return };
    let case = Case::new(&cluster, "wireshark");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wireshark-closed");
    std::fs::create_dir_all(&folder).expect("a folder");
    let program = folder.join("wireshark");
    let mut file = std::fs::File::create(&program).expect("a file");
    // It looks at some packets, and closes.
    file.write_all(b"#!/bin/sh\nhead -c 20000 >\"$0.seen\"\n").expect("written");
    file.set_permissions(std::fs::Permissions::from_mode(0o755)).expect("executable");
    drop(file);
    let mut command = cluster.command(&case.user, &["pod", "busy", "--wireshark"]);
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", folder.display()));
    let said = crate::plugin::Running::start(command).end(Duration::from_secs(60));
    case.told(&said, 0, &[]);
    let seen = std::fs::read(folder.join("wireshark.seen")).expect("what it was given");
    assert_eq!(seen[..4], [0x0a, 0x0d, 0x0d, 0x0a]);
}

#[test]
fn without_wireshark_nothing_begins() {
    let Some(cluster) = shared() else { return };
    let case = Case::new(&cluster, "without");
    let mut command = cluster.command(&case.user, &["pod", "busy", "--wireshark"]);
    command.env("PATH", "/nonexistent");
    if Path::new("/usr/bin/wireshark").exists() {
        return;
    }
    let said = crate::plugin::Running::start(command).end(SOON);
    assert_eq!(said.code, Some(2), "{}", said.err);
    assert!(said.err.to_lowercase().contains("wireshark"), "{}", said.err);
    assert!(case.cluster.leftovers(&case.namespace.name).is_empty());
}

#[test]
fn two_captures_of_one_pod() {
    let Some(cluster) = shared() else { return };
    let case = Case::new(&cluster, "two");
    let both = [0, 1].map(|_| case.start_busy(&["-o", "jsonl", "--duration", "8s"]));
    let counts = both.map(|running| {
        let said = running.end(Duration::from_secs(60));
        assert_eq!(said.code, Some(0), "{}", said.err);
        said.exchanges().len()
    });
    assert!(counts.iter().all(|&count| count > 80), "{counts:?}");
    case.clean();
}

#[test]
fn the_target_deleted() {
    let Some(cluster) = shared() else { return };
    let case = Case::new(&cluster, "gone");
    let running = case.capture(&[]);
    case.here(&["delete", "pod", "busy", "--wait=false"]);
    let said = running.end(SOON);
    assert!(said.err.contains("busy"), "{}", said.err);
    assert!(said.out.contains("items"), "{}", said.out);
    case.clean();
}

/// The processes of a pod's container, seen from this machine.
fn processes(case: &Case<'_>, container: &str) -> Vec<String> {
    let filter =
        format!("jsonpath={{.status.containerStatuses[?(@.name==\"{container}\")].containerID}}");
    let id = case.here(&["get", "pod", "busy", "-o", &filter]).replace("containerd://", "");
    let all = std::fs::read_dir("/proc").expect("processes").flatten();
    let pids = all.map(|process| process.file_name().to_string_lossy().into_owned());
    pids.filter(|pid| pid.bytes().all(|byte| byte.is_ascii_digit()))
        .filter(|pid| {
            let path = format!("/proc/{pid}/cgroup");
            std::fs::read_to_string(path).is_ok_and(|text| text.contains(&id))
        })
        .collect()
}

fn kill(pids: &[String]) {
    assert!(!pids.is_empty());
    let _ = Command::new("kill").arg("-9").args(pids).status();
}

#[test]
fn a_container_that_restarts_keeps_being_captured() {
    let Some(cluster) = alone() else { return };
    let case = Case::new(&cluster, "restart");
    let running = case.capture(&["-o", "jsonl", "--duration", "25s"]);
    kill(&processes(&case, "server"));
    let path = "jsonpath={.status.containerStatuses[*].restartCount}";
    let restarted = || case.here(&["get", "pod", "busy", "-o", path]).contains('1');
    assert!(until(SOON, restarted));
    let said = running.end(Duration::from_secs(60));
    let exchanges = said.exchanges();
    let last = exchanges.iter().filter_map(|exchange| exchange["t"].as_f64()).fold(0.0, f64::max);
    let refused = exchanges.iter().filter(|exchange| exchange["outcome"] == "refused");
    let refused = refused.filter_map(|exchange| exchange["t"].as_f64()).fold(0.0, f64::max);
    assert!(refused > 0.0 && last > refused + 2.0, "{refused} {last}");
    case.told(&said, 0, &[]);
}

#[test]
fn the_agent_killed() {
    let Some(cluster) = alone() else { return };
    let case = Case::new(&cluster, "agent");
    let running = case.capture(&[]);
    let agents = cluster.agents(&case.namespace.name);
    let pids: Vec<String> = agents
        .iter()
        .filter_map(|line| line.strip_prefix("process ")?.split(':').next().map(str::to_owned))
        .collect();
    kill(&pids);
    let said = running.end(Duration::from_secs(60));
    case.told(&said, 1, &["cut short"]);
}

#[test]
fn the_api_server_restarts_and_nothing_is_lost() {
    let Some(cluster) = alone() else { return };
    let case = Case::new(&cluster, "api");
    let mut running = case.capture(&["-o", "jsonl", "--duration", "30s"]);
    cluster.fault(&["stop-apiserver"]);
    std::thread::sleep(Duration::from_secs(3));
    cluster.fault(&["start-apiserver"]);
    let before = running.out().lines().count();
    running.lines(before + 20);
    let said = running.end(Duration::from_secs(90));
    complete(&case, &said);
    case.told(&said, 0, &[]);
}

/// Every call of the client between the first and the last that were seen is there, once.
fn complete(case: &Case<'_>, said: &crate::plugin::Said) {
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

#[test]
fn a_network_that_is_away_for_a_while() {
    let Some(cluster) = alone() else { return };
    let case = Case::new(&cluster, "network");
    let running = case.capture(&["-o", "jsonl", "--duration", "30s"]);
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
    let running = case.capture(&["-o", "jsonl", "--duration", "40s"]);
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
    let case = Case::on(&cluster, "frozen", Some("node2"));
    let running = case.capture(&[]);
    cluster.fault(&["pause-node", "2"]);
    let objects_gone = until(Duration::from_secs(60), || {
        cluster.leftovers(&case.namespace.name).iter().all(|left| left.starts_with("process"))
    });
    let said = running.end(Duration::from_secs(60));
    cluster.fault(&["resume-node", "2"]);
    assert!(objects_gone, "{:#?}", cluster.leftovers(&case.namespace.name));
    case.told(&said, 1, &["node2"]);
}
