//! What stands for a pod: a process with a network namespace of its own; and `serve` and `relay` as
//! the cluster and the plugin run them.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};

use super::{AGENT, Recording, is_root, read, skip};

/// Whether network namespaces can be made and entered here; says aloud if not.
pub(crate) fn possible() -> bool {
    let made = is_root() && Command::new("unshare").args(["-n", "true"]).output().is_ok();
    if !made {
        skip("network namespaces of other processes can be entered by root alone");
    }
    made
}

/// Does this in a network.
pub(crate) fn inside<T: Send>(network: &fs::File, work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|threads| {
        let inside = threads.spawn(|| {
            setns(network, CloneFlags::CLONE_NEWNET).unwrap();
            work()
        });
        inside.join().unwrap()
    })
}

/// A process in a network namespace whose only interface is `lo`; ended with this.
pub(crate) struct Pod(Child);

impl Pod {
    pub(crate) fn new() -> Self {
        let script = "ip link set lo up && echo up && exec sleep 1000";
        let mut child = Command::new("unshare")
            .args(["-n", "sh", "-c", script])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "up\n");
        Self(child)
    }

    /// As a target called `name`.
    pub(crate) fn target(&self, name: &str) -> String {
        format!("{name}=pid:{}", self.0.id())
    }

    /// Its network, which may outlive it.
    pub(crate) fn network(&self) -> fs::File {
        fs::File::open(format!("/proc/{}/ns/net", self.0.id())).unwrap()
    }

    /// Does this inside.
    pub(crate) fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        inside(&self.network(), work)
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        self.kill();
    }
}

/// `serve`, with a directory of its own.
pub(crate) struct Serve {
    pub(crate) child: Child,
    dir: PathBuf,
}

impl Serve {
    /// Starts it and waits until it captures.
    pub(crate) fn start(targets: &[String], args: &[&str]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("meshsniff-{}-{number}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let mut command = Command::new(AGENT);
        command.arg("serve").arg("--dir").arg(&dir).args(args);
        for target in targets {
            command.arg("--target").arg(target);
        }
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = stderr.lines().map(Result::unwrap);
        let begun = said.find(|line| line.starts_with("capturing "));
        assert!(begun.is_some(), "serve does not begin");
        // Always read, or it waits in a write.
        thread::spawn(move || said.for_each(drop));
        Self { child, dir }
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// A relay that wants units from this one on.
    pub(crate) fn relay(&self, from: u64) -> Relay {
        Relay::start(&self.dir, from)
    }

    pub(crate) fn end(mut self) -> Option<i32> {
        ended(&mut self.child, Duration::from_secs(20)).code()
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// `relay`, read all the time.
pub(crate) struct Relay {
    pub(crate) child: Child,
    pub(crate) stdin: Option<ChildStdin>,
    stdout: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

/// What a relay brought.
pub(crate) struct Brought {
    /// The first line.
    pub(crate) first: serde_json::Value,
    /// The rest, decompressed as far as it came.
    pub(crate) bytes: Vec<u8>,
    /// Whether the compressed frame is whole.
    pub(crate) whole: bool,
}

impl Relay {
    fn start(dir: &Path, from: u64) -> Self {
        let mut child = Command::new(AGENT)
            .args(["relay", "--from", &from.to_string(), "--dir"])
            .arg(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut from = child.stdout.take().unwrap();
        let stdout = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&stdout);
        let reader = thread::spawn(move || {
            let mut bytes = vec![0; 1 << 16];
            while let Ok(read @ 1..) = from.read(&mut bytes) {
                shared.lock().unwrap().extend_from_slice(&bytes[..read]);
            }
        });
        Self { stdin: child.stdin.take(), child, stdout, reader: Some(reader) }
    }

    /// Says a line, as the plugin does.
    pub(crate) fn say(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// What came so far.
    pub(crate) fn so_far(&self) -> Brought {
        brought(&self.stdout.lock().unwrap())
    }

    /// Waits until what came meets this.
    pub(crate) fn until(&self, mut is_enough: impl FnMut(&Brought) -> bool) -> Brought {
        let given_up = Instant::now() + Duration::from_secs(20);
        loop {
            if self.stdout.lock().unwrap().contains(&b'\n') {
                let so_far = self.so_far();
                if is_enough(&so_far) {
                    return so_far;
                }
            }
            assert!(Instant::now() < given_up, "it does not come");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Kills it, and returns what it had brought.
    pub(crate) fn kill(mut self) -> Brought {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.reader.take().unwrap().join().unwrap();
        self.so_far()
    }

    /// Waits for its end: exit code, what it brought and what it said.
    pub(crate) fn end(mut self) -> (Option<i32>, Brought, String) {
        let status = ended(&mut self.child, Duration::from_secs(20));
        self.reader.take().unwrap().join().unwrap();
        let mut words = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut words).unwrap();
        (status.code(), self.so_far(), words)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Brought {
    pub(crate) fn packets(&self) -> Recording {
        if self.bytes.len() < 28 { Recording::default() } else { read(&self.bytes) }
    }

    pub(crate) fn lines(&self) -> Vec<serde_json::Value> {
        let text = std::str::from_utf8(&self.bytes).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn brought(stdout: &[u8]) -> Brought {
    let end = stdout.iter().position(|byte| *byte == b'\n').expect("a first line");
    let first = serde_json::from_slice(&stdout[..end]).unwrap();
    let mut decoder = zstd::stream::read::Decoder::new(&stdout[end + 1..]).unwrap();
    let (mut bytes, mut piece) = (Vec::new(), vec![0; 1 << 16]);
    loop {
        match decoder.read(&mut piece) {
            Ok(0) => return Brought { first, bytes, whole: true },
            Ok(read) => bytes.extend_from_slice(&piece[..read]),
            Err(_) => return Brought { first, bytes, whole: false },
        }
    }
}

fn ended(child: &mut Child, within: Duration) -> ExitStatus {
    let given_up = Instant::now() + within;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(Instant::now() < given_up, "the agent does not end");
        thread::sleep(Duration::from_millis(5));
    }
}
