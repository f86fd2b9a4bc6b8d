//! meshsniff: says from packets which requests were given up by their client before the answer
//! came, and everything around it.
//!
//! A packet travels through seven stages, one folder each, which sort in the order of the road:
//!
//! ```text
//! capture → decode → flow → message → pairing → problem → report
//! ```
//!
//! [`slow`] stands beside the road: of several captures of one workload, which pod is slow.
//!
//! The library does no I/O of its own but through `Read` and `Write`: no clock, no sockets, no
//! threads, no environment. Time is the capture's. [`Analysis`] is the one place where the stages
//! meet.
#![forbid(unsafe_code)]

mod analysis;
mod conversation;
mod counts;
mod limits;
mod wilson;

pub mod capture;
pub mod decode;
pub mod flow;
pub mod message;
pub mod pairing;
pub mod problem;
pub mod report;
pub mod slow;

pub use analysis::{Analysis, Event, Settings};
pub use counts::Counts;
pub use limits::{Limit, Limits};
