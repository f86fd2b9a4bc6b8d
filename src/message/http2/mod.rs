//! HTTP/2 (RFC 9113): frames here, one small file a kind; header blocks by [`hpack`].
//!
//! In:  bytes and gaps of one connection, in order.
//! Out: heads, data, ends and resets of streams, told to a [`Http2Listener`].
//! Not here: which streams are open, and what became of them (stage 5, `pairing`).
//!
//! Data are counted, not kept. Kept is an unfinished header block or small frame, and the tables of
//! HPACK.

mod data;
mod frame;
mod goaway;
mod head;
mod headers;
mod hpack;
mod push_promise;
mod rst_stream;
mod settings;
mod window_update;

pub(crate) use goaway::GoAway;
pub(crate) use head::Head;
pub(crate) use settings::Settings;

use data::Data;
use frame::{Frame, HEADER, Kind, Looks, USUAL, looks};
use headers::Block;
pub use hpack::{Broken, Field, Hpack};

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

/// The longest gap that holds no request which changes the table: a frame's header, and a block
/// with method, scheme and path in a byte each, and one more. Smaller ones are RST_STREAM and
/// WINDOW_UPDATE.
const SMALL: u32 = HEADER as u32 + 4;

/// What a client says first (RFC 9113 section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Whether a segment from the middle of a connection is one of frames, for certain.
pub(crate) fn is_frames(bytes: &[u8], direction: Direction) -> bool {
    looks(bytes, direction) == Looks::Whole
}

/// Whether these are the first bytes of a server: its SETTINGS (RFC 9113 section 3.4).
pub(crate) fn is_servers_preface(bytes: &[u8]) -> bool {
    let Some(header) = bytes.first_chunk() else { return false };
    let frame = Frame::read(header);
    is_first(frame)
        && match looks(bytes, Direction::ToClient) {
            Looks::Whole => true,
            Looks::Begun(_) => bytes.len() > HEADER,
            Looks::Other => false,
        }
}

/// Which way frames go that begin a segment, by the pseudo-field that their first header block
/// begins with.
pub(crate) fn direction_of(bytes: &[u8]) -> Option<Direction> {
    // The length of a frame of the usual size begins with a zero; little else does.
    if bytes.first() != Some(&0) || looks(bytes, Direction::ToClient) != Looks::Whole {
        return None;
    }
    let mut rest = bytes;
    while let Some(header) = rest.first_chunk() {
        let frame = Frame::read(header);
        let payload = rest.get(HEADER..HEADER + frame.len as usize)?;
        if frame.kind == Kind::Headers {
            return headers::direction_of(headers::fragment(frame, payload)?);
        }
        rest = &rest[HEADER + frame.len as usize..];
    }
    None
}

fn is_first(frame: Frame) -> bool {
    frame.kind == Kind::Settings && !frame.is_ack() && frame.is_valid(Direction::ToClient, USUAL)
}

/// Both directions of a connection.
#[derive(Debug)]
pub(crate) struct Http2 {
    to_server: Half,
    to_client: Half,
}

/// One direction.
#[derive(Debug)]
struct Half {
    state: State,
    /// The header of the next frame, as far as it has come.
    header: [u8; HEADER],
    have: u8,
    /// The packet in which that frame began.
    first: Mark,
    /// The payload of the frame so far, of frames that are read whole.
    partial: Vec<u8>,
    /// The header block of which more is to come.
    block: Option<Box<Block>>,
    hpack: Hpack,
    /// The longest payload that the other side takes; `None` if it said that unseen.
    largest: Option<u32>,
    /// The place in its frames was found by their looks.
    guessed: bool,
    /// Nothing of it was seen or missed so far.
    fresh: bool,
}

/// Where in its frames a direction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing has come.
    Start,
    /// So much of the client's preface has come.
    Preface(u8),
    /// Between frames, or in the header of one.
    Header,
    /// In a DATA frame.
    Data(Data),
    /// In another frame with so many bytes left, which is read when it is whole.
    Payload(Frame, u32),
    /// In a frame with so many bytes left, which is not read.
    Skip(Frame, u32),
    /// The place was lost: looking for the next frame at the start of each segment.
    Lost,
    /// Not HTTP/2, after all.
    Unreadable,
}

impl Half {
    fn new(middle: bool) -> Self {
        Self {
            state: if middle { State::Lost } else { State::Start },
            header: [0; HEADER],
            have: 0,
            first: Mark::default(),
            partial: Vec::new(),
            block: None,
            hpack: if middle { Hpack::unknown() } else { Hpack::new() },
            largest: if middle { None } else { Some(USUAL) },
            guessed: false,
            fresh: true,
        }
    }

    fn kept(&self) -> usize {
        let block = self.block.as_ref().map_or(0, |block| block.bytes.capacity());
        self.partial.capacity() + block + self.hpack.kept()
    }

    /// From here on nothing of it is known but that frames follow; nor, if so, the table.
    fn lose(&mut self, table: bool) {
        // A block of which a part was seen is in no table.
        let table = table || self.block.is_some() || !matches!(self.state, State::Header);
        self.state = State::Lost;
        self.have = 0;
        self.partial = Vec::new();
        self.block = None;
        if table {
            self.hpack.lost();
        }
    }
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

    /// The first bytes of a direction.
    fn start(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        mark: Mark,
        listener: &mut impl Http2Listener,
    ) -> usize {
        let half = self.half(direction);
        let known = match direction {
            Direction::ToServer => bytes.starts_with(&PREFACE[..bytes.len().min(PREFACE.len())]),
            Direction::ToClient => match bytes.first_chunk() {
                Some(header) => is_first(Frame::read(header)),
                // A server whose SETTINGS come in pieces: they are three zeros at most, so far.
                None => bytes[0] == 0,
            },
        };
        if known {
            half.state = match direction {
                Direction::ToServer => State::Preface(0),
                Direction::ToClient => State::Header,
            };
        } else {
            half.lose(true);
            self.to_server.largest = None;
            self.to_client.largest = None;
            listener.lost(direction, true, mark);
        }
        0
    }

    /// The place was lost; frames may begin here.
    fn find(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        listener: &mut impl Http2Listener,
    ) -> usize {
        let half = self.half(direction);
        let preface = match direction {
            Direction::ToServer if bytes.starts_with(PREFACE) => Some(PREFACE.len()),
            Direction::ToClient if half.fresh && is_servers_preface(bytes) => Some(0),
            _ => None,
        };
        half.fresh = false;
        if let Some(preface) = preface {
            half.hpack = Hpack::new();
            half.state = State::Header;
            listener.begins();
            return preface;
        }
        let found = match looks(bytes, direction) {
            Looks::Whole => true,
            Looks::Begun(frame) => listener.is_open(frame.stream),
            Looks::Other => false,
        };
        if found {
            half.state = State::Header;
            half.guessed = true;
            return 0;
        }
        bytes.len()
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

    /// The next part of a header block; the block is read when it is whole.
    fn fragment(
        &mut self,
        direction: Direction,
        frame: Frame,
        part: &[u8],
        mark: Mark,
        room: usize,
        listener: &mut impl Http2Listener,
    ) {
        let half = self.half(direction);
        let first = half.first;
        let Some(mut block) = half.block.take() else {
            if frame.ends_headers() {
                let mut head = Head::default();
                let read = half.hpack.decode(part, |field| head.field(field));
                self.block(
                    direction,
                    frame,
                    read.is_ok().then_some(&mut head),
                    first,
                    mark,
                    listener,
                );
            } else {
                let bytes = part.to_vec();
                half.block = Some(Box::new(Block { frame, first, bytes, lost: false }));
            }
            return;
        };
        if block.bytes.len() + part.len() > room {
            if !block.lost {
                listener.hit(if room == 0 { Limit::Buffered } else { Limit::Head });
            }
            block.lost = true;
            block.bytes = Vec::new();
        } else if !block.lost {
            block.bytes.extend_from_slice(part);
        }
        if !frame.ends_headers() {
            half.block = Some(block);
            return;
        }
        let Block { frame, first, bytes, lost } = *block;
        if lost {
            half.hpack.lost();
            self.block(direction, frame, Some(&mut Head::unread()), first, mark, listener);
        } else {
            let mut head = Head::default();
            let read = half.hpack.decode(&bytes, |field| head.field(field));
            self.block(direction, frame, read.is_ok().then_some(&mut head), first, mark, listener);
        }
    }

    /// A header block is whole; `None` if it cannot be read: then its table is not known from here.
    fn block(
        &mut self,
        direction: Direction,
        frame: Frame,
        head: Option<&mut Head>,
        first: Mark,
        mark: Mark,
        listener: &mut impl Http2Listener,
    ) {
        let Some(head) = head else {
            self.half(direction).hpack.lost();
            return self.block(direction, frame, Some(&mut Head::unread()), first, mark, listener);
        };
        if frame.kind == Kind::Headers {
            listener.headers(direction, frame.stream, head, first, mark);
            if frame.ends_stream() {
                listener.end(direction, frame.stream, mark);
            }
        }
    }

    /// A frame was passed over; if it was a part of a header block, that is not known.
    fn skipped(
        &mut self,
        direction: Direction,
        frame: Frame,
        mark: Mark,
        listener: &mut impl Http2Listener,
    ) {
        let half = self.half(direction);
        half.state = State::Header;
        match frame.kind {
            Kind::Headers | Kind::PushPromise if !frame.ends_headers() => {
                let (first, bytes) = (half.first, Vec::new());
                half.block = Some(Box::new(Block { frame, first, bytes, lost: true }));
            }
            Kind::Headers | Kind::PushPromise => {
                let first = half.first;
                self.block(direction, frame, None, first, mark, listener);
            }
            Kind::Continuation => {
                let Some(mut block) = half.block.take() else { return };
                if frame.ends_headers() {
                    self.block(direction, block.frame, None, block.first, mark, listener);
                } else {
                    block.lost = true;
                    block.bytes = Vec::new();
                    half.block = Some(block);
                }
            }
            _ => {}
        }
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
