//! The same streams, cut into packets in other places: what is said does not change.

mod support;

use support::talk::{frame, open};
use support::{Essence, Frame, analyse, assert_same, load};

/// A data packet, taken apart: addresses, numbers, flags and where its payload begins.
struct Data {
    payload_at: usize,
    seq_at: usize,
    flags_at: usize,
    len: usize,
}

/// Reads an Ethernet frame with TCP over IPv4 or IPv6; `None` if it carries no data.
fn data(frame: &Frame) -> Option<Data> {
    let b = &frame.bytes;
    let (tcp, end) = match (b[12], b[13]) {
        (0x08, 0x00) => {
            let total = usize::from(u16::from_be_bytes([b[16], b[17]]));
            (14 + usize::from(b[14] & 15) * 4, 14 + total)
        }
        (0x86, 0xdd) => (54, 54 + usize::from(u16::from_be_bytes([b[18], b[19]]))),
        _ => return None,
    };
    let payload_at = tcp + usize::from(b[tcp + 12] >> 4) * 4;
    let len = end.checked_sub(payload_at)?;
    (len > 0).then_some(Data { payload_at, seq_at: tcp + 4, flags_at: tcp + 13, len })
}

/// The part of a data packet's payload from `from` to `to`; FIN and PSH stay with the last byte.
fn part(whole: &Frame, data: &Data, from: usize, to: usize) -> Frame {
    let mut bytes = whole.bytes[..data.payload_at].to_vec();
    bytes.extend(&whole.bytes[data.payload_at + from..data.payload_at + to]);
    let (at, cut) = (data.seq_at, (data.len - (to - from)) as u16);
    let seq = u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    bytes[at..at + 4].copy_from_slice(&seq.wrapping_add(from as u32).to_be_bytes());
    if to < data.len {
        bytes[data.flags_at] &= !(1 | 8);
    }
    let length = if bytes[12] == 0x08 { 16 } else { 18 };
    let told = u16::from_be_bytes([bytes[length], bytes[length + 1]]) - cut;
    bytes[length..length + 2].copy_from_slice(&told.to_be_bytes());
    Frame { original_len: whole.original_len - u32::from(cut), bytes, ..whole.clone() }
}

/// Every data packet in pieces: the first of `first` bytes, then of `step`.
fn cut(frames: &[Frame], first: usize, step: usize) -> Vec<Frame> {
    let mut out = Vec::new();
    for frame in frames {
        let Some(data) = data(frame) else {
            out.push(frame.clone());
            continue;
        };
        let (mut from, mut to) = (0, first.min(data.len));
        while from < data.len {
            out.push(part(frame, &data, from, to));
            (from, to) = (to, (to + step).min(data.len));
        }
    }
    out
}

fn essence(frames: &[Frame]) -> Essence {
    analyse(frames).essence()
}

fn small() -> Vec<(&'static str, Vec<Frame>)> {
    let name = |name: &'static str| (name, load(format!("captures/http1/{name}")));
    vec![
        name("client-closed-first.pcapng"),
        name("client-reset.pcapng"),
        name("proxy-answered.pcapng"),
        name("slow-response.pcapng"),
        name("server-error.pcapng"),
    ]
}

#[test]
fn two_pieces_at_every_byte() {
    for (name, frames) in small() {
        let whole = essence(&frames);
        let longest = frames.iter().filter_map(data).map(|data| data.len).max().unwrap();
        for first in 1..longest {
            assert_same(
                &essence(&cut(&frames, first, usize::MAX / 2)),
                &whole,
                &format!("{name} at {first}"),
            );
        }
    }
}

#[test]
fn one_byte_a_packet() {
    for (name, frames) in small() {
        assert_same(&essence(&cut(&frames, 1, 1)), &essence(&frames), name);
    }
}

#[test]
fn pieces_of_every_size() {
    let frames = load("captures/http1/not-aborts.pcap");
    let whole = essence(&frames);
    for size in [1, 2, 3, 5, 7, 11, 64, 255, 1448] {
        assert_same(&essence(&cut(&frames, size, size)), &whole, &format!("{size}"));
    }
}

#[test]
fn pieces_that_overlap() {
    for (name, frames) in small() {
        let mut overlapping = Vec::new();
        for frame in &frames {
            match data(frame) {
                Some(data) if data.len > 20 => {
                    overlapping.push(part(frame, &data, 0, 12));
                    overlapping.push(part(frame, &data, 5, 15));
                    overlapping.push(part(frame, &data, 0, 7));
                    overlapping.push(part(frame, &data, 10, data.len));
                }
                _ => overlapping.push(frame.clone()),
            }
        }
        assert_same(&essence(&overlapping), &essence(&frames), name);
    }
}

#[test]
fn every_framing_at_every_byte() {
    let requests = "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nt: 1\r\n\r\n\
                    GET /b HTTP/1.1\nhost: h\n\n\r\nPOST /c HTTP/1.1\r\ncontent-length: 4\r\n\r\nbody";
    let responses = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc\
                     HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\na;b\r\n0123456789\r\n0\r\n\r\n\
                     HTTP/1.1 200 OK\r\nx: 1\r\n 2\r\n\r\nuntil close";
    let whole = |requests: &[&str], responses: &[&str]| {
        let mut talk = open().client();
        for piece in requests {
            talk = talk.sends(piece);
        }
        talk = talk.then().server();
        for piece in responses {
            talk = talk.sends(piece);
        }
        talk.fin().client().acks().fin().then().brief()
    };
    let expected =
        ["POST /a 200 complete 3+3", "GET /b 200 complete 0+10", "POST /c 200 complete 4+11"];
    assert_eq!(whole(&[requests], &[responses]), expected);
    for at in 1..requests.len() {
        let (one, two) = requests.split_at(at);
        assert_eq!(whole(&[one, two], &[responses]), expected, "request cut at {at}: {two:?}");
    }
    for at in 1..responses.len() {
        let (one, two) = responses.split_at(at);
        assert_eq!(whole(&[requests], &[one, two]), expected, "response cut at {at}: {two:?}");
    }
}

#[test]
fn cutting_keeps_the_bytes() {
    let at = |text: &str| text.parse().unwrap();
    let bytes = frame(at("1.2.3.4:5"), at("6.7.8.9:10"), 24, 100, 0, b"hello");
    let whole = Frame {
        time: 0,
        interface: 0,
        link: meshsniff::capture::LinkType::Ethernet,
        original_len: bytes.len() as u32,
        bytes,
    };
    let pieces = cut(std::slice::from_ref(&whole), 2, 2);
    let expected: Vec<_> = [(100, 16, "he"), (102, 16, "ll"), (104, 24, "o")]
        .map(|(seq, flags, text)| {
            frame(at("1.2.3.4:5"), at("6.7.8.9:10"), flags, seq, 0, text.as_bytes())
        })
        .into();
    assert_eq!(pieces.into_iter().map(|piece| piece.bytes).collect::<Vec<_>>(), expected);
}
