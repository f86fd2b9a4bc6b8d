//! Protocols that are not read: however they begin, they are counted and make no exchange.

mod support;

use meshsniff::Counts;
use support::talk::{Talk, open, talk};

/// A protocol, what its server says first, what its client says first. Where the server is the
/// first to speak, the client's words answer it.
const PROTOCOLS: &[(&str, &[u8], &[u8])] = &[
    (
        "MySQL",
        b"\x4a\x00\x00\x00\x0a8.0.36\0\x08\0\0\0abcdefgh\0\xff\xff\xff\x02\0\xff\xdf\x15",
        b"\xc0\0\0\x01\x85\xa6\xff\x01\0\0\0\x01\xff\0\0\0root\0",
    ),
    ("MySQL, a query of 22 bytes", b"\x01\0\0\x01\x01", b"\x16\0\0\0\x03SELECT 1 FROM visitors"),
    ("PostgreSQL", b"N", b"\0\0\0\x08\x04\xd2\x16\x2f"),
    (
        "PostgreSQL, without TLS",
        b"R\0\0\0\x08\0\0\0\0",
        b"\0\0\0\x21\0\x03\0\0user\0app\0database\0app\0\0",
    ),
    ("Redis", b"+PONG\r\n", b"*1\r\n$4\r\nPING\r\n"),
    ("Redis, inline", b"$3\r\nbar\r\n", b"GET foo\r\n"),
    ("Redis, a push of its server", b"-ERR max number of clients reached\r\n", b"PING\r\n"),
    ("memcached", b"VALUE foo 0 3\r\nbar\r\nEND\r\n", b"get foo\r\n"),
    (
        "memcached, binary",
        b"\x81\x00\0\0\0\0\0\0",
        b"\x80\x00\x00\x03\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\0\0\0\0\0foo",
    ),
    ("SMTP", b"220 mail.example ESMTP\r\n", b"EHLO shop.example\r\n"),
    ("FTP", b"220 FTP server ready.\r\n", b"USER anonymous\r\n"),
    ("POP3", b"+OK POP3 ready\r\n", b"USER shop\r\n"),
    ("IMAP", b"* OK IMAP4rev1 ready\r\n", b"a1 CAPABILITY\r\n"),
    ("SSH", b"SSH-2.0-OpenSSH_9.6\r\n", b"SSH-2.0-Go\r\n"),
    ("telnet", b"\xff\xfd\x18\xff\xfd\x20", b"\xff\xfb\x18"),
    ("VNC", b"RFB 003.008\n", b"RFB 003.008\n"),
    ("AMQP 0-9-1", b"\x01\0\0\0\0\x01\xe6\0\x0a\0\x0a\0\x09", b"AMQP\0\0\x09\x01"),
    ("AMQP 1.0", b"AMQP\x03\x01\0\0", b"AMQP\x03\x01\0\0"),
    ("MQTT", b"\x20\x02\0\0", b"\x10\x10\0\x04MQTT\x04\x02\0\x3c\0\x04shop"),
    ("Kafka", b"\0\0\0\x0a\0\0\0\x01\0\0", b"\0\0\0\x23\0\x12\0\x03\0\0\0\x01\0\x04shop"),
    (
        "MongoDB",
        b"\x50\x01\0\0\x01\0\0\0\x02\0\0\0\xdd\x07\0\0",
        b"\x41\x01\0\0\x02\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0",
    ),
    (
        "NATS",
        b"INFO {\"server_id\":\"N\",\"port\":4222}\r\n",
        b"CONNECT {\"verbose\":false}\r\nPING\r\n",
    ),
    (
        "LDAP, 32 bytes",
        b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\0\x04\0\x04\0",
        b"\x30\x20\x02\x01\x01\x60\x1b\x02\x01\x03\x04\x0ecn=shop,dc=test\x80\x06secret",
    ),
    (
        "ZooKeeper",
        b"\0\0\0\x25\0\0\0\0\0\0\x75\x30",
        b"\0\0\0\x2c\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x75\x30",
    ),
    (
        "Cassandra",
        b"\x84\0\0\0\x02\0\0\0\0",
        b"\x04\0\0\0\x01\0\0\0\x16\0\x01\0\x0bCQL_VERSION\0\x053.0.0",
    ),
    (
        "Microsoft SQL Server",
        b"\x04\x01\0\x2b\0\0\x01\0",
        b"\x12\x01\0\x2f\0\0\x01\0\0\0\x1a\0\x06",
    ),
    ("Oracle", b"\0\x08\0\0\x0b\0\0\0", b"\0\xf0\0\0\x01\0\0\0\x01\x3a\x01\x2c"),
    (
        "DNS",
        b"\0\x2d\x12\x34\x81\x80\0\x01\0\x01",
        b"\0\x1d\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03www",
    ),
    ("STOMP", b"CONNECTED\nversion:1.2\n\n\0", b"CONNECT\naccept-version:1.2\nhost:x\n\n\0"),
    (
        "RTSP",
        b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n",
        b"OPTIONS rtsp://x/ RTSP/1.0\r\nCSeq: 1\r\n\r\n",
    ),
    ("SIP", b"SIP/2.0 200 OK\r\n\r\n", b"OPTIONS sip:a@b SIP/2.0\r\n\r\n"),
    (
        "BGP",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\x13\x04",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\x1d\x01\x04",
    ),
    (
        "Linkerd's transport header",
        b"\0",
        b"proxy.l5d.io/connect\r\n\r\n\0\0\0\x0c\x08\x90\x3f\x12\x07default",
    ),
    ("a word and bytes that are no text", b"\x01", b"A \x01\x02\x03"),
];

fn is_counted(name: &str, how: &str, talk: Talk) {
    let report = talk.says();
    assert!(report.exchanges.is_empty(), "{name}, {how}: {:?}", report.brief());
    let Counts { opaque, tls, http2, limits, orphan_responses, .. } = &report.counts;
    assert_eq!((*opaque, *tls, *http2), (1, 0, 0), "{name}, {how}: opaque, tls, http2");
    assert_eq!(*orphan_responses, 0, "{name}, {how}");
    assert!(limits.iter().all(|hits| *hits == 0), "{name}, {how}: a limit was hit");
}

#[test]
fn however_they_begin() {
    let ends = |talk: Talk| talk.client().fin().server().fin().client().acks();
    for (name, server, client) in PROTOCOLS {
        let first = open().server().sends(server).then().client().sends(client).then();
        is_counted(name, "the server first", ends(first));
        let first = open().client().sends(client).then().server().sends(server).then();
        is_counted(name, "the client first", ends(first));
        let middle = talk().client().acks().sends(client).then().server().sends(server).then();
        is_counted(name, "from the middle, the client first", ends(middle));
        let middle = talk().server().acks().sends(server).then().client().sends(client).then();
        is_counted(name, "from the middle, the server first", ends(middle));
        let bytes = open().in_segments_of(1).server().sends(server).then();
        is_counted(name, "byte by byte", ends(bytes.client().sends(client).then()));
        let bytes = open().in_segments_of(1).client().sends(client).then();
        is_counted(
            name,
            "byte by byte, the client first",
            ends(bytes.server().sends(server).then()),
        );
        is_counted(name, "only the client", ends(open().client().sends(client).then()));
        is_counted(name, "a reset", open().client().sends(client).then().server().rst());
    }
}

/// What is asked inside of it is not asked of anybody.
#[test]
fn with_http_inside() {
    let get = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    let ok = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    for (name, server, client) in PROTOCOLS {
        let talk = open().server().sends(server).then().client().sends(client).then();
        let talk = talk.client().sends(get).then().server().sends(ok).then().closes();
        is_counted(name, "with HTTP inside", talk);
    }
}

/// Bytes without end that could become a request line are not kept without end.
#[test]
fn a_word_and_megabytes_that_are_no_line() {
    let bytes = [b"A ".as_slice(), &[0x80, 0xff, 1, 2, 3].repeat(100_000)].concat();
    is_counted("binary", "a word first", open().client().sends(bytes).then());
}

/// In an ambient mesh everything goes through mutual TLS to port 15008.
#[test]
fn hbone() {
    let hello = b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00";
    let to = |server| {
        let talk = support::talk::between("10.0.0.1:40000", server).connects();
        talk.client().sends(hello).then().client().rst().says().counts
    };
    let counts = to("10.0.0.2:15008");
    assert_eq!((counts.tls, counts.hbone), (1, 1));
    let counts = to("10.0.0.2:8443");
    assert_eq!((counts.tls, counts.hbone), (1, 0));
}
