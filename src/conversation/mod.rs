//! What is kept for one connection: its stages 4 and 5, whatever is spoken on it.
//!
//! In:  [`FlowEvent`] of one connection.
//! Out: [`Exchange`], handed to an [`Office`].
//! Not here: how messages are read (`message`) and how they become exchanges (`pairing`).
//!
//! A connection begins as HTTP/1, or unknown. When its bytes are those of another protocol, or an
//! upgrade changes it, a [`Talk`] takes over and hears of everything that follows.

mod http2;
mod tls;
mod websocket;

use std::fmt::Debug;

use http2::Http2Talk;

use crate::flow::{FlowEvent, Info};
use crate::message::{Http1, Spoken, Upgrade};
use crate::pairing::{Exchange, Office, Pairing};

/// A protocol other than HTTP/1 on one connection: its reader and its pairing, joined.
pub(crate) trait Talk: Debug {
    /// The next event. The connection's last one ends every exchange that is still open; each
    /// exchange that ends has been announced by [`Office::began`], with the same texts. Its server
    /// is that of `info` when it ends: a redirect may show late.
    fn event(&mut self, info: &Info, event: FlowEvent<'_>, office: &mut dyn Office);

    /// Bytes kept: unfinished messages and tables.
    fn kept(&self) -> usize;

    /// Whether a decision waits until packets captured out of order have had time to come:
    /// [`FlowEvent::Settled`].
    fn waits(&self) -> bool {
        false
    }
}

/// What is kept for one connection.
#[derive(Debug, Default)]
pub(crate) struct Conversation {
    pub(crate) http: Http1,
    pub(crate) pairing: Pairing,
    /// What is spoken instead of HTTP/1, or after it.
    pub(crate) other: Option<Box<dyn Talk>>,
    /// Bytes were sent on it.
    pub(crate) spoke: bool,
    /// The connect failed: it has its own exchange.
    pub(crate) failed: bool,
}

impl Conversation {
    /// Bytes were sent: with the first ones it is decided where in a message they may be.
    #[inline]
    pub(crate) fn speaks(&mut self, info: &Info) {
        if !self.spoke {
            self.spoke = true;
            if info.midstream {
                self.http.midstream();
            }
        }
    }

    /// Bytes that are kept of unfinished messages.
    #[inline]
    pub(crate) fn kept(&self) -> usize {
        self.http.kept() + self.other.as_ref().map_or(0, |other| other.kept())
    }

    /// Hands the connection over to what is spoken from here on, if that can be read; what was kept
    /// of it comes first.
    pub(crate) fn hand_over(&mut self, info: &Info, office: &mut dyn Office) {
        let unread = self.http.take_unread();
        self.other = match self.pairing.take_switched() {
            Some((exchange, to)) => Some(upgraded(exchange, to)),
            None => identified(self.http.spoken(), info),
        };
        let Some(other) = &mut self.other else { return };
        for (direction, bytes, mark) in unread {
            let data = FlowEvent::Data { direction, bytes: &bytes, cut: 0, mark };
            other.event(info, data, office);
        }
    }
}

/// What a connection changes to by an upgrade.
fn upgraded(exchange: Box<Exchange>, to: Upgrade) -> Box<dyn Talk> {
    match to {
        Upgrade::H2c => Box::new(Http2Talk::upgraded(exchange)),
        Upgrade::WebSocket => Box::new(websocket::OnTcp::new(exchange)),
    }
}

/// What is spoken, by the connection's first bytes. Nothing is read if one side has left before
/// them: a talk that has not heard of that would say of the other side that it left first.
fn identified(spoken: Option<Spoken>, info: &Info) -> Option<Box<dyn Talk>> {
    match spoken.filter(|_| info.closed.is_none())? {
        Spoken::Http2 => Some(Box::new(Http2Talk::new(info))),
        Spoken::Tls => Some(Box::<tls::TlsTalk>::default()),
        Spoken::Http1 | Spoken::Other | Spoken::NeedMore => None,
    }
}
