//! HTTP/2.

mod hpack;

pub use hpack::{Broken, Field, Hpack};
