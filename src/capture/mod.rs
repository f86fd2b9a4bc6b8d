//! Stage 1 of 7: bytes of a capture in, packets out.
//!
//! In:  pcap or pcapng, from a file, a pipe that still grows, or a compressed stream.
//! Out: [`Packet`], a view of the reader's buffer, in the order of the capture.
//! Not here: what the bytes of a packet mean (stage 2, `decode`).

mod buffer;
mod decompress;
mod error;
mod foreign;
mod item;
mod link_type;
mod mark;
mod order;
mod packet;
mod pcap;
mod pcapng;
mod reader;
mod time;
mod writer;

pub use error::Error;
pub use item::{Interface, Item, Section, Statistics};
pub use link_type::LinkType;
pub use mark::Mark;
pub use packet::Packet;
#[cfg(test)]
pub(crate) use packet::testing;
pub use pcapng::Comments;
pub use reader::Reader;
pub use time::Timestamp;
pub use writer::Writer;
