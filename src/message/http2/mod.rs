//! HTTP/2 (RFC 9113): frames here, one small file a kind; header blocks by [`hpack`].
//!
//! In:  bytes and gaps of one connection, in order.
//! Out: heads, data, ends and resets of streams, told to a [`Http2Listener`].
//! Not here: which streams are open, and what became of them (stage 5, `pairing`).
//!
//! Data are counted, not kept. Kept is an unfinished header block or small frame, and the tables of
//! HPACK.

mod begin;
mod blocks;
mod data;
mod frame;
mod goaway;
mod half;
mod head;
mod headers;
mod hpack;
mod listener;
mod push_promise;
mod rst_stream;
mod settings;
mod window_update;

pub(crate) use begin::{direction_of, is_frames, is_servers_preface};
pub(crate) use goaway::GoAway;
pub(crate) use head::Head;
pub(crate) use listener::Http2Listener;
pub(crate) use settings::Settings;

use begin::PREFACE;
use data::Data;
use frame::{Frame, HEADER, Kind};
use half::{Half, State};
pub use hpack::{Broken, Field, Hpack};

use crate::capture::Mark;
use crate::flow::Direction;
use crate::limits::Limit;

/// The longest gap that holds no request which changes the table: a frame's header, and a block
/// with method, scheme and path in a byte each, and one more. Smaller ones are RST_STREAM and
/// WINDOW_UPDATE.
const SMALL: u32 = HEADER as u32 + 4;

/// Both directions of a connection.
#[derive(Debug)]
pub(crate) struct Http2 {
    to_server: Half,
    to_client: Half,
}

impl Http2 {
    /// A connection whose first bytes are to come; or one that began before the capture.
    pub(crate) fn new(middle: bool) -> Self {
        Self { to_server: Half::new(middle), to_client: Half::new(middle) }
    }

    /// Bytes kept.
    pub(crate) fn kept(&self) -> usize {
        self.to_server.kept() + self.to_client.kept()
    }

    fn half(&mut self, direction: Direction) -> &mut Half {
        match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        }
    }

    /// The next bytes of a direction; `room` is how many of them may be kept.
    pub(crate) fn data(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        mark: Mark,
        room: usize,
        listener: &mut impl Http2Listener,
    ) {
        let mut bytes = bytes;
        while !bytes.is_empty() {
            let half = self.half(direction);
            let taken = match &mut half.state {
                State::Header => self.header(direction, bytes, mark, listener),
                State::Data(data) => {
                    let frame = data.frame;
                    let Some((taken, body)) = data.take(bytes) else {
                        return self.invalid(direction, mark, listener);
                    };
                    let left = data.left;
                    if left == 0 {
                        half.state = State::Header;
                    }
                    if !body.is_empty() {
                        listener.data(direction, frame.stream, body, mark);
                    }
                    if left == 0 && frame.ends_stream() {
                        listener.end(direction, frame.stream, mark);
                    }
                    taken
                }
                State::Payload(frame, left) => {
                    let (frame, before) = (*frame, half.partial.len());
                    let taken = bytes.len().min(*left as usize);
                    *left -= taken as u32;
                    let whole = *left == 0;
                    if whole && before == 0 {
                        half.state = State::Header;
                        self.payload(direction, frame, &bytes[..taken], mark, room, listener);
                        taken
                    } else if before + taken > room {
                        listener.hit(if room == 0 { Limit::Buffered } else { Limit::Head });
                        let left = *left;
                        half.partial = Vec::new();
                        half.state = State::Skip(frame, left);
                        if whole {
                            self.skipped(direction, frame, mark, listener);
                        }
                        taken
                    } else {
                        half.partial.extend_from_slice(&bytes[..taken]);
                        if whole {
                            half.state = State::Header;
                            let payload = std::mem::take(&mut half.partial);
                            self.payload(direction, frame, &payload, mark, room, listener);
                        }
                        taken
                    }
                }
                State::Skip(frame, left) => {
                    let frame = *frame;
                    let taken = bytes.len().min(*left as usize);
                    *left -= taken as u32;
                    if *left == 0 {
                        self.skipped(direction, frame, mark, listener);
                    }
                    taken
                }
                State::Start => self.start(direction, bytes, mark, listener),
                State::Preface(have) => {
                    let rest = &PREFACE[*have as usize..];
                    let taken = bytes.len().min(rest.len());
                    if bytes[..taken] != rest[..taken] {
                        return self.invalid(direction, mark, listener);
                    }
                    *have += taken as u8;
                    if *have as usize == PREFACE.len() {
                        half.state = State::Header;
                    }
                    taken
                }
                State::Lost => self.find(direction, bytes, listener),
                State::Unreadable => return,
            };
            bytes = &bytes[taken..];
        }
    }

    /// The header of a frame, or more of one.
    fn header(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        mark: Mark,
        listener: &mut impl Http2Listener,
    ) -> usize {
        let half = self.half(direction);
        if half.have == 0 {
            half.first = mark;
        }
        let have = usize::from(half.have);
        let taken = bytes.len().min(HEADER - have);
        half.header[have..have + taken].copy_from_slice(&bytes[..taken]);
        half.have += taken as u8;
        if usize::from(half.have) < HEADER {
            return taken;
        }
        half.have = 0;
        let frame = Frame::read(&half.header);
        let block = half.block.as_ref().map(|block| block.frame.stream);
        // Between the frames of a block nothing else may stand.
        let in_place = match (block, frame.kind) {
            (Some(stream), Kind::Continuation) => frame.stream == stream,
            (Some(_), _) | (None, Kind::Continuation) => false,
            (None, _) => true,
        };
        if !in_place || !frame.is_valid(direction, half.largest.unwrap_or(u32::MAX)) {
            self.invalid(direction, mark, listener);
            return bytes.len();
        }
        half.state = match frame.kind {
            Kind::Data => {
                listener.frame(direction, frame.stream, frame.len, mark);
                State::Data(Data::new(frame))
            }
            Kind::Priority | Kind::Ping | Kind::Other => State::Skip(frame, frame.len),
            _ => State::Payload(frame, frame.len),
        };
        if frame.len == 0 {
            match half.state {
                State::Data(_) if frame.ends_stream() => {
                    listener.end(direction, frame.stream, mark);
                }
                State::Payload(..) => {
                    half.state = State::Header;
                    self.payload(direction, frame, b"", mark, usize::MAX, listener);
                    return taken;
                }
                _ => {}
            }
            half.state = State::Header;
        }
        taken
    }

    /// The payload of a frame, whole.
    fn payload(
        &mut self,
        direction: Direction,
        frame: Frame,
        payload: &[u8],
        mark: Mark,
        room: usize,
        listener: &mut impl Http2Listener,
    ) {
        let stream = frame.stream;
        let read = match frame.kind {
            Kind::Headers => headers::fragment(frame, payload)
                .map(|part| self.fragment(direction, frame, part, mark, room, listener)),
            Kind::PushPromise => push_promise::fragment(frame, payload)
                .map(|part| self.fragment(direction, frame, part, mark, room, listener)),
            Kind::Continuation => {
                self.fragment(direction, frame, payload, mark, room, listener);
                Some(())
            }
            Kind::RstStream => {
                rst_stream::code(payload).map(|code| listener.reset(direction, stream, code, mark))
            }
            Kind::WindowUpdate => window_update::increment(payload)
                .map(|increment| listener.window(direction, stream, increment, mark)),
            Kind::GoAway => {
                GoAway::read(payload).map(|goaway| listener.goaway(direction, goaway, mark))
            }
            Kind::Settings => {
                if !frame.is_ack() {
                    self.settings(direction, Settings::read(payload), mark, listener);
                }
                Some(())
            }
            Kind::Data | Kind::Priority | Kind::Ping | Kind::Other => Some(()),
        };
        if read.is_none() {
            self.invalid(direction, mark, listener);
        }
    }

    /// What one side sets is for what the other side sends.
    fn settings(
        &mut self,
        direction: Direction,
        settings: Settings,
        mark: Mark,
        listener: &mut impl Http2Listener,
    ) {
        let other = self.half(direction.reverse());
        if let (Some(frame), Some(largest)) = (settings.frame, &mut other.largest) {
            *largest = (*largest).max(frame);
        }
        listener.settings(direction, settings, mark);
    }

    /// Bytes of a direction that were not captured. `acked`: the other side has received them.
    pub(crate) fn gap(
        &mut self,
        direction: Direction,
        len: u32,
        acked: bool,
        mark: Mark,
        listener: &mut impl Http2Listener,
    ) {
        let half = self.half(direction);
        half.fresh = false;
        let beyond = match &mut half.state {
            State::Data(data) => {
                let (frame, before) = (data.frame, data.left);
                let missed = data.skip(len);
                let whole = data.left == 0;
                if whole {
                    half.state = State::Header;
                }
                listener.data_missed(direction, frame.stream, missed, mark);
                if whole && frame.ends_stream() {
                    listener.end(direction, frame.stream, mark);
                }
                len > before
            }
            State::Payload(frame, left) | State::Skip(frame, left)
                if len <= *left
                    && matches!(
                        frame.kind,
                        Kind::Headers
                            | Kind::PushPromise
                            | Kind::Continuation
                            | Kind::Priority
                            | Kind::Ping
                            | Kind::Other
                    ) =>
            {
                let (frame, left) = (*frame, *left - len);
                half.partial = Vec::new();
                half.state = State::Skip(frame, left);
                if left == 0 {
                    self.skipped(direction, frame, mark, listener);
                }
                false
            }
            State::Unreadable => false,
            _ => true,
        };
        if beyond {
            // A reset, a window or an acknowledged setting: what has room for no more cannot be a
            // request that changes the table.
            let small = direction == Direction::ToServer && len <= SMALL;
            self.half(direction).lose(!small);
            // A limit that this side has set may have been among it.
            self.half(direction.reverse()).largest = None;
            listener.lost(direction, acked, mark);
        }
    }

    /// What came is no frame. Where the place was found by its looks, it was a wrong one; otherwise
    /// this is not HTTP/2 as the other side could read it.
    #[cold]
    fn invalid(&mut self, direction: Direction, mark: Mark, listener: &mut impl Http2Listener) {
        if self.half(direction).guessed {
            self.half(direction).lose(true);
            return listener.lost(direction, true, mark);
        }
        for direction in [Direction::ToServer, Direction::ToClient] {
            self.half(direction).lose(true);
            self.half(direction).state = State::Unreadable;
            listener.lost(direction, true, mark);
        }
    }
}
