//! WebSocket frames (RFC 6455 section 5): headers are read, payload is counted.
//!
//! One [`Frames`] reads one direction, whatever carries it: a TCP connection after its upgrade, or
//! the DATA of an HTTP/2 stream (RFC 8441). Only the body of a Close frame is kept and unmasked.
//!
//! After bytes that were not captured, or that are no frames, nothing is read any more, with one
//! exception: last words. A segment that is whole frames up to its end, the last a Close with a code that
//! may be sent, and behind which its sender sends nothing, is a Close.

mod header;
mod last_words;

#[cfg(test)]
mod tests;

use header::{Header, Opcode, Read};

use crate::flow::Direction;

/// What one side has said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said<'a> {
    /// Bytes of messages.
    Payload(u64),
    /// A message is whole, in however many frames.
    Message,
    /// A Ping.
    Ping,
    /// A Pong.
    Pong,
    /// A Close.
    Close,
    /// The body of the Close, as far as it was captured: a code and a reason, or nothing.
    CloseBody(&'a [u8]),
    /// What was taken for a Close after bytes that were not captured was none: more followed.
    NoClose,
}

/// Who is told what is said.
pub(crate) type Hear<'a> = &'a mut dyn FnMut(Said<'_>);

/// One direction of a WebSocket.
#[derive(Debug)]
pub(crate) struct Frames {
    from: Direction,
    state: State,
    /// A fragmented message has begun.
    fragmented: bool,
}

#[derive(Debug)]
enum State {
    /// Between frames, or in a header of which so many bytes have come.
    Header([u8; header::LONGEST], usize),
    /// In the payload of a frame, with so many bytes left.
    Payload(u64, Kind),
    /// In the body of a Close.
    Close { body: Vec<u8>, left: usize, mask: [u8; 4] },
    /// Behind a Close: nothing follows.
    Closed,
    /// The place was lost; whether what came last may be a Close.
    Lost { closing: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Of a message that goes on in another frame.
    Fragment,
    /// Of a message that ends with this frame.
    Last,
    /// Of a Ping or Pong.
    Control,
}

/// Between two frames.
const BETWEEN: State = State::Header([0; header::LONGEST], 0);

impl Frames {
    /// The frames of the side that sends in this direction.
    pub(crate) fn of(from: Direction) -> Self {
        Self { from, state: BETWEEN, fragmented: false }
    }

    /// Whether frames may have been said that were not read.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(self.state, State::Lost { .. })
    }

    /// Takes the next bytes.
    pub(crate) fn data(&mut self, bytes: &[u8], said: Hear<'_>) {
        if let State::Lost { closing } = &mut self.state {
            if *closing {
                said(Said::NoClose);
            }
            let body = last_words::close(bytes, self.from);
            *closing = body.is_some();
            if let Some(body) = body {
                said(Said::Close);
                said(Said::CloseBody(&body));
            }
            return;
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let taken = match &mut self.state {
                State::Header(..) => self.header(rest, said),
                State::Payload(left, kind) => {
                    let taken = (*left).min(rest.len() as u64);
                    *left -= taken;
                    let (whole, kind) = (*left == 0, *kind);
                    payload(taken, kind, said);
                    if whole {
                        self.ended(kind, said);
                    }
                    taken as usize
                }
                State::Close { body, left, mask } => {
                    let taken = (*left).min(rest.len());
                    *left -= taken;
                    body.extend_from_slice(&rest[..taken]);
                    if *left == 0 {
                        unmask(body, *mask);
                        said(Said::CloseBody(body));
                        self.state = State::Closed;
                    }
                    taken
                }
                State::Closed => return,
                State::Lost { .. } => return,
            };
            rest = &rest[taken..];
        }
    }

    /// So many bytes were not captured.
    pub(crate) fn gap(&mut self, len: u64, said: Hear<'_>) {
        match &mut self.state {
            State::Payload(left, kind) => {
                let (inside, kind) = ((*left).min(len), *kind);
                *left -= inside;
                let whole = *left == 0;
                payload(inside, kind, said);
                if whole {
                    self.ended(kind, said);
                }
                if inside < len {
                    self.is_not_known();
                }
            }
            State::Close { body, mask, .. } => {
                unmask(body, *mask);
                said(Said::CloseBody(body));
                self.state = State::Closed;
            }
            State::Lost { closing } => {
                if std::mem::take(closing) {
                    said(Said::NoClose);
                }
            }
            State::Closed => {}
            State::Header(..) => self.is_not_known(),
        }
    }

    /// Any number of bytes may not have been captured.
    pub(crate) fn lose(&mut self, said: Hear<'_>) {
        match self.state {
            State::Lost { .. } | State::Close { .. } | State::Closed => self.gap(1, said),
            State::Header(..) | State::Payload(..) => self.is_not_known(),
        }
    }

    /// More of a header; answers how many bytes were taken.
    fn header(&mut self, bytes: &[u8], said: Hear<'_>) -> usize {
        let State::Header(head, have) = &mut self.state else { return 0 };
        let before = *have;
        let room = bytes.len().min(head.len() - before);
        head[before..before + room].copy_from_slice(&bytes[..room]);
        match Header::read(&head[..before + room]) {
            Read::Partial => {
                *have += room;
                room
            }
            Read::Whole(header, len) => {
                self.begins(&header, said);
                len - before
            }
            Read::Invalid => {
                self.is_not_known();
                bytes.len()
            }
        }
    }

    /// A frame begins.
    fn begins(&mut self, header: &Header, said: Hear<'_>) {
        let kind = match header.opcode {
            Opcode::Close => {
                said(Said::Close);
                let (left, mask) = (header.len as usize, header.mask.unwrap_or_default());
                self.state = State::Close { body: Vec::with_capacity(left), left, mask };
                if left == 0 {
                    said(Said::CloseBody(&[]));
                    self.state = State::Closed;
                }
                return;
            }
            Opcode::Ping => {
                said(Said::Ping);
                Kind::Control
            }
            Opcode::Pong => {
                said(Said::Pong);
                Kind::Control
            }
            Opcode::Continuation if !self.fragmented => return self.is_not_known(),
            Opcode::Data if self.fragmented => return self.is_not_known(),
            Opcode::Continuation | Opcode::Data if header.last => Kind::Last,
            Opcode::Continuation | Opcode::Data => Kind::Fragment,
        };
        if kind != Kind::Control {
            self.fragmented = kind == Kind::Fragment;
        }
        self.state = State::Payload(header.len, kind);
        if header.len == 0 {
            self.ended(kind, said);
        }
    }

    /// A frame other than a Close is whole.
    fn ended(&mut self, kind: Kind, said: Hear<'_>) {
        self.state = BETWEEN;
        if kind == Kind::Last {
            said(Said::Message);
        }
    }

    fn is_not_known(&mut self) {
        self.state = State::Lost { closing: false };
    }
}

fn payload(len: u64, kind: Kind, said: Hear<'_>) {
    if kind != Kind::Control && len > 0 {
        said(Said::Payload(len));
    }
}

/// Takes the mask off (RFC 6455 section 5.3); that of a server is zero.
fn unmask(body: &mut [u8], mask: [u8; 4]) {
    for (byte, mask) in body.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}
