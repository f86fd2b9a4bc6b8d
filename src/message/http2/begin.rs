//! Where frames begin: at the first bytes, and by their looks where the place is not known.

use super::frame::{Frame, HEADER, Kind, Looks, USUAL, looks};
use super::half::State;
use super::hpack::Hpack;
use super::{Http2, Http2Listener, headers};
use crate::capture::Mark;
use crate::flow::Direction;

/// What a client says first (RFC 9113 section 3.4).
pub(super) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

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

impl Http2 {
    /// The first bytes of a direction.
    pub(super) fn start(
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
    pub(super) fn find(
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
}
