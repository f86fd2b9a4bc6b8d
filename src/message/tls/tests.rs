use super::*;

/// A record.
fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    let mut record = vec![kind, 3, 3];
    record.extend((content.len() as u16).to_be_bytes());
    record.extend(content);
    record
}

/// A handshake message.
fn message(kind: u8, content: &[u8]) -> Vec<u8> {
    let mut message = vec![kind, 0];
    message.extend((content.len() as u16).to_be_bytes());
    message.extend(content);
    message
}

fn client_hello() -> Vec<u8> {
    let mut hello = vec![3, 3];
    hello.extend([7; 32]);
    hello.extend([0, 0, 4, 0x13, 1, 0x13, 2, 1, 0]);
    let mut extensions = Vec::new();
    // An extension that is broken must not hide those behind it.
    extensions.extend([0, 13, 0, 1, 9]);
    extensions.extend([0, 0, 0, 9, 0, 7, 0, 0, 4]);
    extensions.extend(b"shop");
    extensions.extend([0, 16, 0, 14, 0, 12, 2]);
    extensions.extend(b"h2");
    extensions.push(8);
    extensions.extend(b"http/1.1");
    extensions.extend([0, 43, 0, 7, 6, 0x8a, 0x8a, 3, 4, 3, 3]);
    hello.extend((extensions.len() as u16).to_be_bytes());
    hello.extend(extensions);
    message(1, &hello)
}

fn server_hello(version: [u8; 2], cipher: [u8; 2]) -> Vec<u8> {
    let mut hello = vec![3, 3];
    hello.extend([7; 32]);
    hello.push(0);
    hello.extend(cipher);
    hello.extend([0, 0, 6, 0, 43, 0, 2]);
    hello.extend(version);
    message(2, &hello)
}

/// What is heard of a stream in these pieces, one line a message.
fn heard(tls: &mut Tls, direction: Direction, pieces: &[&[u8]]) -> Vec<String> {
    let mut lines = Vec::new();
    for piece in pieces {
        tls.data(direction, piece, 64 << 10, &mut |heard| lines.push(format!("{heard:?}")));
    }
    lines
}

/// Hears the stream whole, cut at every place, and byte by byte: always the same.
#[track_caller]
fn always(direction: Direction, stream: &[u8], expected: &[&str]) {
    let hear = |pieces: &[&[u8]]| heard(&mut Tls::default(), direction, pieces);
    assert_eq!(hear(&[stream]), expected, "whole");
    for at in 1..stream.len() {
        let (a, b) = stream.split_at(at);
        assert_eq!(hear(&[a, b]), expected, "cut at {at}");
    }
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(hear(&bytes), expected, "byte by byte");
}

const HELLO: &str = "ClientHello(Some(ClientHello { sni: Some(\"shop\"), offered: [\"h2\", \
                     \"http/1.1\"], highest: 772, early_data: false }))";

#[test]
fn a_client_hello_over_any_segments_and_records() {
    let hello = client_hello();
    always(Direction::ToServer, &record(22, &hello), &[HELLO]);
    let pieces: Vec<u8> = hello.chunks(10).flat_map(|piece| record(22, piece)).collect();
    always(Direction::ToServer, &pieces, &[HELLO]);
}

#[test]
fn the_row_of_a_tls13_server() {
    let stream = [
        record(22, &server_hello([3, 4], [0x13, 2])),
        record(20, &[1]),
        record(23, &[0; 23]),
        record(23, &[0; 69]),
    ];
    always(
        Direction::ToClient,
        &stream.concat(),
        &[
            "ServerHello(Some(ServerHello { version: 772, cipher: 4866, alpn: None, retry: false }))",
            "Sealed { kind: 23, len: 23 }",
            "Sealed { kind: 23, len: 69 }",
        ],
    );
}

#[test]
fn what_follows_the_change_is_sealed_up_to_tls12_only() {
    let finished = [record(20, &[1]), record(22, &[9; 40])].concat();
    for (version, expected) in [([3, 3], "Sealed { kind: 22, len: 40 }"), ([3, 4], "Message")] {
        let mut tls = Tls::default();
        let hello = record(22, &server_hello(version, [0xc0, 0x30]));
        heard(&mut tls, Direction::ToClient, &[&hello]);
        let retry = [record(20, &[1]), record(22, &[9, 0, 0, 1, 9])].concat();
        let stream = if version == [3, 3] { &finished } else { &retry };
        assert_eq!(heard(&mut tls, Direction::ToServer, &[stream]), [expected]);
    }
}

#[test]
fn alerts_in_plaintext_and_sealed() {
    let stream = [record(21, &[2, 48]), record(21, &[1, 0]), record(21, &[0; 26])].concat();
    always(
        Direction::ToServer,
        &stream,
        &[
            "Alert { warning: false, description: 48 }",
            "Alert { warning: true, description: 0 }",
            "Sealed { kind: 21, len: 26 }",
        ],
    );
}

#[test]
fn a_gap_inside_a_sealed_record_loses_nothing() {
    let mut tls = Tls::default();
    let stream = [record(23, &[0; 100]), record(23, &[0; 7])].concat();
    let mut lines = Vec::new();
    let mut hear = |heard| lines.push(format!("{heard:?}"));
    tls.data(Direction::ToClient, &stream[..20], 1000, &mut hear);
    tls.gap(Direction::ToClient, 50, &mut hear);
    tls.data(Direction::ToClient, &stream[70..], 1000, &mut hear);
    assert_eq!(lines, ["Sealed { kind: 23, len: 100 }", "Sealed { kind: 23, len: 7 }"]);
}

#[test]
fn after_a_loss_a_row_of_records_is_found_again() {
    let mut tls = Tls::default();
    let mut lines = Vec::new();
    let mut hear = |heard| lines.push(format!("{heard:?}"));
    tls.gap(Direction::ToClient, 500, &mut hear);
    tls.data(Direction::ToClient, b"from the middle of a record", 1000, &mut hear);
    tls.data(Direction::ToClient, &record(23, &[0; 30]), 1000, &mut hear);
    assert_eq!(lines, ["Lost", "Sealed { kind: 23, len: 30 }"]);
}

#[test]
fn a_server_that_speaks_plaintext() {
    for answer in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], b"<!DOCTYPE HTML>\n<html>"] {
        let mut tls = Tls::default();
        assert_eq!(heard(&mut tls, Direction::ToClient, &[answer]), ["Plaintext"]);
    }
    assert_eq!(heard(&mut Tls::default(), Direction::ToClient, &[b"HTTPS"]), ["Lost"]);
}

#[test]
fn a_message_longer_than_the_room_is_passed_over() {
    let mut tls = Tls::default();
    let long = record(22, &client_hello());
    let mut lines = Vec::new();
    let short =
        tls.data(Direction::ToServer, &long, 20, &mut |heard| lines.push(format!("{heard:?}")));
    assert!(short);
    assert_eq!(lines, ["ClientHello(None)"]);
    assert_eq!(tls.kept(), 0);
}
