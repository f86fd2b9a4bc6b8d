//! What the fuzzer runs, one function a target, and the laws that must hold whatever the input.
//!
//! Shared by `targets/` (cargo-fuzz, nightly) and `tests/fuzz_replay.rs` (ordinary tests, which
//! replay every seed and every find). Nothing here knows of the fuzzer.

mod cursor;
mod headers;
mod laws;
mod operations;
mod readers;
mod reports;
mod tls;
mod websocket;

pub use headers::hpack;
pub use operations::http1;
pub use readers::{analysis_pcap, capture_reader, decode};
pub use reports::report;
pub use tls::tls;
pub use websocket::websocket;

/// A target: any bytes in, a panic if a law is broken.
pub type Target = fn(&[u8]);

/// Every target with the name of its folder under `seeds/` and `finds/`.
pub const TARGETS: [(&str, Target); 8] = [
    ("capture_reader", capture_reader),
    ("decode", decode),
    ("http1", http1),
    ("tls", tls),
    ("hpack", hpack),
    ("analysis_pcap", analysis_pcap),
    ("report", report),
    ("websocket", websocket),
];
