use std::time::Duration;

use meshsniff::capture::{LinkType, Mark, Packet, Timestamp};
use meshsniff::pairing::Exchange;
use meshsniff::{Analysis, Limits, Settings};

use super::cursor::Cursor;
use super::laws::Pushed;

pub(super) const FIN: u8 = 0x01;
pub(super) const SYN: u8 = 0x02;
pub(super) const RST: u8 = 0x04;
pub(super) const PSH: u8 = 0x08;
pub(super) const ACK: u8 = 0x10;

/// Operations after which the rest of the input is not looked at.
const OPERATIONS: usize = 2000;

/// Pieces of what is spoken, so that the fuzzer need not find them letter by letter.
const HTTP1: &[&[u8]] = &[
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"HEAD /h HTTP/1.1\r\nHost: a\r\nx-request-id: 7\r\n\r\n",
    b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
    b"POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"PUT /e HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n",
    b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n",
    b"GET /old HTTP/1.0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"HTTP/1.1 504 Gateway Timeout\r\nserver: envoy\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.0 500 \r\nConnection: close\r\n\r\n",
    b"hello",
    b"5\r\nhello\r\n",
    b"0\r\n\r\n",
    b"a;x=\"y\"\r\n0123456789\r\n0\r\nTrailer: z\r\n\r\n",
    b"\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
];

/// Frames of HTTP/2; the header blocks have indexed fields, literals and entries for the table.
const HTTP2: &[&[u8]] = &[
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
    b"\0\0\x06\x04\0\0\0\0\0\0\x04\0\0\0\x08",
    b"\0\0\0\x04\x01\0\0\0\0",
    b"\0\0\x03\x01\x05\0\0\0\x01\x82\x86\x84",
    b"\0\0\x06\x01\x05\0\0\0\x03\x82\x86\x44\x02/a",
    b"\0\0\x04\x01\x05\0\0\0\x05\x83\x86\xbe\xbf",
    b"\0\0\x02\x01\0\0\0\0\x07\x83\x86",
    b"\0\0\x01\x09\x04\0\0\0\x07\x84",
    b"\0\0\x1a\x01\x04\0\0\0\x09\x83\x84\x0f\x10\x10application/grpc\x82\x86\x84\x87\x83",
    b"\0\0\x01\x01\x04\0\0\0\x01\x88",
    b"\0\0\x01\x01\x05\0\0\0\x03\x88",
    b"\0\0\x01\x01\x04\0\0\0\x05\x8d",
    b"\0\0\x10\x01\x05\0\0\0\x09\0\x0bgrpc-status\x0214",
    b"\0\0\x05\0\x01\0\0\0\x01hello",
    b"\0\0\x08\0\0\0\0\0\x09\0\0\0\0\x03abc",
    b"\0\0\x03\0\x08\0\0\0\x05\x01x\0",
    b"\0\x40\0\0\0\0\0\0\x03",
    b"\0\0\x04\x03\0\0\0\0\x01\0\0\0\x08",
    b"\0\0\x04\x03\0\0\0\0\x05\0\0\0\x07",
    b"\0\0\x0f\x07\0\0\0\0\0\0\0\0\x03\0\0\0\0max_age",
    b"\0\0\x04\x08\0\0\0\0\0\x7f\xff\xff\xff",
    b"\0\0\x04\x08\0\0\0\0\x01\0\0\0\x08",
    b"\0\0\x08\x06\0\0\0\0\x0012345678",
    b"\0\0\x05\x05\x04\0\0\0\x01\0\0\0\x02\x82",
    b"GET / HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
];

/// The input as a list of operations on a few connections: whatever the peers do and whatever of
/// it was captured, the laws hold.
pub fn http1(input: &[u8]) {
    operations(input, HTTP1);
}

/// The same with HTTP/2.
pub fn http2(input: &[u8]) {
    operations(input, HTTP2);
}

fn operations(input: &[u8], words: &'static [&'static [u8]]) {
    let mut cursor = Cursor::new(input);
    let mut network = Network::new(settings(cursor.u8()), words);
    for _ in 0..OPERATIONS {
        if cursor.is_empty() {
            break;
        }
        network.operate(&mut cursor);
    }
    network.finish();
}

/// What is usual.
pub(super) fn usual() -> Settings {
    Settings::default()
}

/// Live or not, and limits that are as usual or so tight that they are hit.
fn settings(choice: u8) -> Settings {
    let usual = Limits::default();
    let tight = Limits {
        connections: 2,
        buffered: 256,
        out_of_order: 64,
        head: 48,
        pipelined: 2,
        streams: 2,
        answer: Duration::from_secs(2),
        idle: Duration::from_secs(10),
    };
    let limits = match choice >> 1 & 3 {
        0 | 1 => usual,
        2 => tight,
        _ => Limits { connections: 3, ..usual },
    };
    Settings { limits, live: choice & 1 != 0, ..Settings::default() }
}

/// Where the two ends of a connection are: the next byte that each sends.
#[derive(Clone, Copy, Default)]
struct Ends {
    next: [u32; 2],
    /// The last segment of each, to be sent again.
    last: [(u32, u8, usize, usize); 2],
}

pub(super) struct Network {
    words: &'static [&'static [u8]],
    analysis: Analysis,
    pushed: Pushed,
    connections: [Ends; 4],
    now: i64,
    frame: Vec<u8>,
    /// Every payload sent, for retransmissions.
    sent: Vec<u8>,
    /// Every exchange that was told.
    pub(super) told: Vec<Exchange>,
}

/// One segment as the operations describe it.
pub(super) struct Send<'a> {
    pub(super) connection: usize,
    pub(super) from: usize,
    pub(super) seq: u32,
    pub(super) ack: u32,
    pub(super) flags: u8,
    pub(super) payload: &'a [u8],
    /// Bytes that the snap length cuts off the frame's end.
    pub(super) cut: usize,
}

impl Network {
    pub(super) fn new(settings: Settings, words: &'static [&'static [u8]]) -> Self {
        let mut connections = [Ends::default(); 4];
        // One begins shortly before the wrap.
        connections[1].next = [u32::MAX - 40, u32::MAX - 100];
        Self {
            words,
            analysis: Analysis::new(settings),
            pushed: Pushed::default(),
            connections,
            now: 1_700_000_000_000_000_000,
            frame: Vec::new(),
            sent: Vec::new(),
            told: Vec::new(),
        }
    }

    fn operate(&mut self, cursor: &mut Cursor<'_>) {
        let byte = cursor.u8();
        let (connection, from) = (usize::from(byte & 3), usize::from(byte >> 2 & 1));
        let ends = self.connections[connection];
        let plain = self.plain(connection, from);
        let Send { seq, ack, .. } = plain;
        match byte >> 3 & 15 {
            // What peers do.
            0..=3 => {
                let word = cursor.one(self.words);
                self.forward(Send { payload: word, ..plain });
            }
            4 => {
                let payload = cursor.word();
                self.forward(Send { payload, ..plain });
            }
            5 => self.forward(Send { flags: ACK, ..plain }),
            6 => self.forward(Send { flags: ACK | FIN, ..plain }),
            7 => self.forward(Send { flags: RST | (cursor.u8() & ACK), ..plain }),
            8 => {
                let flags = if from == 0 { SYN } else { SYN | ACK };
                self.forward(Send { flags, ..plain });
            }
            // What captures do: bytes not captured, captured twice, late, cut.
            9 => {
                let lost = u32::from(cursor.u8()) + 1;
                self.connections[connection].next[from] = seq.wrapping_add(lost);
            }
            10 => {
                let (seq, flags, start, len) = ends.last[from];
                let payload = self.sent[start..start + len].to_vec();
                self.push(&Send { seq, flags, payload: &payload, ..plain });
            }
            11 => {
                let cut = usize::from(cursor.u8());
                let payload = cursor.one(self.words);
                self.forward(Send { payload, cut, ..plain });
            }
            12 => {
                // A part of a word before or behind its place; the place does not move.
                let seq = seq.wrapping_add_signed(i32::from(cursor.u16() as i16) / 64);
                let payload = cursor.one(self.words);
                let payload = &payload[usize::from(cursor.u8()) % payload.len()..];
                self.push(&Send { seq, payload, ..plain });
            }
            13 => {
                let seq = seq.wrapping_add(cursor.u32());
                let ack = ack.wrapping_add(cursor.u32());
                let flags = cursor.u8();
                let payload = cursor.word();
                self.push(&Send { seq, ack, flags, payload, ..plain });
            }
            14 => self.now += i64::try_from(cursor.span().as_nanos()).unwrap_or(0),
            _ => {
                let now = Timestamp::from_nanos(self.now).after(cursor.span());
                self.pushed.advance(now);
                self.analysis.advance(now);
                self.pushed.judge(&mut self.analysis, |it| self.told.push(it.clone()));
            }
        }
    }

    /// The next segment of a side, without payload.
    pub(super) fn plain(&self, connection: usize, from: usize) -> Send<'static> {
        let ends = self.connections[connection];
        let (seq, ack) = (ends.next[from], ends.next[1 - from]);
        Send { connection, from, seq, ack, flags: ACK | PSH, payload: &[], cut: 0 }
    }

    /// Sends, and moves the sender's place on.
    pub(super) fn forward(&mut self, send: Send<'_>) {
        let start = self.sent.len();
        self.sent.extend_from_slice(send.payload);
        let ends = &mut self.connections[send.connection];
        ends.last[send.from] = (send.seq, send.flags, start, send.payload.len());
        let counted = u32::from(send.flags & (SYN | FIN) != 0);
        ends.next[send.from] = send.seq.wrapping_add(send.payload.len() as u32 + counted);
        self.push(&send);
    }

    fn push(&mut self, send: &Send<'_>) {
        self.now += 1000;
        let link = self.write(send);
        let original_len = self.frame.len() as u32;
        // The headers stay: a cut in them is for `decode`.
        let kept = self.frame.len() - send.cut.min(send.payload.len());
        let number = self.pushed.number() + 1;
        let mark = Mark { number, time: Timestamp::from_nanos(self.now) };
        self.pushed.packet(mark, original_len, kept);
        let bytes = &self.frame[..kept];
        self.analysis.push(&Packet { mark, interface: 0, link, original_len, bytes });
        self.pushed.judge(&mut self.analysis, |it| self.told.push(it.clone()));
    }

    /// The frame: IPv4 in Ethernet, or, for the last connection, raw IPv6.
    fn write(&mut self, send: &Send<'_>) -> LinkType {
        let (client, server) = (40_000 + send.connection as u16, 8080_u16);
        let ports = if send.from == 0 { [client, server] } else { [server, client] };
        let hosts = if send.from == 0 { [1, 2] } else { [2, 1] };
        let len = 20 + send.payload.len();
        let frame = &mut self.frame;
        frame.clear();
        let link = if send.connection == 3 {
            frame.extend_from_slice(&[0x60, 0, 0, 0]);
            frame.extend_from_slice(&(len as u16).to_be_bytes());
            frame.extend_from_slice(&[6, 64]);
            for host in hosts {
                frame.extend_from_slice(&[0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host]);
            }
            LinkType::Raw
        } else {
            frame.extend_from_slice(&[0; 12]);
            frame.extend_from_slice(&[8, 0, 0x45, 0]);
            frame.extend_from_slice(&(20 + len as u16).to_be_bytes());
            frame.extend_from_slice(&[0, 0, 0x40, 0, 64, 6, 0, 0]);
            for host in hosts {
                frame.extend_from_slice(&[10, 0, 0, host]);
            }
            LinkType::Ethernet
        };
        for port in ports {
            frame.extend_from_slice(&port.to_be_bytes());
        }
        frame.extend_from_slice(&send.seq.to_be_bytes());
        frame.extend_from_slice(&send.ack.to_be_bytes());
        frame.extend_from_slice(&[0x50, send.flags, 0xff, 0xff, 0, 0, 0, 0]);
        frame.extend_from_slice(send.payload);
        link
    }

    pub(super) fn finish(&mut self) {
        self.analysis.finish();
        self.pushed.judge(&mut self.analysis, |it| self.told.push(it.clone()));
        assert!(self.analysis.poll().is_none());
    }
}
