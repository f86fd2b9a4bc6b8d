//! Stage 3 of 7: TCP segments in, connection events out.
//!
//! In:  [`Segment`](crate::decode::Segment), in the order they were captured.
//! Out: [`FlowEvent`], told to a [`Sink`], per connection in stream order.
//! Not here: what the bytes mean (stage 4, `message`).
//!
//! Read first: RFC 9293 section 3.4 (sequence numbers), 3.6 (closing).

mod connection;
mod event;
mod flows;
mod half;
mod redirect;
mod table;
mod tell;
mod waiting;

#[cfg(test)]
mod tests;

pub use connection::Info;
pub use event::{Connect, Direction, Ended, FlowEvent};
pub use flows::Flows;

use crate::counts::Counts;

/// Distances in a stream above this are no distance: the segment belongs to another connection.
///
/// 128 MiB: far above the largest receive buffer that Linux grants by itself (6 MiB).
const FAR: i32 = 1 << 27;

/// Who listens to the events. `T` is what it keeps for each connection.
pub trait Sink<T> {
    /// Which way bytes like these go, at the start of a stream; `None` if they do not tell.
    fn direction_of(&self, payload: &[u8]) -> Option<Direction>;

    /// The next event of a connection.
    fn event(&mut self, conversation: &mut T, info: &Info, event: FlowEvent<'_>);

    /// Whether a decision waits until packets captured out of order have had time to come; it is
    /// to be made with [`FlowEvent::Settled`].
    fn waits(&self, conversation: &T) -> bool;

    /// Where everything is counted.
    fn counts(&mut self) -> &mut Counts;
}
