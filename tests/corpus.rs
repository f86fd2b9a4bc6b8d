//! Captures made by others, compared with what Zeek and TShark say of them.
//!
//! Every difference is named here, with its reason; one that goes away fails, too.

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use meshsniff::message::{alert_name, cipher_name, version_name};
use meshsniff::pairing::{Exchange, Outcome, Protocol};
use support::{Report, analyse, load, read, walk};

/// A log of Zeek: its rows, each with its columns by name.
fn log(path: impl AsRef<Path>) -> Vec<BTreeMap<String, String>> {
    let text = read(path);
    let mut names: Vec<String> = Vec::new();
    let mut rows = Vec::new();
    for line in text.lines() {
        if let Some(fields) = line.strip_prefix("#fields\t") {
            names = fields.split('\t').map(str::to_owned).collect();
        } else if line.starts_with('#') {
            continue;
        } else if names.is_empty() {
            names = line.split('\t').map(str::to_owned).collect();
        } else {
            rows.push(names.iter().cloned().zip(line.split('\t').map(str::to_owned)).collect());
        }
    }
    rows
}

/// Test of Zeek, capture it reads, its logs.
fn map() -> Vec<(String, String, Vec<String>)> {
    let text = read("tests/corpus/zeek/MAP.tsv");
    let rows = text.lines().skip(1).map(|line| line.split('\t').collect::<Vec<_>>());
    rows.map(|row| (row[0].into(), row[1].into(), row[2].split(' ').map(str::to_owned).collect()))
        .collect()
}

fn report(capture: &str) -> Report {
    analyse(&load(format!("tests/corpus/zeek/{capture}")))
}

/// `GET /a 200`; `-` is not known.
fn line(exchange: &Exchange) -> String {
    let or = |text: &Option<Box<str>>| text.as_deref().unwrap_or("-").to_owned();
    let status = exchange.response.as_ref().map_or("-".into(), |r| r.status.to_string());
    let (method, path) =
        (exchange.request.method.as_deref().unwrap_or("-").to_owned(), or(&exchange.request.path));
    format!("{method} {path} {status}")
}

/// What Zeek says and we do not, or otherwise: test, Zeek's line, ours, why.
const HTTP: &[(&str, Option<&str>, Option<&str>, &str)] = &[
    (
        "scripts.base.protocols.http.http-11-request-then-cruft",
        None,
        Some("- - 400"),
        "what follows the first request is no HTTP, and is answered: Zeek stops at it",
    ),
    (
        "scripts.base.protocols.websocket.wstunnel-http",
        Some("- /v1/events 301"),
        Some("- /v1/events 101"),
        "the 301 answers a request inside the WebSocket; the handshake's own status is 101",
    ),
    (
        "scripts.base.protocols.websocket.wstunnel-http",
        Some("- / -"),
        None,
        "a request inside a WebSocket: what follows an Upgrade is not read",
    ),
    (
        "scripts.base.protocols.http.http-desynched",
        Some("- - 200"),
        None,
        "a response without a request, on an open connection: counted in orphan_responses",
    ),
    ("scripts.base.protocols.http.http-desynched", Some("- - 200"), None, "the second one"),
    (
        "scripts.base.protocols.http.http-methods",
        Some("OPTIONS (empty) 400"),
        Some("- - 400"),
        "`OPTIONS HTTP/1.1`: a request line without a target is no request",
    ),
];

/// Connections whose request line is not HTTP/1 (`GET / HTTP/1.`, `GET/ HTTP/1.1`), which Zeek
/// reads all the same: we count them as opaque.
const NOT_HTTP1: &[(&str, usize)] = &[("scripts.base.protocols.http.http-methods", 39)];

#[test]
fn http_log() {
    let mut compared = 0;
    for (test, capture, logs) in map() {
        let Some(name) = logs.iter().find(|name| name.starts_with("http.log")) else { continue };
        let rows = log(format!("tests/corpus/zeek/expected/{test}/{name}"));
        let mut zeek: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in &rows {
            let of = |name: &str| row.get(name).map_or("-", |text| text.as_str());
            let text = format!("{} {} {}", of("method"), of("uri"), of("status_code"));
            let connection = format!("{} {}", of("uid"), of("id.orig_p"));
            zeek.entry(connection).or_default().push(text);
        }
        let report = report(&capture);
        let mut ours: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        for exchange in report.exchanges.iter().filter(|e| e.protocol != Protocol::Tcp) {
            ours.entry(exchange.connection).or_default().push(line(exchange));
        }
        // Logs without methods.
        if rows.iter().all(|row| !row.contains_key("method")) {
            for text in ours.values_mut().flatten() {
                let mut words: Vec<_> = text.split(' ').collect();
                words[0] = "-";
                *text = words.join(" ");
            }
        }
        for (_, theirs, our, why) in HTTP.iter().filter(|(of, ..)| *of == test) {
            let our = our.map(str::to_owned);
            let found = zeek.values_mut().find_map(|lines| {
                let at = theirs.map(|theirs| lines.iter().position(|line| line == theirs));
                match (at, &our) {
                    (None, our) => lines.extend(our.clone()),
                    (Some(at), Some(our)) => lines[at?].clone_from(our),
                    (Some(at), None) => drop(lines.remove(at?)),
                }
                Some(())
            });
            assert!(found.is_some(), "{test}: no difference any more: {theirs:?} ({why})");
        }
        zeek.retain(|_, lines| !lines.is_empty());
        if let Some((_, opaque)) = NOT_HTTP1.iter().find(|(of, _)| *of == test) {
            let ports: Vec<_> =
                report.exchanges.iter().map(|e| format!(" {}", e.client.port())).collect();
            let before = zeek.len();
            zeek.retain(|connection, _| ports.iter().any(|port| connection.ends_with(port)));
            assert_eq!((before - zeek.len(), report.counts.opaque), (*opaque, *opaque as u64));
        }
        let sorted = |mut lists: Vec<Vec<String>>| {
            lists.sort();
            lists
        };
        let (zeek, ours) = (zeek.into_values().collect(), ours.into_values().collect());
        assert_eq!(sorted(ours), sorted(zeek), "{test}: {capture}, ours left");
        compared += 1;
    }
    assert_eq!(compared, 12);
}

/// Captures of TLS of which there is no ssl.log.
const NO_SSL_LOG: [&str; 3] =
    ["client-certificate.pcap", "https-to-http.pcap", "tls-early-alert.pcap"];

#[test]
fn ssl_log() {
    let logs = walk("tests/corpus/zeek/expected");
    let logs = logs.iter().filter(|path| path.to_str().is_some_and(|path| path.contains("/ssl")));
    let rows: Vec<_> =
        logs.flat_map(|path| log(Path::new("tests/corpus/zeek/expected").join(path))).collect();
    let mut without = Vec::new();
    for capture in walk("tests/corpus/zeek/tls") {
        let report = report(&format!("tls/{}", capture.display()));
        let exchange = report.one();
        let client = exchange.client;
        let Some(row) = rows.iter().find(|row| {
            row["id.orig_h"] == client.ip().to_string()
                && row["id.orig_p"] == client.port().to_string()
        }) else {
            without.push(capture.display().to_string());
            continue;
        };
        let said = |text: Option<String>| text.unwrap_or("-".into());
        let tls = exchange.tls().unwrap();
        // Zeek writes TLSv12; an alert it names as the RFC does.
        let version = tls.version.map(|version| version_name(version).replace('.', ""));
        let alert = tls.alert.and_then(|alert| alert_name(alert.description?));
        assert_eq!(said(version), row["version"], "{}", capture.display());
        let cipher = tls.cipher.and_then(cipher_name).map(str::to_owned);
        assert_eq!(said(cipher), row["cipher"], "{}", capture.display());
        assert_eq!(said(tls.sni.as_deref().map(str::to_owned)), row["server_name"]);
        assert_eq!(said(alert.map(str::to_owned)), row["last_alert"], "{}", capture.display());
        assert_eq!(said(tls.alpn.as_deref().map(str::to_owned)), row["next_protocol"]);
        let established = if exchange.outcome == Outcome::TlsOk { "T" } else { "F" };
        assert_eq!(established, row["established"], "{}", capture.display());
        if let (Some(subject), Some(certificate)) = (row.get("subject"), &tls.certificate)
            && subject != "-"
        {
            assert_eq!(&*certificate.subject, subject, "{}", capture.display());
        }
    }
    assert_eq!(without, NO_SSL_LOG);
}

#[test]
fn tshark_reads_the_same_alerts_and_names() {
    let (mut names, mut alerts) = (0, 0);
    for (capture, rows) in tshark().into_iter().filter(|(capture, _)| capture.starts_with("tls/")) {
        let report = report(&capture);
        let tls = report.one().tls().unwrap();
        let column = |name: &str| {
            let found =
                rows.iter().find(|row| row.0.get(name).is_some_and(|text| !text.is_empty()));
            found.map(|row| row.0[name].clone())
        };
        let name = column("tls.handshake.extensions_server_name");
        assert_eq!(tls.sni.as_deref().map(str::to_owned), name, "{capture}");
        names += usize::from(name.is_some());
        // A warning after which the handshake went on is not told.
        if report.one().outcome != Outcome::TlsOk {
            let said = tls.alert.and_then(|alert| alert.description);
            let theirs = column("tls.alert_message.desc");
            assert_eq!(said.map(|said| said.to_string()), theirs, "{capture}");
            alerts += usize::from(theirs.is_some());
        }
    }
    assert!(names >= 4 && alerts >= 2, "{names} {alerts}");
}

/// Bytes that Zeek did not see and we did or call otherwise: test, Zeek's, ours, why.
const MISSED: &[(&str, u64, u64, &str)] = &[(
    "core.tcp.rxmit-history",
    24_257,
    0,
    "frames cut by the snap length: a packet was there, so nothing was lost",
)];

#[test]
fn conn_log() {
    let mut compared = 0;
    for (test, capture, logs) in map() {
        let Some(name) = logs.iter().find(|name| name.starts_with("conn")) else { continue };
        let rows = log(format!("tests/corpus/zeek/expected/{test}/{name}"));
        let tcp = || rows.iter().filter(|row| row["proto"] == "tcp");
        let missed: u64 = tcp().map(|row| row["missed_bytes"].parse::<u64>().unwrap_or(0)).sum();
        let counts = report(&capture).counts;
        match MISSED.iter().find(|(of, ..)| *of == test) {
            Some((_, theirs, ours, _)) => {
                assert_eq!((missed, counts.missed_bytes), (*theirs, *ours), "{test}");
            }
            None => assert_eq!(counts.missed_bytes, missed, "{test}: {capture}"),
        }
        assert_eq!(counts.gaps > 0, counts.missed_bytes > 0, "{test}");
        compared += 1;
    }
    assert_eq!(compared, 8);
}

/// A packet as TShark saw it.
struct Row(BTreeMap<String, String>);

impl Row {
    fn says(&self, name: &str) -> bool {
        !self.0[name].is_empty()
    }

    fn number(&self, name: &str) -> u64 {
        self.0[name].parse().unwrap()
    }
}

/// TShark's rows of each capture.
fn tshark() -> Vec<(String, Vec<Row>)> {
    let captures = walk("tests/corpus/zeek");
    captures
        .iter()
        .filter_map(|path| path.to_str().filter(|path| path.contains(".pcap")))
        .map(|capture| {
            let name = capture.replace(['/', '\\'], "_");
            let text = read(format!("tests/corpus/tshark/{name}.tsv"));
            let mut lines = text.lines().map(|line| line.split('\t'));
            let names: Vec<_> = lines.next().unwrap().map(str::to_owned).collect();
            let row = |row| Row(names.iter().cloned().zip(row).collect());
            (capture.to_owned(), lines.map(|line| row(line.map(str::to_owned))).collect())
        })
        .collect()
}

/// Retransmitted data and places with losses where TShark counts otherwise: capture, its two
/// figures, ours, why.
const TCP: &[(&str, [u64; 2], [u64; 2], &str)] = &[
    (
        "tls/hrr.pcap",
        [0, 1],
        [0, 0],
        "what TShark misses comes two packets later: captured out of order, not lost",
    ),
    (
        "tcp/one-sided-2745.pcap",
        [0, 0],
        [0, 2],
        "SYN,ACK, ACK and FIN of the server alone: the bytes between them are missing, which \
         TShark does not say of segments without data",
    ),
    (
        "tcp/reassembly.pcap",
        [17, 8],
        [9, 6],
        "made to confuse: segments that overlap, repeat and contradict each other around six \
         holes. TShark calls each one below the highest number seen a retransmission, also where \
         it fills a hole, and reports some holes twice",
    ),
    (
        "tls/tls13_psk_succesfull.pcap",
        [0, 1],
        [0, 0],
        "the server's last acknowledgment was captured before its FIN: nothing is missing",
    ),
];

#[test]
fn retransmissions_and_lost_segments() {
    for (capture, rows) in tshark() {
        // A segment without data, or with the one byte of a keep-alive, repeats nothing.
        let again =
            |row: &&Row| row.says("tcp.analysis.retransmission") && row.number("tcp.len") > 1;
        let again = rows.iter().filter(again).count() as u64;
        let lost = rows.iter().filter(|row| row.says("tcp.analysis.lost_segment")).count() as u64;
        let counts = report(&capture).counts;
        let (theirs, ours) = ([again, lost], [counts.retransmissions, counts.gaps]);
        match TCP.iter().find(|(of, ..)| *of == capture) {
            Some((_, were, our, why)) => {
                assert_eq!((theirs, ours), (*were, *our), "{capture}: {why}");
            }
            None => assert_eq!(ours, theirs, "{capture}"),
        }
    }
}

/// Answers that TShark times and we do not have: their request lines are not HTTP/1, see
/// [`NOT_HTTP1`].
const UNTIMED: (&str, usize) = ("http/methods.pcap", 18);

/// Answers that end with the connection: TShark times them to the FIN, we to their last byte.
const TO_THE_FIN: (&str, usize) = ("tcp/tcp-fast-open.pcap", 2);

#[test]
fn websocket_log() {
    let mut compared = 0;
    for (test, capture, logs) in map() {
        let Some(name) = logs.iter().find(|name| name.starts_with("websocket")) else { continue };
        let rows = log(format!("tests/corpus/zeek/expected/{test}/{name}"));
        let zeek: Vec<_> = rows.iter().map(|row| (&*row["id.orig_p"], &*row["uri"])).collect();
        let report = report(&capture);
        let sockets = report.exchanges.iter().filter(|e| e.protocol == Protocol::Ws);
        let ours: Vec<_> = sockets
            .map(|e| (e.client.port().to_string(), e.request.path.clone().unwrap_or_default()))
            .collect();
        let ours: Vec<_> = ours.iter().map(|(port, path)| (&**port, &**path)).collect();
        assert_eq!(ours, zeek, "{test}: {capture}");
        compared += zeek.len();
    }
    assert_eq!(compared, 4);
}

/// What a side of a WebSocket said: messages, the frames of the capture with its last Ping and its
/// last Pong, and with its Close.
type Spoken = (u64, Option<u64>, Option<u64>, Option<u64>);

#[test]
fn websocket_opcodes() {
    let mut compared = 0;
    for (capture, rows) in tshark().iter().filter(|(name, _)| name.starts_with("websocket/")) {
        let report = report(capture);
        for exchange in report.exchanges.iter().filter(|e| e.protocol == Protocol::Ws) {
            let websocket = exchange.websocket().unwrap();
            for (side, from) in
                [(&websocket.client, exchange.client), (&websocket.server, exchange.server)]
            {
                let (mut theirs, from): (Spoken, _) =
                    ((0, None, None, None), from.port().to_string());
                for row in rows.iter().filter(|row| row.0["tcp.srcport"] == from) {
                    let frame = row.number("frame.number");
                    for opcode in row.0["websocket.opcode"].split(',') {
                        match opcode {
                            "1" | "2" => theirs.0 += 1,
                            "8" => theirs.3 = Some(frame),
                            "9" => theirs.1 = Some(frame),
                            "10" => theirs.2 = Some(frame),
                            _ => continue,
                        }
                        compared += 1;
                    }
                }
                let number = |mark: Option<meshsniff::capture::Mark>| mark.map(|mark| mark.number);
                let close = side.close.as_ref().map(|close| close.mark);
                let ours = (side.messages, number(side.ping), number(side.pong), number(close));
                assert_eq!(ours, theirs, "{capture}: {from}");
            }
        }
    }
    assert!(compared >= 40, "{compared}");
}

#[test]
fn http_time() {
    let (mut compared, mut untimed) = (0, Vec::new());
    for (capture, rows) in tshark() {
        let report = report(&capture);
        for row in rows.iter().filter(|row| row.says("http.time") && row.says("http.request_in")) {
            let (Ok(request), Ok(time)) =
                (row.0["http.request_in"].parse::<u64>(), row.0["http.time"].parse::<f64>())
            else {
                // Several responses in one packet.
                continue;
            };
            let frame = row.number("frame.number");
            let found = report.exchanges.iter().find_map(|exchange| {
                let asked = exchange.request.last.filter(|mark| mark.number == request)?;
                let response = exchange.response.as_ref()?;
                // TShark's response is where it is whole, ours begins with its first byte.
                let marks = [response.first, response.last];
                let mark = marks.into_iter().find(|mark| mark.number == frame)?;
                Some(mark.time.since(asked.time).as_secs_f64())
            });
            let Some(ours) = found else {
                untimed.push(capture.clone());
                continue;
            };
            assert!(
                (ours - time).abs() <= 1e-6,
                "{capture} frame {frame}: {time} s, ours {ours} s"
            );
            compared += 1;
        }
    }
    let explained = [UNTIMED, TO_THE_FIN].map(|(capture, count)| vec![capture; count]).concat();
    assert_eq!(untimed, explained);
    assert!(compared >= 1000, "{compared}");
}
