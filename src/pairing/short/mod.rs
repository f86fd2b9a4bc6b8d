//! Exchanges of which there is nothing to say, as they travel: nearly all of a busy server's.
//!
//! The first of a connection is told whole ([`Plain`]), the later ones by what is not as in the one
//! before ([`Again`]). The side that tells and the side that hears each keep a [`Repeats`].

mod again;
mod packets;
mod plain;

pub use again::Again;
pub use plain::Plain;

use super::Exchange;

/// Connections whose last exchange is remembered: each costs less than 2 KiB.
const CONNECTIONS: usize = 128;

/// Bytes of text of an exchange that is remembered by the side that tells.
const TEXT: usize = 1024;

/// A short form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Short<S> {
    /// The exchange whole.
    Plain(Plain<S>),
    /// What is not as in its connection's last.
    Again(Again<S>),
}

/// The last exchange with a short form of each of the latest connections of one capture.
///
/// What one side makes of its exchanges with [`shorten`](Self::shorten) becomes the same exchanges again
/// on the other side with [`restore`](Self::restore), all of them, in the same order.
#[derive(Debug, Default)]
pub struct Repeats {
    /// A connection's place is its number modulo their number.
    last: Box<[Last]>,
}

/// What is remembered in one place.
#[derive(Clone, Debug, Default)]
struct Last {
    connection: u64,
    exchange: Option<Box<Exchange>>,
}

impl Repeats {
    /// The exchange's short form, if it has one.
    pub fn shorten<'a>(&mut self, exchange: &'a Exchange) -> Option<Short<&'a str>> {
        let plain = Plain::of(exchange)?;
        let last = self.last_of(exchange.connection);
        if last.connection != exchange.connection {
            // Most connections of some clients have one exchange: it is not copied.
            *last = Last { connection: exchange.connection, exchange: None };
            return Some(Short::Plain(plain));
        }
        if let Some(last) = &mut last.exchange
            && let Some(again) = Again::of(exchange, last)
        {
            again.clone().apply(last);
            return Some(Short::Again(again));
        }
        last.exchange = (text(exchange) <= TEXT).then(|| Box::new(exchange.clone()));
        Some(Short::Plain(plain))
    }

    /// The exchange whose short form this is; `None` if the one before it did not come here.
    pub fn restore(&mut self, short: Short<Box<str>>, interface: u32) -> Option<&Exchange> {
        match short {
            Short::Plain(plain) => {
                let exchange = plain.exchange(interface);
                let last = self.last_of(exchange.connection);
                last.connection = exchange.connection;
                Some(last.exchange.insert(Box::new(exchange)))
            }
            Short::Again(again) => {
                let last = self.last_of(again.connection());
                let known = last.connection == again.connection();
                let exchange = last.exchange.as_deref_mut().filter(|_| known)?;
                again.apply(exchange);
                Some(exchange)
            }
        }
    }

    /// Forgets all: what was told did not arrive.
    pub fn forget(&mut self) {
        self.last = Default::default();
    }

    fn last_of(&mut self, connection: u64) -> &mut Last {
        if self.last.is_empty() {
            self.last = vec![Last::default(); CONNECTIONS].into();
        }
        &mut self.last[connection as usize % CONNECTIONS]
    }
}

/// Bytes of its text.
fn text(exchange: &Exchange) -> usize {
    let request = &exchange.request;
    let length = |text: &Option<Box<str>>| text.as_ref().map_or(0, |text| text.len());
    let method = request.method.as_ref().map_or(0, |method| method.len());
    method + length(&request.path) + length(&request.host) + length(&request.request_id)
}

#[cfg(test)]
mod tests;
