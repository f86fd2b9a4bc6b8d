//! Small captures, written packet by packet, and the built binary run on them.
#![allow(dead_code, reason = "each test file uses its part")]

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// Flags of TCP.
pub(crate) const SYN: u8 = 0x02;
pub(crate) const ACK: u8 = 0x10;
pub(crate) const FIN: u8 = 0x11;
pub(crate) const RST: u8 = 0x04;

/// One side's address.
pub(crate) type Side = ([u8; 4], u16);

/// A pcap capture of raw IPv4, times in µs.
#[derive(Clone)]
pub(crate) struct Capture {
    pub(crate) bytes: Vec<u8>,
    pub(crate) packets: usize,
}

impl Capture {
    pub(crate) fn new() -> Self {
        let mut bytes = 0xa1b2_c3d4_u32.to_le_bytes().to_vec();
        bytes.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend(262_144_u32.to_le_bytes());
        bytes.extend(101_u32.to_le_bytes());
        Self { bytes, packets: 0 }
    }

    /// Adds a segment at `millis` after the begin.
    pub(crate) fn segment(
        &mut self,
        millis: u64,
        (from, to): (Side, Side),
        flags: u8,
        (seq, ack): (u32, u32),
        payload: &[u8],
    ) {
        let mut ip = vec![0x45, 0];
        ip.extend((40 + payload.len() as u16).to_be_bytes());
        ip.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
        ip.extend(from.0);
        ip.extend(to.0);
        ip.extend(from.1.to_be_bytes());
        ip.extend(to.1.to_be_bytes());
        ip.extend(seq.to_be_bytes());
        ip.extend(ack.to_be_bytes());
        ip.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        ip.extend(payload);
        let micros = 1_700_000_000_000_000 + millis * 1000;
        for field in [micros / 1_000_000, micros % 1_000_000, ip.len() as u64, ip.len() as u64] {
            self.bytes.extend((field as u32).to_le_bytes());
        }
        self.bytes.extend(ip);
        self.packets += 1;
    }

    /// A connection of a client at `port` that asks at `at` ms.
    pub(crate) fn ask(&mut self, at: u64, port: u16, server_port: u16, request: &str) -> Talk {
        let client = ([127, 0, 0, 6], port);
        let server = ([10, 0, 0, 1], server_port);
        let (out, back) = ((client, server), (server, client));
        self.segment(at, out, SYN, (999, 0), b"");
        self.segment(at, back, SYN | ACK, (4999, 1000), b"");
        self.segment(at, out, ACK, (1000, 5000), b"");
        self.segment(at, out, ACK, (1000, 5000), request.as_bytes());
        let asked = 1000 + request.len() as u32;
        self.segment(at, back, ACK, (5000, asked), b"");
        Talk { out, back, asked }
    }

    /// A request that is answered after `after` ms.
    pub(crate) fn answered(&mut self, at: u64, after: u64, port: u16, request: &str, answer: &str) {
        self.answered_on(at, after, (port, 80), request, answer);
    }

    pub(crate) fn answered_on(
        &mut self,
        at: u64,
        after: u64,
        (port, server_port): (u16, u16),
        request: &str,
        answer: &str,
    ) {
        let Talk { out, back, asked } = self.ask(at, port, server_port, request);
        self.segment(at + after, back, ACK, (5000, asked), answer.as_bytes());
        let end = 5000 + answer.len() as u32;
        self.segment(at + after, out, ACK, (asked, end), b"");
        self.segment(at + after, out, FIN, (asked, end), b"");
        self.segment(at + after, back, FIN, (end, asked + 1), b"");
        self.segment(at + after, out, ACK, (asked + 1, end + 1), b"");
    }

    /// A request whose client leaves after `gap` ms; the answer comes after `late` ms.
    pub(crate) fn given_up(&mut self, at: u64, gap: u64, late: u64, port: u16, request: &str) {
        self.question(at, gap, port, request);
        let asked = 1000 + request.len() as u32;
        let (out, back) = Talk::between(port);
        self.segment(at + late, back, ACK, (5000, asked + 1), OK.as_bytes());
        self.segment(at + late, out, RST, (asked + 1, 0), b"");
    }

    /// The same before the answer came.
    pub(crate) fn question(&mut self, at: u64, gap: u64, port: u16, request: &str) {
        let Talk { out, back, asked } = self.ask(at, port, 80, request);
        self.segment(at + gap, out, FIN, (asked, 5000), b"");
        self.segment(at + gap + 40, back, ACK, (5000, asked + 1), b"");
    }

    /// Writes it to a file of this name in this test's own folder.
    pub(crate) fn save(&self, name: &str) -> PathBuf {
        let path = scratch(name);
        std::fs::write(&path, &self.bytes).unwrap();
        path
    }
}

/// A connection with a request on it.
pub(crate) struct Talk {
    pub(crate) out: (Side, Side),
    pub(crate) back: (Side, Side),
    /// The sequence number after the request.
    pub(crate) asked: u32,
}

impl Talk {
    fn between(port: u16) -> ((Side, Side), (Side, Side)) {
        let (client, server) = (([127, 0, 0, 6], port), ([10, 0, 0, 1], 80));
        ((client, server), (server, client))
    }
}

pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
pub(crate) const GET: &str = "GET /items HTTP/1.1\r\nHost: catalog\r\nX-Request-Id: abc-1\r\n\r\n";

/// Six give-ups around 500 ms and two answers: 75 % given up.
pub(crate) fn slow_server() -> Capture {
    let mut capture = Capture::new();
    for (place, gap) in [498, 499, 500, 501, 497, 502].into_iter().enumerate() {
        capture.given_up(place as u64 * 2000, gap, 1200, 40_000 + place as u16, GET);
    }
    capture.answered(20_000, 30, 41_000, GET, OK);
    capture.answered(21_000, 40, 41_001, GET, OK);
    capture
}

/// A path that no other test uses: tests run at once.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let test = std::thread::current().name().unwrap_or("main").replace("::", "-");
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
    std::fs::create_dir_all(&dir).unwrap();
    dir.join(name)
}

pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-meshsniff"));
    command.env_remove("NO_COLOR").stdin(Stdio::null());
    command
}

/// What the command said: stdout, stderr, exit code.
pub(crate) struct Said {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) code: i32,
}

pub(crate) fn said(output: Output) -> Said {
    Said {
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
        code: output.status.code().unwrap(),
    }
}

/// Runs it with these arguments.
pub(crate) fn run<A: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = A>) -> Said {
    said(command().args(args).output().unwrap())
}

/// Runs `analyze FILE ...`.
pub(crate) fn analyze(file: &std::path::Path, args: &[&str]) -> Said {
    said(command().arg("analyze").arg(file).args(args).output().unwrap())
}
