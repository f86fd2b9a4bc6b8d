//! TLS handshakes as far as they are plaintext (RFC 8446, RFC 5246); what is encrypted is counted.
//!
//! In:  bytes and gaps of one connection, in order.
//! Out: [`Heard`]: hellos, certificates, alerts, and the lengths of encrypted records.
//! Not here: how the handshake ended (stage 5, `pairing::handshake`).
//!
//! Nothing is decrypted, and no signature is checked.

mod alert;
mod certificate;
mod hello;
mod messages;
mod record;

#[cfg(test)]
mod tests;

pub use alert::alert_name;
pub use certificate::Certificate;
pub(crate) use hello::{ClientHello, ServerHello};
pub use hello::{cipher_name, version_name};
pub(crate) use record::{ALERT, DATA, HANDSHAKE, is_alert, is_row};

use messages::Messages;
use record::{CHANGE_CIPHER_SPEC, Records, Skipped};

use crate::flow::Direction;

/// TLS 1.2; what is above encrypts everything behind the ServerHello.
pub(crate) const TLS12: u16 = 0x0303;

/// So many letters at the start are text: of random bytes, one in ten million begins so.
const TEXT: usize = 16;

/// What a side of the connection said.
#[derive(Debug)]
pub(crate) enum Heard {
    /// The client's first message; `None` if it cannot be read.
    ClientHello(Option<ClientHello>),
    /// The server's first message; `None` if it cannot be read.
    ServerHello(Option<ServerHello>),
    /// A certificate in plaintext; `None` if it cannot be read.
    Certificate(Option<Certificate>),
    /// A Certificate message without a certificate.
    NoCertificate,
    /// The server asks for a certificate, in plaintext.
    CertificateRequest,
    /// Another message in plaintext.
    Message,
    /// An alert in plaintext.
    Alert {
        /// It does not end the handshake by itself.
        warning: bool,
        /// Its number.
        description: u8,
    },
    /// A whole record whose content is encrypted.
    Sealed {
        /// Its type, as its header says.
        kind: u8,
        /// Its length, without the header.
        len: u16,
    },
    /// The server's first bytes are text.
    Plaintext,
    /// Bytes were not captured, or are no TLS: what was said is not known.
    Lost,
}

/// Both directions of a connection.
#[derive(Debug, Default)]
pub(crate) struct Tls {
    to_server: Stream,
    to_client: Stream,
    /// The version that the server chose.
    version: Option<u16>,
}

/// One direction.
#[derive(Debug, Default)]
struct Stream {
    records: Records,
    messages: Messages,
    /// Bytes came, or were missed.
    begun: bool,
    /// It changed to encryption; above TLS 1.2 that means nothing.
    changed: bool,
    /// The first byte of an alert whose second has not come.
    level: Option<u8>,
}

impl Tls {
    fn stream(&mut self, direction: Direction) -> &mut Stream {
        match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        }
    }

    /// Bytes that are kept of unfinished messages.
    pub(crate) fn kept(&self) -> usize {
        self.to_server.messages.kept() + self.to_client.messages.kept()
    }

    /// The next bytes of a direction. Of a message no more than `room` bytes are read; answers
    /// whether that was too little for one.
    pub(crate) fn data(
        &mut self,
        direction: Direction,
        mut bytes: &[u8],
        room: usize,
        hear: &mut impl FnMut(Heard),
    ) -> bool {
        let begins = !std::mem::replace(&mut self.stream(direction).begun, true);
        if begins && direction == Direction::ToClient && is_text(bytes) {
            self.stream(direction).records.lose();
            hear(Heard::Plaintext);
            return false;
        }
        let was_lost = !self.stream(direction).records.find(bytes);
        let mut short = false;
        loop {
            let sealed = self.version.is_none_or(|version| version <= TLS12);
            let stream = self.stream(direction);
            let Some(piece) = stream.records.next(&mut bytes, sealed && stream.changed) else {
                if stream.records.is_lost() && !was_lost {
                    stream.forget();
                    hear(Heard::Lost);
                }
                return short;
            };
            if piece.sealed {
                if piece.whole {
                    hear(Heard::Sealed { kind: piece.kind, len: piece.len });
                }
                continue;
            }
            match piece.kind {
                CHANGE_CIPHER_SPEC => stream.changed = true,
                ALERT => stream.alert(piece.bytes, hear),
                _ => {
                    let mut version = None;
                    stream.messages.take(piece.bytes, room, |message| {
                        short |= !message.whole && message.kind != messages::CERTIFICATE;
                        let heard = message.heard();
                        if let Heard::ServerHello(Some(hello)) = &heard {
                            version = Some(hello.version);
                        }
                        hear(heard);
                    });
                    self.version = version.or(self.version);
                }
            }
        }
    }

    /// Bytes of a direction that were not captured.
    pub(crate) fn gap(&mut self, direction: Direction, len: u64, hear: &mut impl FnMut(Heard)) {
        let stream = self.stream(direction);
        stream.begun = true;
        match stream.records.skip(len) {
            Skipped::Inside => {}
            Skipped::Whole { kind, len } => hear(Heard::Sealed { kind, len }),
            Skipped::Lost => {
                stream.forget();
                hear(Heard::Lost);
            }
        }
    }
}

/// Whether these bytes are text rather than a record, or a part of one.
fn is_text(bytes: &[u8]) -> bool {
    let start = &bytes[..bytes.len().min(TEXT)];
    let is_text = |byte: &u8| matches!(byte, b' '..=b'~' | b'\r' | b'\n' | b'\t');
    bytes.starts_with(b"HTTP/1.") || (start.len() == TEXT && start.iter().all(is_text))
}

impl Stream {
    fn alert(&mut self, bytes: &[u8], hear: &mut impl FnMut(Heard)) {
        for byte in bytes {
            match self.level.take() {
                None => self.level = Some(*byte),
                Some(level) => hear(Heard::Alert { warning: level == 1, description: *byte }),
            }
        }
    }

    /// What was kept of unfinished messages does not go on.
    fn forget(&mut self) {
        self.messages = Messages::default();
        self.level = None;
    }
}
