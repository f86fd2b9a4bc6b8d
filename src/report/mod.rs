//! Stage 7 of 7: exchanges and findings in, something to read out.
//!
//! In:  [`Exchange`](crate::pairing::Exchange), one after the other, now and then a
//!      [`Connection`](crate::pairing::Connection), and what the capture counted.
//! Out: lines of text ([`Lines`]), JSON Lines ([`write_exchange`]), one JSON document
//!      ([`Document`]), a [`Summary`] whose first sentence is the answer, and a capture with
//!      comments ([`comment`], [`annotate`]).
//!
//! Everything is written into a `Vec<u8>` that the caller empties and uses again: nothing is
//! allocated for an exchange that went well.

pub mod annotate;
pub mod comment;
mod connects;
mod detail;
mod document;
mod json;
mod palette;
mod pods;
mod route;
mod sample;
mod servers;
mod share;
mod subject;
mod success;
mod summary;
mod summary_json;
mod summary_text;
#[cfg(test)]
mod tests;
mod text;
mod timeline;
mod timeout_origin;
mod verdict;
mod write;

pub use document::Document;
pub use json::{Numbers, write_exchange};
pub use palette::Palette;
pub use pods::pod_of;
pub(crate) use route::Routes;
pub use route::{fold, name_route};
pub(crate) use subject::Subject;
pub use success::{Fate, Fates};
pub use summary::{Ended, LeftOut, Summary};
pub use text::Lines;
pub use timeout_origin::{RouteTimeout, TimeoutOrigin, TimeoutOrigins, TimeoutSource};
