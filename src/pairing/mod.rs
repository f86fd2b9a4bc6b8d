//! Stage 5 of 7: messages and what became of the connection in, exchanges out.
//!
//! In:  what [`Listener`](crate::message::Listener) hears, and the ends among
//!      [`FlowEvent`](crate::flow::FlowEvent).
//! Out: [`Exchange`], with the [`Outcome`] that its packets prove; rarely a [`Connection`].
//! Not here: whether that is a problem (stage 6, `problem`).

mod connection;
pub mod detail;
mod exchange;
mod handshake;
mod hear;
mod in_order;
mod messages;
mod outcome;
mod pending;
#[cfg(feature = "serde")]
mod short;
mod sockets;
mod streams;
mod websocket;
mod windows;

pub(crate) use connection::Busy;
pub use connection::{Connection, Moment};
pub use detail::Detail;
pub use exchange::{Exchange, Late, Protocol, ProxyAnswer, Request, Response, Side};
pub(crate) use handshake::Handshake;
pub(crate) use hear::Hearing;
pub(crate) use in_order::{Office, Pairing};
pub use outcome::Outcome;
#[cfg(feature = "serde")]
pub use short::{Again, Plain, Repeats, Short};
pub(crate) use streams::{Streams, StreamsHearing};
pub(crate) use websocket::{End, Socket};
