//! What the kernel says about the agent while it captures: nothing is left.

mod support;

use std::collections::HashMap;
use std::io::Read;
use std::process::{Command, Stdio};

use support::{AGENT, Agent, inside_a_network, is_root, read, skip, talk};

/// The kernel's own account of a process.
fn status(pid: u32) -> HashMap<String, String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let fields = text.lines().filter_map(|line| line.split_once(':'));
    fields.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
}

fn assert_nothing_left(status: &HashMap<String, String>) {
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(status[set], "0000000000000000", "{set}");
    }
    assert_eq!(status["NoNewPrivs"], "1");
    assert_eq!(status["Seccomp"], "2");
    assert_eq!(status["Threads"], "1");
}

#[test]
fn nothing_is_left_while_it_captures() {
    if !inside_a_network("nothing_is_left_while_it_captures") {
        return;
    }
    let mut agent = Agent::start(&[], Stdio::piped());
    let status = status(agent.child.id());
    assert_nothing_left(&status);
    // In a user namespace nobody may have no number; then it stays who it was.
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap();
    if map.split_whitespace().last() == Some("4294967295") {
        assert_eq!(status["Uid"], "65534\t65534\t65534\t65534");
        assert_eq!(status["Gid"], "65534\t65534\t65534\t65534");
        assert_eq!(status["Groups"], "");
    }
    talk(b"request", b"answer");
    agent.signal("TERM");
    let mut bytes = Vec::new();
    agent.stdout().read_to_end(&mut bytes).unwrap();
    assert_eq!(agent.end().0, Some(0));
    assert!(!read(&bytes).packets.is_empty(), "it captures without any right");
}

#[test]
fn an_ordinary_user_captures_in_a_namespace_of_his_own() {
    let user = |arguments: &[&str]| {
        // As root, be someone else first.
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=1000", "--regid=1000", "--clear-groups", "unshare"]);
            command
        } else {
            Command::new("unshare")
        };
        // Back to the system's directories: those of root are closed to him.
        command.arg("-Urn").args(arguments).current_dir("/");
        command
    };
    let possible = user(&[AGENT, "--version"]).output();
    if !possible.is_ok_and(|output| output.status.success()) {
        return skip("no user namespaces for ordinary users, or the program is out of their reach");
    }
    // `exec`: the agent's process is the child's.
    let script = "ip link set lo up && exec \"$0\" --duration 1s";
    let mut agent = Agent::started(&mut user(&["sh", "-c", script, AGENT]), Stdio::piped());
    let status = status(agent.child.id());
    assert_nothing_left(&status);
    let outside = if is_root() { 1000 } else { nix::unistd::geteuid().as_raw() };
    assert!(status["Uid"].starts_with(&outside.to_string()), "{}", status["Uid"]);
    let mut bytes = Vec::new();
    agent.stdout().read_to_end(&mut bytes).unwrap();
    let (code, words) = agent.end();
    assert_eq!(code, Some(0), "{words}");
    assert!(read(&bytes).ended_well);
}

#[test]
fn without_the_right_it_names_the_right() {
    if !inside_a_network("without_the_right_it_names_the_right") {
        return;
    }
    let drop_all = ["--bounding-set=-all", "--inh-caps=-all", AGENT];
    let output = Command::new("setpriv").args(drop_all).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(words.contains("CAP_NET_RAW"), "{words}");
    assert!(output.stdout.is_empty());
}
