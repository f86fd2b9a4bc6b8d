//! What `serve --send exchanges` tells, beside what was said in the pod.

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use meshsniff::capture::{Item, Reader};
use meshsniff::pairing::{Exchange, Repeats, Short};
use meshsniff::{Analysis, Event, Settings};
use serde_json::Value;
use support::pod::{Pod, Serve, possible};
use support::talk;

/// A bit of everything that HTTP does to a server.
fn traffic() {
    talk(
        b"GET /items HTTP/1.1\r\nHost: shop\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    );
    talk(
        b"POST /buy HTTP/1.1\r\nHost: shop\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n",
    );
    talk(
        b"GET /cut HTTP/1.1\r\nHost: shop\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
    );
    let _ = std::net::TcpStream::connect("127.0.0.1:9");
}

/// What does not depend on when the two captures stamped the packets.
fn brief(exchange: &Exchange) -> String {
    let Exchange { connection, protocol, client, server, request, response, outcome, by, .. } =
        exchange;
    let response = response.as_ref().map(|r| (r.status, r.first.number, r.last.number, r.body));
    let request = (&request.method, &request.path, request.body, request.last.map(|m| m.number));
    let close = exchange.close.map(|mark| mark.number);
    let findings = exchange.findings;
    format!(
        "{connection} {protocol:?} {client} {server} {request:?} {response:?} {outcome:?} {by:?} {close:?} {findings:?}"
    )
}

/// The exchanges that lines are of, in whichever form.
fn exchanges(lines: &[Value]) -> Vec<Exchange> {
    let mut repeats = Repeats::default();
    let of = |value: &Value| value.clone();
    let mut exchange = |line: &Value| {
        let short = if let Some(plain) = line.get("plain") {
            Short::Plain(serde_json::from_value(of(plain)).unwrap())
        } else if let Some(again) = line.get("again") {
            Short::Again(serde_json::from_value(of(again)).unwrap())
        } else {
            return line.get("exchange").map(|it| serde_json::from_value(of(it)).unwrap());
        };
        Some(repeats.restore(short, 0).expect("the one before came").clone())
    };
    lines.iter().filter_map(&mut exchange).collect()
}

#[test]
fn exchanges_are_those_of_the_packets() {
    if !possible() {
        return;
    }
    let pod = Pod::new();
    let serves = ["exchanges", "packets"]
        .map(|send| Serve::start(&[pod.target("shop/a")], &["--send", send]));
    let relays = serves.each_ref().map(|serve| serve.relay(0));
    pod.inside(traffic);
    thread::sleep(Duration::from_millis(200));
    let [lines, packets] = relays.map(|mut relay| {
        relay.say("stop");
        relay.end().1
    });
    let sent: Vec<String> = exchanges(&lines.lines()).iter().map(brief).collect();
    let mut analysis = Analysis::new(Settings::default());
    let mut reader = Reader::new(&packets.bytes[..]);
    while let Some(item) = reader.next().unwrap() {
        if let Item::Packet(packet, _) = item {
            analysis.push(&packet);
        }
    }
    analysis.finish();
    let mut found = Vec::new();
    while let Some(event) = analysis.poll() {
        if let Event::Exchange(exchange) = event {
            found.push(brief(&exchange));
        }
    }
    assert_eq!(sent.len(), 4);
    assert_eq!(sent, found);
}

/// Bytes of the answer to request number `n`: often as before.
fn length(n: usize) -> usize {
    n / 500
}

/// Request number `n` and its answer, on a connection whose two ends these are.
fn ask(client: &mut TcpStream, server: &mut BufReader<TcpStream>, n: usize) {
    let request = format!("GET /{n} HTTP/1.1\r\nHost: shop\r\n\r\n");
    client.write_all(request.as_bytes()).unwrap();
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        server.read_line(&mut line).unwrap();
    }
    let body = "x".repeat(length(n));
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    server.get_mut().write_all(answer.as_bytes()).unwrap();
    client.read_exact(&mut vec![0; answer.len()]).unwrap();
}

#[test]
fn what_comes_after_a_full_queue_is_understood() {
    const FIRST: usize = 20_100;
    const ALL: usize = FIRST + 200;
    if !possible() {
        return;
    }
    let pod = Pod::new();
    let serve = Serve::start(&[pod.target("shop/a")], &["--send", "exchanges", "--queue", "1"]);
    let mut relay = serve.relay(0);
    let (mut client, mut server) = pod.inside(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, BufReader::new(listener.accept().unwrap().0))
    });
    for n in 0..FIRST {
        ask(&mut client, &mut server, n);
    }
    let lost = |lines: &[Value]| lines.iter().rev().find_map(|line| line["lost"].as_u64());
    let lines = relay.until(|all| lost(&all.lines()) > Some(0)).lines();
    relay.say(&exchanges(&lines).len().to_string());
    thread::sleep(Duration::from_millis(300));
    for n in FIRST..ALL {
        ask(&mut client, &mut server, n);
    }
    thread::sleep(Duration::from_millis(300));
    relay.say("stop");
    let lines = relay.end().1.lines();
    let exchanges = exchanges(&lines);
    assert_eq!(exchanges.len() as u64 + lost(&lines).unwrap(), ALL as u64);
    assert_eq!(exchanges.last().unwrap().request.path.as_deref(), Some(&*format!("/{}", ALL - 1)));
    for exchange in exchanges {
        let n: usize = exchange.request.path.unwrap()[1..].parse().unwrap();
        assert_eq!(exchange.response.unwrap().body, length(n) as u64);
    }
}
