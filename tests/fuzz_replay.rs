//! Replays what the fuzzer has found, and its seeds, as ordinary tests: no panic, no law broken.
//!
//! A find goes to `tests/fuzz/finds/TARGET/` and stays there; captures are seeds of the two
//! targets that read captures.

#[path = "fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "to the fuzzer it is a library")]
mod fuzz;

use std::fs;
use std::path::{Path, PathBuf};

/// The captures that are seeds are small; the rest is for the golden reports.
const LONGEST: u64 = 8 << 20;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files under a folder, in the order of their names; none if there is no such folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut entries: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let nested = entries.into_iter().map(|path| match path.is_dir() {
        true => files(&path),
        false => vec![path],
    });
    nested.flatten().collect()
}

/// Replays the seeds, the finds and `more`.
fn replay(name: &str, more: &[PathBuf]) {
    let (_, target) = fuzz::TARGETS.into_iter().find(|target| target.0 == name).unwrap();
    let mut inputs = files(&root().join("tests/fuzz/seeds").join(name));
    assert!(!inputs.is_empty(), "there are no seeds of {name}");
    inputs.extend(files(&root().join("tests/fuzz/finds").join(name)));
    inputs.extend(more.iter().cloned());
    target(&[]);
    for input in inputs {
        let bytes = fs::read(&input).unwrap();
        if std::panic::catch_unwind(|| target(&bytes)).is_err() {
            panic!("{name} breaks on {}", input.display());
        }
    }
}

fn captures() -> Vec<PathBuf> {
    let mut captures = files(&root().join("captures"));
    captures.retain(|path| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        matches!(extension, Some("pcap" | "pcapng" | "gz" | "zst"))
            && fs::metadata(path).unwrap().len() <= LONGEST
    });
    captures
}

#[test]
fn tls() {
    replay("tls", &[]);
}

#[test]
fn capture_reader() {
    replay("capture_reader", &captures());
}

#[test]
fn decode() {
    replay("decode", &[]);
}

#[test]
fn http1() {
    replay("http1", &[]);
}

#[test]
fn hpack() {
    replay("hpack", &[]);
}

#[test]
fn analysis_pcap() {
    replay("analysis_pcap", &captures());
}

#[test]
fn websocket() {
    replay("websocket", &[]);
}

#[test]
fn report() {
    replay("report", &[]);
}
