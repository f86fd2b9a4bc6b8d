use super::data::Data;
use super::frame::{Frame, HEADER, USUAL};
use super::headers::Block;
use super::hpack::Hpack;
use crate::capture::Mark;

/// One direction.
#[derive(Debug)]
pub(super) struct Half {
    pub(super) state: State,
    /// The header of the next frame, as far as it has come.
    pub(super) header: [u8; HEADER],
    pub(super) have: u8,
    /// The packet in which that frame began.
    pub(super) first: Mark,
    /// The payload of the frame so far, of frames that are read whole.
    pub(super) partial: Vec<u8>,
    /// The header block of which more is to come.
    pub(super) block: Option<Box<Block>>,
    pub(super) hpack: Hpack,
    /// The longest payload that the other side takes; `None` if it said that unseen.
    pub(super) largest: Option<u32>,
    /// The place in its frames was found by their looks.
    pub(super) guessed: bool,
    /// Nothing of it was seen or missed so far.
    pub(super) fresh: bool,
}

/// Where in its frames a direction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
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
    pub(super) fn new(middle: bool) -> Self {
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

    pub(super) fn kept(&self) -> usize {
        let block = self.block.as_ref().map_or(0, |block| block.bytes.capacity());
        self.partial.capacity() + block + self.hpack.kept()
    }

    /// From here on nothing of it is known but that frames follow; nor, if so, the table.
    pub(super) fn lose(&mut self, table: bool) {
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
