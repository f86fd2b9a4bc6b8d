use meshsniff::pairing::{Exchange, Outcome};

use super::cursor::Cursor;
use super::operations::{ACK, FIN, Network, PSH, RST, SYN, Send, usual};

/// Turns after which the rest of the input is not looked at.
const TURNS: usize = 200;

/// Records of real handshakes, so that the fuzzer need not find them byte by byte.
const WORDS: [&[u8]; 9] = [
    include_bytes!("../words/client-hello-12"),
    include_bytes!("../words/client-hello-13"),
    include_bytes!("../words/server-hello-12"),
    include_bytes!("../words/server-hello-13"),
    include_bytes!("../words/certificate"),
    include_bytes!("../words/certificate-request"),
    b"\x14\x03\x03\x00\x01\x01",
    b"\x15\x03\x03\x00\x02\x02\x30",
    b"\x16\x03\x03\x00\x07\x0b\x00\x00\x03\x00\x00\x00",
];

/// Records of the usual lengths of what TLS 1.3 encrypts: alert, Certificate without one, Finished.
const LENGTHS: [u16; 6] = [19, 25, 53, 69, 250, 26];

/// A TLS connection of records from either side. However they are cut into segments, the same is
/// said of them, and whatever is changed in them, no law is broken.
pub fn tls(input: &[u8]) {
    let mut cursor = Cursor::new(input);
    let changes = cursor.u8() & 1 != 0;
    let (mut turns, mut sizes) = (Vec::new(), Vec::new());
    while !cursor.is_empty() && turns.len() < TURNS {
        let byte = cursor.u8();
        let mut turn = Turn { from: (byte & 1).into(), bytes: Vec::new(), flags: ACK | PSH };
        match byte >> 1 & 7 {
            0..=2 => turn.bytes.extend_from_slice(cursor.one(&WORDS)),
            3 => {
                let len = cursor.one(&LENGTHS);
                turn.record(23, &vec![0; len.into()]);
            }
            4 => {
                let kind = 20 + cursor.u8() % 4;
                turn.record(kind, cursor.word());
            }
            5 => {
                // A message in two records.
                let word = cursor.one(&WORDS[..6]);
                let (a, b) = word[5..].split_at(usize::from(cursor.u8()) % (word.len() - 5));
                turn.record(22, a);
                turn.record(22, b);
            }
            6 => turn.flags = ACK | FIN,
            _ => turn.flags = ACK | RST,
        }
        sizes.push(usize::from(byte >> 4) + 1);
        if changes && !turn.bytes.is_empty() {
            let at = usize::from(cursor.u16()) % turn.bytes.len();
            turn.bytes[at] ^= cursor.u8();
        }
        turns.push(turn);
    }
    let whole = play(&turns, |_| usize::MAX);
    let cut = play(&turns, |turn| sizes[turn]);
    if !changes {
        assert_eq!(whole, cut, "the same records, cut in pieces");
    }
}

struct Turn {
    from: usize,
    bytes: Vec<u8>,
    flags: u8,
}

impl Turn {
    fn record(&mut self, kind: u8, content: &[u8]) {
        // A record without content is an error, but of application data.
        if content.is_empty() && kind != 23 {
            return;
        }
        self.bytes.extend_from_slice(&[kind, 3, 3]);
        self.bytes.extend_from_slice(&(content.len() as u16).to_be_bytes());
        self.bytes.extend_from_slice(content);
    }
}

/// What is said of the connection when each turn comes in segments of this size.
fn play(turns: &[Turn], size: impl Fn(usize) -> usize) -> Vec<String> {
    let mut network = Network::new(usual(), &[]);
    for (from, flags) in [(0, SYN), (1, SYN | ACK), (0, ACK)] {
        let plain = network.plain(0, from);
        network.forward(Send { flags, ..plain });
    }
    for (number, turn) in turns.iter().enumerate() {
        for piece in turn.bytes.chunks(size(number)) {
            let plain = network.plain(0, turn.from);
            network.forward(Send { payload: piece, ..plain });
        }
        if turn.bytes.is_empty() {
            let plain = network.plain(0, turn.from);
            network.forward(Send { flags: turn.flags, ..plain });
        }
    }
    network.finish();
    network.told.iter().map(said).collect()
}

/// What does not depend on times and packets.
fn said(exchange: &Exchange) -> String {
    if let Some(tls) = exchange.tls() {
        match exchange.outcome {
            Outcome::TlsOk => assert!(tls.done.is_some(), "{exchange:?}"),
            Outcome::TlsAlert => assert!(tls.alert.is_some(), "{exchange:?}"),
            _ => {}
        }
        let alert = tls.alert.map(|alert| (alert.by, alert.description));
        let certificate = tls.certificate.as_ref().map(|it| (&it.subject, it.not_after));
        return format!(
            "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {alert:?} {certificate:?} {:?}",
            exchange.outcome,
            exchange.by,
            tls.sni,
            tls.offered,
            tls.version,
            tls.cipher,
            tls.shape,
            tls.client_certificate_empty
        );
    }
    format!("{:?} {:?}", exchange.outcome, exchange.by)
}
