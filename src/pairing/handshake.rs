use std::time::Duration;

use super::detail::{Alert, Detail, Shape, Tls};
use super::in_order::{Office, blank};
use super::pending::End;
use super::{Exchange, Outcome, Protocol, Side};
use crate::capture::Mark;
use crate::flow::{Direction, Ended, Info};
use crate::limits::Limit;
use crate::message::tls::{ALERT, DATA, HANDSHAKE, Heard, TLS12};

/// An alert answers the client's last flight at once: a server that closes later than this has
/// accepted the handshake and says good-bye.
const REFUSAL: Duration = Duration::from_secs(1);

/// What an encrypted record of TLS 1.3 adds: the real type, and the tag of all suites but one.
const ADDED: u16 = 1 + 16;
/// An alert of TLS 1.3 when encrypted: level and description.
const SEALED_ALERT: u16 = 2 + ADDED;
/// A Certificate message of TLS 1.3 without a certificate: head, context, list, all empty.
const SEALED_NO_CERTIFICATE: u16 = 4 + 1 + 3 + ADDED;

/// The TLS handshake of one connection, which is one exchange. It ends as soon as it is proved how.
///
/// Up to TLS 1.2 a handshake has succeeded when both sides have sent their Finished. In TLS 1.3
/// everything behind the ServerHello is encrypted, and only lengths and their order tell:
///
/// - The client's first encrypted record is its Finished, of a length that its cipher suite gives:
///   it has accepted the server, and there was no question of a certificate of its own.
/// - That record has the length of an alert: it is one, for nothing else may stand there.
/// - Anything else is the client's certificate. Whether the server takes it shows its first record
///   afterwards: of the length of an alert, at once, and then the end, it is a refusal.
///
/// Where bytes were not captured, silence proves nothing.
#[derive(Debug, Default)]
pub(crate) struct Handshake {
    /// As long as it is open.
    exchange: Option<Box<Exchange>>,
    tls: Tls,
    /// The packet with the client's first byte.
    first: Option<Mark>,
    /// Its end was told, or its beginning was not captured.
    over: bool,
    /// The server asked for another ClientHello.
    retry: bool,
    /// The client may send data before the ServerHello, and behind it.
    early_data: bool,
    /// Bytes of either side were not captured.
    lost: bool,
    client: Sent,
    server: Sent,
    /// The client's first encrypted record behind the ServerHello (TLS 1.3).
    flight: Option<Mark>,
    /// An alert that does not end the handshake by itself.
    warning: Option<Alert>,
    /// The server's first record behind the client's has the length of an alert.
    farewell: Option<Mark>,
}

/// What one side has sent.
#[derive(Debug, Default)]
struct Sent {
    /// Bytes of it were not captured.
    lost: bool,
    /// An encrypted handshake message, which is its Finished (up to TLS 1.2).
    finished: bool,
    /// An encrypted record of TLS 1.3: of the client, behind the ServerHello.
    sealed: bool,
}

impl Handshake {
    /// What it holds, in bytes.
    pub(crate) fn kept(&self) -> usize {
        if self.over {
            return 0;
        }
        let tls = &self.tls;
        let names = tls.offered.iter().chain(&tls.sni).chain(&tls.alpn);
        let certificate = tls.certificate.iter().flat_map(|it| [&it.subject, &it.issuer]);
        size_of::<Exchange>() + names.chain(certificate).map(|text| 16 + text.len()).sum::<usize>()
    }

    /// Bytes of the client came: the first ones are those of its ClientHello.
    pub(crate) fn spoken(&mut self, mark: Mark) {
        self.first.get_or_insert(mark);
    }

    /// Whether its end was told.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    /// What a side of the connection said.
    pub(crate) fn hear(
        &mut self,
        info: &Info,
        direction: Direction,
        heard: Heard,
        mark: Mark,
        office: &mut dyn Office,
    ) {
        if self.over {
            return;
        }
        match heard {
            Heard::ClientHello(_) if direction == Direction::ToServer => {}
            Heard::ServerHello(_) if direction == Direction::ToClient => {}
            Heard::ClientHello(_) | Heard::ServerHello(_) => return,
            _ => {}
        }
        if self.exchange.is_none() && !self.begin(info, direction, &heard, mark, office) {
            return;
        }
        match heard {
            Heard::ClientHello(hello) => {
                let Some(hello) = hello else { return };
                (self.tls.sni, self.tls.offered) = (hello.sni, hello.offered);
                self.tls.highest = Some(hello.highest);
                self.early_data = hello.early_data && !self.retry;
            }
            Heard::ServerHello(hello) => {
                self.warning = None;
                self.tls.answered.get_or_insert(mark);
                let Some(hello) = hello else { return };
                self.retry = hello.retry;
                self.early_data &= !hello.retry;
                self.tls.version = Some(hello.version);
                self.tls.cipher = Some(hello.cipher);
                self.tls.alpn = hello.alpn;
            }
            Heard::Certificate(certificate) if direction == Direction::ToClient => {
                self.tls.certificate = self.tls.certificate.take().or(certificate);
            }
            Heard::NoCertificate if direction == Direction::ToServer => {
                self.tls.client_certificate_empty = true;
            }
            Heard::CertificateRequest if direction == Direction::ToClient => {
                self.tls.client_certificate_asked = true;
            }
            Heard::Certificate(_)
            | Heard::NoCertificate
            | Heard::CertificateRequest
            | Heard::Message => {}
            Heard::Alert { warning, description } => {
                let alert = Alert { by: side(direction), description: Some(description), mark };
                match warning {
                    true => self.warning = Some(alert),
                    false => self.alert(info, alert, office),
                }
            }
            Heard::Sealed { kind, len } => self.sealed(info, direction, (kind, len), mark, office),
            Heard::Plaintext => {
                self.tls.plaintext = Some(Side::Server);
                self.tls.answered = Some(mark);
            }
            Heard::Lost => {
                self.lost = true;
                self.sent(direction).lost = true;
            }
        }
    }

    /// The first thing heard. A connection that began before the capture has an exchange only if
    /// its ClientHello was captured.
    fn begin(
        &mut self,
        info: &Info,
        direction: Direction,
        heard: &Heard,
        mark: Mark,
        office: &mut dyn Office,
    ) -> bool {
        let hello = matches!(heard, Heard::ClientHello(_));
        let answer = matches!(heard, Heard::ServerHello(_) | Heard::Alert { .. });
        if !hello && (info.midstream || !answer) {
            if matches!(heard, Heard::Lost) {
                self.lost = true;
                self.sent(direction).lost = true;
            }
            self.over = info.midstream && matches!(heard, Heard::Sealed { .. });
            return false;
        }
        let mut exchange = blank(info, Protocol::Tls);
        if hello {
            exchange.request.first = self.first.or(Some(mark));
            exchange.request.last = Some(mark);
        } else {
            self.lost = true;
            self.client.lost = true;
        }
        let room = office.began(&exchange);
        self.exchange = Some(exchange);
        if !room {
            office.counts().hit(Limit::Buffered);
            self.end(info, (Outcome::Unknown, None, None), office);
        }
        room
    }

    fn sent(&mut self, direction: Direction) -> &mut Sent {
        match direction {
            Direction::ToServer => &mut self.client,
            Direction::ToClient => &mut self.server,
        }
    }

    /// A record whose content is encrypted.
    fn sealed(
        &mut self,
        info: &Info,
        direction: Direction,
        (kind, len): (u8, u16),
        mark: Mark,
        office: &mut dyn Office,
    ) {
        let old = self.tls.version.is_some_and(|version| version <= TLS12);
        match (kind, direction) {
            (HANDSHAKE, _) => {
                self.sent(direction).finished = true;
                if self.client.finished && self.server.finished {
                    self.succeeded(info, mark, office);
                }
            }
            (ALERT, _) if old && !self.lost => {
                let alert = Alert { by: side(direction), description: None, mark };
                self.alert(info, alert, office);
            }
            // An encrypted alert after something was missed: of a handshake or of its good-bye.
            (ALERT, _) if old => self.end(info, (Outcome::Unknown, None, None), office),
            (DATA, Direction::ToClient) if old => self.succeeded(info, mark, office),
            (DATA, Direction::ToServer) if old && self.server.finished => {
                self.succeeded(info, mark, office);
            }
            // It need not wait for the server's Finished (False Start).
            (DATA, Direction::ToServer) if old => {}
            (DATA, Direction::ToServer) => self.client_sealed(info, len, mark, office),
            (DATA, Direction::ToClient) => self.server_sealed(info, len, mark, office),
            _ => {}
        }
    }

    /// An encrypted record of a TLS 1.3 client.
    fn client_sealed(&mut self, info: &Info, len: u16, mark: Mark, office: &mut dyn Office) {
        let version = self.tls.version;
        if (version.is_none() || self.retry) && !self.server.lost {
            return;
        }
        let first = !std::mem::replace(&mut self.client.sealed, true);
        self.flight.get_or_insert(mark);
        if !first || version.is_none() || self.client.lost {
            return;
        }
        match (len, self.finished()) {
            (len, finished) if Some(len) == finished => self.succeeded(info, mark, office),
            // What may be data from before the ServerHello proves nothing.
            _ if self.early_data => self.client.sealed = false,
            (SEALED_ALERT, Some(_)) => {
                let alert = Alert { by: Side::Client, description: None, mark };
                self.alert(info, alert, office);
            }
            (SEALED_NO_CERTIFICATE, Some(_)) => self.tls.shape = Some(Shape::NoCertificate),
            (len, Some(finished)) if len > finished => self.tls.shape = Some(Shape::Certificate),
            _ => {}
        }
    }

    /// An encrypted record of a TLS 1.3 server.
    fn server_sealed(&mut self, info: &Info, len: u16, mark: Mark, office: &mut dyn Office) {
        if !self.client.sealed {
            return;
        }
        let first = !std::mem::replace(&mut self.server.sealed, true);
        if len != SEALED_ALERT {
            self.succeeded(info, mark, office);
        } else if first {
            self.farewell = Some(mark);
        }
    }

    /// The length of an encrypted Finished of TLS 1.3: its hash is that of the cipher suite.
    fn finished(&self) -> Option<u16> {
        match self.tls.cipher? {
            0x1301 | 0x1303 | 0x1304 => Some(4 + 32 + ADDED),
            0x1302 => Some(4 + 48 + ADDED),
            _ => None,
        }
    }

    fn succeeded(&mut self, info: &Info, mark: Mark, office: &mut dyn Office) {
        self.tls.done = Some(mark);
        self.end(info, (Outcome::TlsOk, None, None), office);
    }

    fn alert(&mut self, info: &Info, alert: Alert, office: &mut dyn Office) {
        self.tls.alert = Some(alert);
        self.end(info, (Outcome::TlsAlert, Some(alert.by), Some(alert.mark)), office);
    }

    /// One side has left: by FIN, or by RST. `None`: its FIN was not captured.
    pub(crate) fn left(
        &mut self,
        info: &Info,
        direction: Direction,
        mark: Option<Mark>,
        office: &mut dyn Office,
    ) {
        if self.exchange.is_none() {
            return;
        }
        let unknown = (Outcome::Unknown, None, None);
        if let Some(farewell) = self.farewell.filter(|_| !self.lost) {
            let at_once = |flight: Mark| farewell.time.since(flight.time) < REFUSAL;
            if self.tls.shape.is_some() && self.flight.is_some_and(at_once) {
                let alert = Alert { by: Side::Server, description: None, mark: farewell };
                return self.alert(info, alert, office);
            }
            return self.end(info, unknown, office);
        }
        if self.lost || self.client.sealed || mark.is_none() {
            return self.end(info, unknown, office);
        }
        match self.warning {
            Some(alert) => self.alert(info, alert, office),
            None => {
                let end = (Outcome::TlsClosedNoAlert, Some(side(direction)), mark);
                self.end(info, end, office);
            }
        }
    }

    /// Nothing more will be known.
    pub(crate) fn ended(&mut self, info: &Info, why: Option<Ended>, office: &mut dyn Office) {
        let outcome = match why {
            Some(Ended::Capture | Ended::Silent) if !self.lost => Outcome::InProgress,
            _ => Outcome::Unknown,
        };
        self.end(info, (outcome, None, None), office);
    }

    fn end(&mut self, info: &Info, (outcome, by, close): End, office: &mut dyn Office) {
        self.over = true;
        let Some(mut exchange) = self.exchange.take() else { return };
        exchange.server = info.server.socket();
        (exchange.outcome, exchange.by, exchange.close) = (outcome, by, close);
        exchange.detail = Some(Box::new(Detail::Tls(std::mem::take(&mut self.tls))));
        office.ended(exchange);
    }
}

fn side(direction: Direction) -> Side {
    match direction {
        Direction::ToServer => Side::Client,
        Direction::ToClient => Side::Server,
    }
}
