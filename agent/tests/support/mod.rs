//! A network of its own for each test, the agent in it, and a reader of pcapng that shares no code
//! with the writer.
#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod pod;

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The program under test.
pub(crate) const AGENT: &str = env!("CARGO_BIN_EXE_meshsniff-agent");

/// Says aloud that a test did not happen. Where `CI` is set that is a failure.
pub(crate) fn skip(why: &str) {
    assert!(env::var_os("CI").is_none(), "cannot be skipped here: {why}");
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}

/// Whether this process is root.
pub(crate) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Runs the test called `name` again, in a network namespace whose only interface is `lo`.
///
/// Returns whether this is that run: the caller goes on if so and returns if not. A test of an
/// ordinary user is root in a user namespace there.
pub(crate) fn inside_a_network(name: &str) -> bool {
    const INSIDE: &str = "MESHSNIFF_INSIDE";
    if env::var_os(INSIDE).is_some() {
        let up = Command::new("ip").args(["link", "set", "lo", "up"]).status();
        assert!(up.is_ok_and(|status| status.success()), "`ip link set lo up` failed");
        return true;
    }
    let kind = if is_root() { "-n" } else { "-Urn" };
    let possible = Command::new("unshare").args([kind, "true"]).output();
    if !possible.is_ok_and(|output| output.status.success()) {
        skip(&format!("{name}: `unshare {kind}` is not permitted; run it as root"));
        return false;
    }
    let status = Command::new("unshare")
        .arg(kind)
        .arg(env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, "1")
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{name} failed inside its network namespace");
    false
}

/// The agent at work; killed if a test leaves it.
pub(crate) struct Agent {
    pub(crate) child: Child,
    stderr: BufReader<std::process::ChildStderr>,
}

impl Agent {
    /// Starts it and waits until it captures.
    pub(crate) fn start(args: &[&str], stdout: Stdio) -> Self {
        Self::started(Command::new(AGENT).args(args), stdout)
    }

    pub(crate) fn started(command: &mut Command, stdout: Stdio) -> Self {
        let mut child = command.stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        assert!(line.starts_with("capturing "), "the agent said: {line:?}");
        Self { child, stderr }
    }

    pub(crate) fn stdout(&mut self) -> ChildStdout {
        self.child.stdout.take().unwrap()
    }

    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args(["-s", signal, &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end, and returns the exit code and the rest of its words.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let status = self.wait();
        let mut words = String::new();
        self.stderr.read_to_string(&mut words).unwrap();
        (status.code(), words)
    }

    fn wait(&mut self) -> ExitStatus {
        let given_up = Instant::now() + Duration::from_secs(10);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < given_up, "the agent does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One connection: `sent` there, `answered` back, closed on both sides. Returns the server's port.
pub(crate) fn talk(sent: &[u8], answered: &[u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (mut server, _) = listener.accept().unwrap();
            let mut request = vec![0; sent.len()];
            server.read_exact(&mut request).unwrap();
            server.write_all(answered).unwrap();
        });
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(sent).unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).unwrap();
        assert_eq!(answer, answered);
    });
    address.port()
}

/// What a pcapng stream holds, as far as these tests ask.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    /// Names, in their order.
    pub(crate) interfaces: Vec<String>,
    pub(crate) packets: Vec<Frame>,
    pub(crate) statistics: Vec<Counters>,
    /// Whether the last block is whole, and is one of statistics.
    pub(crate) ended_well: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) interface: u32,
    pub(crate) nanos: u64,
    pub(crate) original: u32,
    pub(crate) bytes: Vec<u8>,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) interface: u32,
    /// Whether it says when the capture ended.
    pub(crate) ended: bool,
    /// Lost by the interface: here, because the queue was full.
    pub(crate) refused: Option<u64>,
    pub(crate) received: Option<u64>,
    pub(crate) dropped: Option<u64>,
    pub(crate) delivered: Option<u64>,
}

impl Frame {
    fn port(&self, at: usize) -> u16 {
        // Ethernet 14, IPv4 without options 20.
        u16::from_be_bytes([self.bytes[34 + at], self.bytes[35 + at]])
    }

    pub(crate) fn has_port(&self, port: u16) -> bool {
        self.port(0) == port || self.port(2) == port
    }

    /// Bytes of TCP payload.
    pub(crate) fn payload(&self) -> &[u8] {
        let head = usize::from(self.bytes[46] >> 4) * 4;
        &self.bytes[34 + head..]
    }
}

pub(crate) fn read_file(path: &Path) -> Recording {
    read(&std::fs::read(path).unwrap())
}

pub(crate) fn read(mut rest: &[u8]) -> Recording {
    let word = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let mut all = Recording::default();
    assert_eq!(word(rest, 0), 0x0A0D_0D0A, "a section first");
    while rest.len() >= 12 {
        let (kind, length) = (word(rest, 0), word(rest, 4) as usize);
        if rest.len() < length {
            break;
        }
        let (block, after) = rest.split_at(length);
        assert_eq!(word(block, length - 4) as usize, length, "both lengths of a block agree");
        let body = &block[8..length - 4];
        match kind {
            1 => all.interfaces.push(name(&body[8..])),
            5 => {
                let interface = word(body, 0);
                all.statistics.push(Counters { interface, ..counters(&body[12..]) });
            }
            6 => {
                let length = word(body, 12) as usize;
                all.packets.push(Frame {
                    interface: word(body, 0),
                    nanos: u64::from(word(body, 4)) << 32 | u64::from(word(body, 8)),
                    original: word(body, 16),
                    bytes: body[20..20 + length].to_vec(),
                });
            }
            _ => {}
        }
        all.ended_well = after.is_empty() && kind == 5;
        rest = after;
    }
    all
}

fn counters(bytes: &[u8]) -> Counters {
    let mut counters = Counters::default();
    for (code, value) in options(bytes) {
        let value = || Some(u64::from_le_bytes(value.try_into().unwrap()));
        match code {
            3 => counters.ended = true,
            4 => counters.received = value(),
            5 => counters.refused = value(),
            7 => counters.dropped = value(),
            8 => counters.delivered = value(),
            _ => {}
        }
    }
    counters
}

/// An interface's name.
fn name(bytes: &[u8]) -> String {
    let name = options(bytes).find(|(code, _)| *code == 2).map(|(_, name)| name.to_vec());
    String::from_utf8(name.unwrap_or_default()).unwrap()
}

fn options(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let (head, rest) = bytes.split_first_chunk::<4>()?;
        let length = usize::from(u16::from_le_bytes([head[2], head[3]]));
        bytes = rest.get(length.next_multiple_of(4)..)?;
        Some((u16::from_le_bytes([head[0], head[1]]), &rest[..length]))
    })
}
