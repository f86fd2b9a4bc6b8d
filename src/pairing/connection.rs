use std::net::SocketAddr;
use std::time::Duration;

use super::Protocol;
use crate::capture::Mark;
use crate::flow::{Direction, Info, Pulse};

/// Something worth knowing of one TCP connection, beside its exchanges.
///
/// Most connections have nothing of the kind: only those are told whose beginning was captured, and
/// that opened late, or that the server closed at an age of some seconds.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Connection {
    /// Its number in the capture, from 1.
    pub connection: u64,
    /// The interface it was first seen on: index in the capture, from 0.
    pub interface: u32,
    /// The one that connected.
    pub client: SocketAddr,
    /// The one that was connected to. Behind a redirect to a proxy: the original destination, if
    /// known by then.
    pub server: SocketAddr,
    /// What is spoken on it; `tcp` if that is not known.
    pub protocol: Protocol,
    /// The first SYN.
    pub syn: Mark,
    /// How many SYN were sent.
    pub attempts: u32,
    /// What happened.
    pub moment: Moment,
}

/// What happened to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Moment {
    /// The connect was answered, late.
    Opened {
        /// The SYN,ACK.
        mark: Mark,
    },
    /// The server closed or reset it, before the client did.
    Closed {
        /// The FIN or RST.
        mark: Mark,
        /// For how long nothing had been said, not counting the server's goodbye.
        idle: Duration,
    },
}

/// What HTTP/1 knows of a connection that the server closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Busy {
    /// It is not HTTP/1.
    Unknown,
    /// Every request has its answer.
    Idle,
    /// A response is on its way.
    Answering,
    /// A request waits for its response.
    Asked,
}

/// A connect that takes this long is late. Inside a region it takes less than 10 ms, around the
/// globe 300; a SYN that was lost or dropped is repeated after 1 s.
const LATE: Duration = Duration::from_millis(400);
/// Connections that end younger than this have been used and closed: nobody sets a shorter timer.
const YOUNG: Duration = Duration::from_secs(3);
/// The most bytes of a goodbye: GOAWAY has 17 and a word or two, a Close frame at most 127, an alert
/// 7 or, encrypted, 31; around them TLS adds 22 each.
const GOODBYE: u32 = 160;

impl Connection {
    /// The connect was answered; `None` if that was in time.
    pub(crate) fn opened(info: &Info, mark: Mark) -> Option<Box<Self>> {
        let took = mark.time.since(info.connect.first.time);
        (took >= LATE).then(|| Self::of(info, Protocol::Tcp, Moment::Opened { mark }))
    }

    /// The server has closed first; `None` if that says nothing.
    pub(crate) fn closed(
        info: &Info,
        mark: Mark,
        protocol: Protocol,
        busy: Busy,
    ) -> Option<Box<Self>> {
        if info.connect.attempts == 0 || mark.time.since(info.connect.first.time) < YOUNG {
            return None;
        }
        // Times may run backwards: no silence is longer than the connection.
        let age = mark.time.since(info.connect.first.time);
        let idle = idle(info, mark, busy)?.min(age);
        Some(Self::of(info, protocol, Moment::Closed { mark, idle }))
    }

    fn of(info: &Info, protocol: Protocol, moment: Moment) -> Box<Self> {
        Box::new(Self {
            connection: info.serial,
            interface: info.interface,
            client: info.client.socket(),
            server: info.server.socket(),
            protocol,
            syn: info.connect.first,
            attempts: info.connect.attempts,
            moment,
        })
    }

    /// From the first SYN to what happened.
    pub fn age(&self) -> Duration {
        let (Moment::Opened { mark } | Moment::Closed { mark, .. }) = self.moment;
        mark.time.since(self.syn.time)
    }
}

/// How long nothing had been said when the server closed. `None`: not known, or it closed because
/// an answer was whole.
fn idle(info: &Info, close: Mark, busy: Busy) -> Option<Duration> {
    let pulse = &info.pulse;
    if pulse.lost {
        return None;
    }
    let age = close.time.since(info.connect.first.time);
    if pulse.bursts == 0 {
        return Some(age);
    }
    let since = close.time.since(pulse.last);
    let silent = since >= Pulse::PAUSE;
    match busy {
        Busy::Idle => silent.then_some(since),
        Busy::Answering => (!silent).then_some(since),
        Busy::Asked => None,
        Busy::Unknown if silent => Some(since),
        Busy::Unknown if pulse.pause.is_zero() => Some(since),
        Busy::Unknown => match (pulse.from, pulse.bytes) {
            (Direction::ToClient, ..=GOODBYE) => Some(pulse.pause),
            // An answer that was long waited for, and the end of it.
            _ if pulse.pause * 2 >= age => None,
            _ => Some(since),
        },
    }
}
