//! What the tests from outside share: captures to read, conversations to write, damage to do.
#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod frames;
pub(crate) mod mangle;
pub(crate) mod talk;
pub(crate) mod truth;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use meshsniff::capture::{Item, LinkType, Mark, Packet, Reader, Timestamp};
use meshsniff::pairing::{Connection, Exchange, Outcome};
use meshsniff::{Analysis, Counts, Event, Settings};

/// A frame that owns its bytes, so that it can be moved, doubled or lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Nanoseconds since the epoch.
    pub(crate) time: i64,
    pub(crate) interface: u32,
    pub(crate) link: LinkType,
    pub(crate) original_len: u32,
    pub(crate) bytes: Vec<u8>,
}

/// Everything that an analysis said of a capture.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) connections: Vec<Connection>,
    pub(crate) counts: Counts,
}

/// What stays the same however the same streams are cut into packets: per connection, in order.
pub(crate) type Essence = BTreeMap<(String, String), Vec<String>>;

impl Report {
    /// Each exchange as `GET /a 200 complete 0+5`: method, path, status, outcome, bytes of the
    /// request's and of the response's body; `-` is not known.
    pub(crate) fn brief(&self) -> Vec<String> {
        self.exchanges.iter().map(brief).collect()
    }

    /// The only exchange there is.
    #[track_caller]
    pub(crate) fn one(&self) -> &Exchange {
        assert_eq!(self.exchanges.len(), 1, "{:?}", self.brief());
        &self.exchanges[0]
    }

    pub(crate) fn outcomes(&self) -> Vec<Outcome> {
        self.exchanges.iter().map(|exchange| exchange.outcome).collect()
    }

    pub(crate) fn essence(&self) -> Essence {
        let mut essence = Essence::new();
        for exchange in &self.exchanges {
            let ends = (exchange.client.to_string(), exchange.server.to_string());
            essence.entry(ends).or_default().push(told(exchange));
        }
        // Streams of HTTP/2 end in any order; their numbers stand first.
        for said in essence.values_mut().filter(|said| said.iter().any(|s| s.starts_with("stream")))
        {
            said.sort();
        }
        essence
    }
}

/// See [`Report::brief`].
pub(crate) fn brief(exchange: &Exchange) -> String {
    let or = |text: &Option<Box<str>>| text.as_deref().unwrap_or("-").to_owned();
    let response = exchange.response.as_ref();
    format!(
        "{} {} {} {} {}+{}",
        exchange.request.method.as_deref().unwrap_or("-"),
        or(&exchange.request.path),
        response.map_or("-".into(), |r| r.status.to_string()),
        exchange.outcome.name(),
        exchange.request.body,
        response.map_or("-".into(), |r| r.body.to_string()),
    )
}

/// [`brief`], and who left, the late answer's status and the findings.
fn told(exchange: &Exchange) -> String {
    let late = exchange.late.map(|late| late.status);
    let stream = exchange.stream.map_or(String::new(), |stream| format!("stream {stream}: "));
    format!("{stream}{} by {:?} late {late:?}", brief(exchange), exchange.by)
}

/// Analyses frames in the order given.
pub(crate) fn analyse(frames: &[Frame]) -> Report {
    analyse_with(frames, Settings::default())
}

pub(crate) fn analyse_with(frames: &[Frame], settings: Settings) -> Report {
    let mut analysis = Analysis::new(settings);
    let (mut exchanges, mut connections) = (Vec::new(), Vec::new());
    for (number, frame) in (1..).zip(frames) {
        analysis.push(&frame.packet(number));
        drain(&mut analysis, &mut exchanges, &mut connections);
    }
    analysis.finish();
    drain(&mut analysis, &mut exchanges, &mut connections);
    Report { exchanges, connections, counts: analysis.counts().clone() }
}

fn drain(
    analysis: &mut Analysis,
    exchanges: &mut Vec<Exchange>,
    connections: &mut Vec<Connection>,
) {
    while let Some(event) = analysis.poll() {
        match event {
            Event::Exchange(exchange) => exchanges.push(*exchange),
            Event::Connection(connection) => connections.push(*connection),
            Event::Question(_) => {}
        }
    }
}

impl Frame {
    pub(crate) fn packet(&self, number: u64) -> Packet<'_> {
        Packet {
            mark: Mark { number, time: Timestamp::from_nanos(self.time) },
            interface: self.interface,
            link: self.link,
            original_len: self.original_len,
            bytes: &self.bytes,
        }
    }
}

/// The frames of a capture in memory; of one that is cut, those before the cut.
pub(crate) fn frames(capture: &[u8]) -> Vec<Frame> {
    let mut reader = Reader::new(capture);
    let mut frames = Vec::new();
    while let Ok(Some(item)) = reader.next() {
        if let Item::Packet(packet, _) = item {
            frames.push(Frame {
                time: packet.mark.time.nanos(),
                interface: packet.interface,
                link: packet.link,
                original_len: packet.original_len,
                bytes: packet.bytes.to_vec(),
            });
        }
    }
    frames
}

/// The frames of a capture of this repository, by its path from the root.
pub(crate) fn load(path: impl AsRef<Path>) -> Vec<Frame> {
    let path = root().join(path);
    let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let frames = frames(&bytes);
    assert!(!frames.is_empty(), "{}: no frames", path.display());
    frames
}

pub(crate) fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a folder of the repository, sorted, with paths from that folder.
pub(crate) fn walk(folder: &str) -> Vec<PathBuf> {
    let folder = root().join(folder);
    let (mut found, mut open) = (Vec::new(), vec![folder.clone()]);
    while let Some(next) = open.pop() {
        let entries = fs::read_dir(&next).unwrap_or_else(|e| panic!("{}: {e}", next.display()));
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(path.strip_prefix(&folder).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// The captures below `captures/`, with paths from there.
pub(crate) fn captures() -> Vec<PathBuf> {
    let kinds = ["pcap", "pcapng", "gz", "zst"];
    let is_capture = |path: &PathBuf| {
        path.extension().and_then(|e| e.to_str()).is_some_and(|e| kinds.contains(&e))
    };
    walk("captures").into_iter().filter(is_capture).collect()
}

/// Random numbers that are the same on every machine: xorshift64*.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// From 0 to `end`, without it.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 11) % end
    }

    /// True with this probability.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        ((self.next() >> 11) as f64 / (1u64 << 53) as f64) < probability
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

/// Says which connections are told of differently, and nothing of the others.
#[track_caller]
pub(crate) fn assert_same(said: &Essence, right: &Essence, what: &str) {
    let other = |a: &Essence, b: &Essence| -> Essence {
        a.iter()
            .filter(|(key, of)| b.get(*key) != Some(of))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect()
    };
    let (said, right) = (other(said, right), other(right, said));
    assert!(said == right, "{what}\n  said: {said:#?}\n right: {right:#?}");
}
