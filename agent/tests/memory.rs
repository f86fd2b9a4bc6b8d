//! What the agent takes at most, with every bound hit at once: more connections than are followed,
//! and a reader that takes nothing.

mod support;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::pod::{Brought, Pod, Serve, possible};

/// Beyond libpcap's ring, which is the kernel's.
const MOST: u64 = 64 << 20;
const QUEUE: u64 = 32 << 20;

/// More than are followed (24,576), though ports are used again: from each address fewer than it has.
const CONNECTIONS: usize = 8_000;
const ADDRESSES: usize = 8;

/// Requests that are written at once, and how often before one looks whether the queue is full.
const AT_ONCE: usize = 16;
const TIMES: usize = 2_000;

const REQUEST: &[u8] = b"GET /items HTTP/1.1\r\nHost: shop.example\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";

/// The latest counters.
fn counters(brought: &Brought) -> Value {
    // The first from the end has not come whole.
    let mut lines = brought.bytes.rsplit(|byte| *byte == b'\n').skip(1);
    let last = lines.find(|line| line.starts_with(br#"{"counts""#));
    last.map_or(Value::Null, |line| serde_json::from_slice(line).unwrap())
}

/// Memory of a process that no file stands behind, and not the kernel's ring.
fn anonymous(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

/// Connections with the beginning of a request on each.
fn open() {
    let head = [REQUEST.strip_suffix(b"\r\n").unwrap(), b"X-Long: ", &[b'x'; 400]].concat();
    for address in 1..=ADDRESSES {
        let listener = TcpListener::bind(format!("127.0.0.{address}:8080")).unwrap();
        for _ in 0..CONNECTIONS {
            let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            client.write_all(&head).unwrap();
            drop(listener.accept().unwrap());
        }
    }
}

/// One connection on which much is asked and answered.
fn ask() {
    let listener = TcpListener::bind("127.0.0.1:9090").unwrap();
    let mut client = TcpStream::connect("127.0.0.1:9090").unwrap();
    let mut server = listener.accept().unwrap().0;
    let (requests, responses) = (REQUEST.repeat(AT_ONCE), RESPONSE.repeat(AT_ONCE));
    let (mut asked, mut answered) = (requests.clone(), responses.clone());
    for _ in 0..TIMES {
        client.write_all(&requests).unwrap();
        server.read_exact(&mut asked).unwrap();
        server.write_all(&responses).unwrap();
        client.read_exact(&mut answered).unwrap();
    }
}

#[test]
fn it_is_bounded_with_every_bound_hit() {
    if !possible() {
        return;
    }
    let pod = Pod::new();
    let open_for_ever = ["-f", "tcp[tcpflags] & (tcp-fin|tcp-rst) == 0"];
    let args = ["--send", "exchanges", "--buffer", "64", "--patience", "300s"];
    let serve = Serve::start(&[pod.target("shop/a")], &[&args[..], &open_for_ever].concat());
    // They read, and never say that they received: the queue keeps everything.
    let look = || counters(&serve.relay(0).until(|so_far| !counters(so_far).is_null()));
    let given_up = Instant::now() + Duration::from_secs(280);
    // However much the kernel loses on a slow machine.
    while look()["counts"]["limits"][0].as_u64() == Some(0) {
        assert!(Instant::now() < given_up, "all connections are followed: {}", look());
        pod.inside(open);
    }
    while look()["lost"].as_u64() == Some(0) {
        assert!(Instant::now() < given_up, "the queue does not fill: {}", look());
        pod.inside(ask);
    }
    let took = anonymous(serve.child.id());
    assert!(took > QUEUE, "{took} bytes: the queue is not full");
    assert!(took <= MOST, "{took} bytes");
}
