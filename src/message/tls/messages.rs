use super::certificate::Certificate;
use super::hello::{ClientHello, ServerHello};
use super::{Heard, certificate};

/// Types of messages (RFC 8446 section 4).
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
pub(super) const CERTIFICATE: u8 = 11;
const CERTIFICATE_REQUEST: u8 = 13;

/// The handshake messages of one direction, however they are cut into records.
#[derive(Debug, Default)]
pub(super) struct Messages {
    /// The type and the length of the message, as far as they have come.
    head: [u8; 4],
    have: usize,
    /// Bytes of the message that have not come.
    left: usize,
    /// What is kept of it.
    body: Vec<u8>,
}

/// A message that has ended.
pub(super) struct Message<'a> {
    pub(super) kind: u8,
    /// Its content, or the beginning of it.
    body: &'a [u8],
    /// Nothing of the content is missing.
    pub(super) whole: bool,
}

impl Messages {
    pub(super) fn kept(&self) -> usize {
        self.body.capacity()
    }

    /// The length of the message, by its head.
    fn len(&self) -> usize {
        let [_, high, middle, low] = self.head;
        u32::from_be_bytes([0, high, middle, low]) as usize
    }

    /// Takes the content of records; tells each message that ends in it. Of no message more than
    /// `room` bytes are kept.
    pub(super) fn take(
        &mut self,
        mut bytes: &[u8],
        room: usize,
        mut tell: impl FnMut(Message<'_>),
    ) {
        while !bytes.is_empty() {
            if self.have < self.head.len() {
                let taken = (self.head.len() - self.have).min(bytes.len());
                self.head[self.have..self.have + taken].copy_from_slice(&bytes[..taken]);
                self.have += taken;
                bytes = &bytes[taken..];
                if self.have < self.head.len() {
                    return;
                }
                self.left = self.len();
            }
            let kind = self.head[0];
            let limit = match kind {
                CLIENT_HELLO | SERVER_HELLO | CERTIFICATE => room,
                _ => 0,
            };
            let (taken, rest) = bytes.split_at(bytes.len().min(self.left));
            bytes = rest;
            self.left -= taken.len();
            let ends = self.left == 0;
            let len = self.len();
            // Mostly a message lies in one segment, and nothing is copied.
            let all = if self.body.is_empty() && ends && taken.len() == len {
                &taken[..len.min(limit)]
            } else {
                let more = limit.saturating_sub(self.body.len()).min(taken.len());
                self.body.extend_from_slice(&taken[..more]);
                self.body.as_slice()
            };
            if ends {
                let wanted = limit > 0 || matches!(kind, CLIENT_HELLO | SERVER_HELLO);
                tell(Message { kind, body: all, whole: !wanted || all.len() == len });
                self.have = 0;
                self.body = Vec::new();
            }
        }
    }
}

impl Message<'_> {
    /// What it says.
    pub(super) fn heard(&self) -> Heard {
        match self.kind {
            CLIENT_HELLO => {
                Heard::ClientHello(self.whole.then(|| ClientHello::read(self.body)).flatten())
            }
            SERVER_HELLO => {
                Heard::ServerHello(self.whole.then(|| ServerHello::read(self.body)).flatten())
            }
            CERTIFICATE if self.body == [0; 3] => Heard::NoCertificate,
            CERTIFICATE => {
                Heard::Certificate(certificate::leaf(self.body).and_then(Certificate::read))
            }
            CERTIFICATE_REQUEST => Heard::CertificateRequest,
            _ => Heard::Message,
        }
    }
}
