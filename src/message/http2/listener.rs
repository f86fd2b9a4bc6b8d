use super::{GoAway, Head, Settings};
use crate::capture::Mark;
use crate::flow::Direction;
use crate::limits::Limit;

/// Who listens to the frames of one connection.
pub(crate) trait Http2Listener {
    /// These are the first words on the connection, although its handshake was not captured.
    fn begins(&mut self);

    /// A header block.
    fn headers(
        &mut self,
        direction: Direction,
        stream: u32,
        head: &mut Head,
        first: Mark,
        mark: Mark,
    );

    /// A DATA frame begins; flow control counts all of it.
    fn frame(&mut self, direction: Direction, stream: u32, len: u32, mark: Mark);

    /// Bytes of a body.
    fn data(&mut self, direction: Direction, stream: u32, bytes: &[u8], mark: Mark);

    /// Bytes of a body that were not captured.
    fn data_missed(&mut self, direction: Direction, stream: u32, len: u32, mark: Mark);

    /// Nothing follows from this side on this stream.
    fn end(&mut self, direction: Direction, stream: u32, mark: Mark);

    /// RST_STREAM.
    fn reset(&mut self, direction: Direction, stream: u32, code: u32, mark: Mark);

    /// SETTINGS.
    fn settings(&mut self, direction: Direction, settings: Settings, mark: Mark);

    /// WINDOW_UPDATE: the sender takes so many more bytes, on a stream or (0) on all of them.
    fn window(&mut self, direction: Direction, stream: u32, increment: u32, mark: Mark);

    /// GOAWAY.
    fn goaway(&mut self, direction: Direction, goaway: GoAway<'_>, mark: Mark);

    /// Whether a stream is open.
    fn is_open(&self, stream: u32) -> bool;

    /// The place in the stream was lost: whatever was sent in between is not known. `acked`: the
    /// other side has received it.
    fn lost(&mut self, direction: Direction, acked: bool, mark: Mark);

    /// A limit was hit.
    fn hit(&mut self, limit: Limit);
}
