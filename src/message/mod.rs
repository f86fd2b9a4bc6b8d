//! Stage 4 of 7: connection events in, messages out.
//!
//! In:  [`FlowEvent`](crate::flow::FlowEvent): bytes and gaps of one connection, in order.
//! Out: heads, ends and losses of messages, told to a [`Listener`].
//! Not here: which response answers which request (stage 5, `pairing`).
//!
//! Bodies are counted, not kept and not looked at.

mod http1;
pub(crate) mod http2;
mod identify;
mod upgrade;
mod websocket;
pub(crate) mod words;

pub(crate) use http1::Http1;
pub use http1::{Asked, RequestHead, ResponseHead};
pub use http2::{Broken, Field, Hpack};
pub use identify::{Spoken, direction_of};
pub use upgrade::Upgrade;
pub(crate) use websocket::{Frames, Hear, Said};

use crate::capture::Mark;
use crate::flow::Direction;
use crate::limits::Limit;

/// Who listens to the messages of one connection.
pub trait Listener {
    /// What the next response answers, as far as its framing depends on it.
    fn asked(&self) -> Asked;

    /// The first bytes of a message have come, its head is not whole yet.
    fn begun(&mut self, direction: Direction, mark: Mark);

    /// The head of a request. `whole` is false if its end was not captured.
    fn request(&mut self, head: RequestHead<'_>, first: Mark, mark: Mark, whole: bool);

    /// The client left in the middle of a request's head; what its whole lines say.
    fn request_cut(&mut self, head: Option<RequestHead<'_>>, first: Mark, last: Mark);

    /// The head of a final response. `whole` is false if its end was not captured.
    fn response(&mut self, head: ResponseHead<'_>, first: Mark, mark: Mark, whole: bool);

    /// Bytes of a body.
    fn body(&mut self, direction: Direction, len: u64, mark: Mark);

    /// The message is whole.
    fn end(&mut self, direction: Direction, mark: Mark);

    /// The place in the stream was lost: what this message is, or how it goes on, is not known.
    /// `acked`: the other side has received it.
    fn lost(&mut self, direction: Direction, acked: bool, mark: Mark);

    /// The server agreed to change the protocol; its last head was the answer.
    fn switched(&mut self, to: Upgrade);

    /// A limit was hit.
    fn hit(&mut self, limit: Limit);
}
