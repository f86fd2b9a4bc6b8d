use super::detail::{Close, Detail, WebSocket, latest};
use super::{Exchange, Outcome, Protocol, Side};
use crate::capture::{Mark, Timestamp};
use crate::flow::{Direction, Ended};
use crate::message::{Frames, Hear, Said};

/// One WebSocket: its exchange from the upgrade to the end.
///
/// It knows nothing of what carries it. On a TCP connection after its upgrade, and on a stream of HTTP/2
/// after an extended CONNECT (RFC 8441), the carrier tells it the [`data`](Self::data) and
/// [`gap`](Self::gap) of each direction in order, that a side has [`left`](Self::left) its half
/// (FIN; END_STREAM), and at last how it [`ends`](Self::ends).
#[derive(Debug)]
pub(crate) struct Socket {
    exchange: Box<Exchange>,
    said: WebSocket,
    client: Frames,
    server: Frames,
    /// Who closed its half first, with which packet, if that was captured.
    left: Option<(Side, Option<Mark>)>,
    /// A Close was told, after a part of what the other side said was not read: which Close was
    /// first is not known.
    doubtful: bool,
    /// A Close was told after the other side had closed its half.
    too_late: bool,
}

/// How what carried a WebSocket ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Both sides have closed their half.
    Closed,
    /// This side has reset it (RST; RST_STREAM).
    Reset(Side, Mark),
    /// Not at all: the capture ended, or it was silent for long.
    Open,
    /// Nothing more is known of it.
    Lost,
}

impl End {
    /// The end of a connection of which no more will be known.
    pub(crate) fn of(why: Ended) -> Self {
        match why {
            Ended::Capture | Ended::Silent => Self::Open,
            Ended::Reused | Ended::Evicted => Self::Lost,
        }
    }

    /// A reset.
    pub(crate) fn reset(direction: Direction, mark: Mark) -> Self {
        Self::Reset(sender(direction), mark)
    }
}

impl Socket {
    /// The WebSocket whose upgrade this exchange is.
    pub(crate) fn new(mut exchange: Box<Exchange>) -> Self {
        exchange.protocol = Protocol::Ws;
        Self {
            exchange,
            said: WebSocket::default(),
            client: Frames::of(Direction::ToServer),
            server: Frames::of(Direction::ToClient),
            left: None,
            doubtful: false,
            too_late: false,
        }
    }

    /// Bytes kept.
    pub(crate) fn kept(&self) -> usize {
        let reason = |side: Side| self.said.side(side).close.as_ref().map_or(0, |c| c.reason.len());
        size_of::<Self>() + size_of::<Detail>() + reason(Side::Client) + reason(Side::Server)
    }

    /// The next bytes of a direction.
    pub(crate) fn data(&mut self, direction: Direction, bytes: &[u8], mark: Mark) {
        self.hear(direction, mark, |frames, hear| frames.data(bytes, hear));
    }

    /// Bytes of a direction that were not captured.
    pub(crate) fn gap(&mut self, direction: Direction, len: u64, mark: Mark) {
        self.hear(direction, mark, |frames, hear| frames.gap(len, hear));
    }

    /// Any number of bytes of a direction may not have been captured.
    pub(crate) fn lost(&mut self, direction: Direction, mark: Mark) {
        self.hear(direction, mark, |frames, hear| frames.lose(hear));
    }

    /// A side has closed its half; `mark` is the packet, if it was captured.
    pub(crate) fn left(&mut self, direction: Direction, mark: Option<Mark>) {
        let earlier = match (self.left, mark) {
            (None, _) => true,
            (Some((_, Some(first))), Some(mark)) => order(mark) < order(first),
            _ => false,
        };
        if earlier {
            self.left = Some((sender(direction), mark));
        }
    }

    /// It has ended.
    pub(crate) fn ends(self, end: End) -> Box<Exchange> {
        let (outcome, by, close) = self.judge(end);
        let Self { mut exchange, mut said, client, server, .. } = self;
        (exchange.outcome, exchange.by, exchange.close) = (outcome, by, close);
        said.client.unread |= client.is_lost();
        said.server.unread |= server.is_lost();
        exchange.detail = Some(Box::new(Detail::WebSocket(said)));
        exchange
    }

    fn hear(&mut self, direction: Direction, mark: Mark, tell: impl FnOnce(&mut Frames, Hear<'_>)) {
        let side = sender(direction);
        let (frames, other) = match side {
            Side::Client => (&mut self.client, &self.server),
            Side::Server => (&mut self.server, &self.client),
        };
        let other_left = self.left.is_some_and(|(left, _)| left != side);
        let said = self.said.side_mut(side);
        let before = said.close.is_some();
        tell(frames, &mut |word| match word {
            Said::Payload(len) => said.bytes += len,
            Said::Message => said.messages += 1,
            Said::Ping => said.ping = Some(mark),
            Said::Pong => said.pong = Some(mark),
            Said::Close => said.close = Some(Close { code: None, reason: "".into(), mark }),
            Said::CloseBody(body) => {
                if let Some(close) = &mut said.close {
                    (close.code, close.reason) = code_and_reason(body);
                }
            }
            Said::NoClose => said.close = None,
        });
        match (before, said.close.is_some()) {
            (false, true) => {
                self.doubtful = other.is_lost();
                self.too_late = other_left;
            }
            (false, false) | (true, false) => said.last = latest(said.last, Some(mark)),
            (true, true) => {}
        }
    }

    fn judge(&self, end: End) -> (Outcome, Option<Side>, Option<Mark>) {
        const UNKNOWN: (Outcome, Option<Side>, Option<Mark>) = (Outcome::Unknown, None, None);
        let first = self.said.first_close();
        let left = self.left.or(match end {
            End::Reset(side, mark) => Some((side, Some(mark))),
            _ => None,
        });
        let unread = self.client.is_lost() || self.server.is_lost();
        // Who closes without a Close of its own has left, whatever the other side says afterwards.
        if let Some((side, mark)) = left
            && self.said.side(side).close.is_none()
            && first.is_none_or(|(_, close)| mark.map_or(self.too_late, |at| is_after(close, at)))
        {
            let may_have_closed = match first {
                Some(_) => self.frames(side).is_lost(),
                None => unread,
            };
            return if may_have_closed { UNKNOWN } else { (Outcome::WsAborted, Some(side), mark) };
        }
        match (first, end) {
            (Some((side, close)), _) => {
                let both = self.said.client.close.is_some() && self.said.server.close.is_some();
                let by = (both || !self.doubtful).then_some(side);
                (Outcome::WsClosed, by, Some(close.mark))
            }
            (None, End::Open) if !unread => (Outcome::InProgress, None, None),
            _ => UNKNOWN,
        }
    }

    fn frames(&self, side: Side) -> &Frames {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }
}

fn is_after(close: &Close, mark: Mark) -> bool {
    order(close.mark) > order(mark)
}

/// A capture may have two packets in the wrong order: times decide.
fn order(mark: Mark) -> (Timestamp, u64) {
    (mark.time, mark.number)
}

fn sender(direction: Direction) -> Side {
    match direction {
        Direction::ToServer => Side::Client,
        Direction::ToClient => Side::Server,
    }
}

/// What the body of a Close says.
fn code_and_reason(body: &[u8]) -> (Option<u16>, Box<str>) {
    match body {
        [high, low, reason @ ..] => (
            Some(u16::from_be_bytes([*high, *low])),
            String::from_utf8_lossy(reason).into_owned().into(),
        ),
        _ => (None, "".into()),
    }
}
