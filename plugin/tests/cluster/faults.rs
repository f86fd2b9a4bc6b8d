//! Whatever happens to those who take part, nothing is left, and nothing cut short is called
//! complete.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::case::{Case, local, shared};
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
    let Some(cluster) = local() else { return };
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
    let Some(cluster) = local() else { return };
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
    let Some(cluster) = local() else { return };
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
