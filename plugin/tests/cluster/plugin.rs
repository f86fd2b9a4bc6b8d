//! The built plugin, run as a user runs it.

use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cluster::{Cluster, direct, until};
use crate::user::User;

/// What the command said, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) took: Duration,
}

impl Said {
    /// Each line of stdout, which is JSON Lines.
    #[track_caller]
    pub(crate) fn exchanges(&self) -> Vec<Value> {
        let lines = self.out.lines();
        lines
            .map(|line| {
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
            })
            .collect()
    }
}

/// The plugin while it runs. It is killed if the test ends before it.
pub(crate) struct Running {
    child: Child,
    out: Arc<Mutex<String>>,
    err: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
    begin: Instant,
}

impl Cluster {
    /// The plugin as this user, to be started.
    pub(crate) fn command(&self, user: &User, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-meshsniff"));
        command.args(args).env("KUBECONFIG", &user.kubeconfig).env_remove("NO_COLOR");
        if let Some(programs) = self.programs() {
            let path = std::env::var_os("PATH").unwrap_or_default();
            let folders =
                std::iter::once(PathBuf::from(programs)).chain(std::env::split_paths(&path));
            command.env("PATH", std::env::join_paths(folders).expect("a path"));
        }
        direct(&mut command);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// What the plugin says and how it ends. It has two minutes.
    #[track_caller]
    pub(crate) fn meshsniff(&self, user: &User, args: &[&str]) -> Said {
        Running::start(self.command(user, args)).end(Duration::from_secs(120))
    }

    #[track_caller]
    pub(crate) fn start(&self, user: &User, args: &[&str]) -> Running {
        Running::start(self.command(user, args))
    }
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let begin = Instant::now();
        let mut child = command.spawn().expect("the plugin starts");
        let (out, err) = (Arc::default(), Arc::default());
        let mut readers = Vec::new();
        readers.extend(child.stdout.take().map(|pipe| collect(pipe, &out)));
        readers.extend(child.stderr.take().map(|pipe| collect(pipe, &err)));
        Self { child, out, err, readers, begin }
    }

    pub(crate) fn out(&self) -> String {
        self.out.lock().expect("no panic").clone()
    }

    pub(crate) fn err(&self) -> String {
        self.err.lock().expect("no panic").clone()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.begin.elapsed()
    }

    /// Waits until so many lines of stdout have come.
    #[track_caller]
    pub(crate) fn lines(&mut self, count: usize) {
        let came = until(Duration::from_secs(60), || {
            self.out().lines().count() >= count || self.has_ended()
        });
        let out = self.out();
        assert!(came && out.lines().count() >= count, "stdout: {out}\nstderr: {}", self.err());
    }

    /// Waits until stderr has these words.
    #[track_caller]
    pub(crate) fn says(&mut self, words: &str, limit: Duration) {
        until(limit, || self.err().contains(words) || self.has_ended());
        let err = self.err();
        assert!(err.contains(words), "{words:?} is not in {err}");
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_some()
    }

    /// Sends the signal of this name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status().expect("kill starts");
        assert!(sent.success());
    }

    /// Waits for its end; fails if it does not come in time.
    #[track_caller]
    pub(crate) fn end(mut self, limit: Duration) -> Said {
        if !until(limit, || self.has_ended()) {
            let (out, err) = (self.out(), self.err());
            drop(self);
            panic!("runs on after {limit:?}\nstdout: {out}\nstderr: {err}");
        }
        let status: ExitStatus = self.child.wait().expect("a child");
        let took = self.begin.elapsed();
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        Said {
            out: self.out(),
            err: self.err(),
            code: status.code(),
            signal: status.signal(),
            took,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(pipe: impl Read + Send + 'static, to: &Arc<Mutex<String>>) -> JoinHandle<()> {
    let to = Arc::clone(to);
    std::thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while pipe.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            to.lock().expect("no panic").push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    })
}
