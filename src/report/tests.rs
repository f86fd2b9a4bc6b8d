use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::capture::Mark;
use crate::counts::Counts;
use crate::pairing::{
    Connection, Detail, Exchange, Moment, Outcome, Protocol, ProxyAnswer, detail,
};
use crate::problem::samples;

/// Every outcome, a proxy's answer, an error, a slow answer.
fn every_kind() -> Vec<Exchange> {
    let mut all: Vec<_> = Outcome::ALL.into_iter().map(samples::judged).collect();
    for mut exchange in [
        samples::answered(504, 500, Some(ProxyAnswer::Envoy)),
        samples::answered(503, 2, Some(ProxyAnswer::Linkerd("service \x1b[0m".into()))),
        samples::answered(500, 2, None),
        samples::answered(200, 1500, None),
    ] {
        samples::judge(&mut exchange);
        all.push(exchange);
    }
    let mut repeated = samples::judged(Outcome::ConnectTimeout);
    repeated.detail =
        Some(Box::new(Detail::Connect(detail::Connect { repeats: vec![1004, 2020] })));
    all.push(repeated);
    all
}

/// A connection to port 15012 that began `began` seconds after the samples' time.
fn connection(began: i64, after: Duration, moment: impl FnOnce(Mark) -> Moment) -> Connection {
    let syn = Mark { number: 1, time: samples::at_ms(began * 1000) };
    let mark = Mark { number: 2, time: syn.time.after(after) };
    Connection {
        connection: began.unsigned_abs(),
        interface: 0,
        client: "127.0.0.6:40656".parse().unwrap(),
        server: "10.77.0.12:15012".parse().unwrap(),
        protocol: Protocol::Tls,
        syn,
        attempts: 2,
        moment: moment(mark),
    }
}

/// Connections that the server closed at this age in seconds, after so long without a byte.
fn closed(age: u64, idle: u64) -> Vec<Connection> {
    let idle = Duration::from_secs(idle);
    let age = Duration::from_secs(age);
    let one = |began: i64| connection(began * 40, age, |mark| Moment::Closed { mark, idle });
    (0..6).map(one).collect()
}

/// A server that refused from the 20th to the 30th second and answered before and after.
fn away() -> Vec<Exchange> {
    let one = |second: i64| {
        let refused = (20..=30).contains(&second);
        let outcome = if refused { Outcome::Refused } else { Outcome::Complete };
        let mut exchange = samples::judged(outcome);
        exchange.request.first = Some(Mark { number: 1, time: samples::at_ms(second * 1000) });
        exchange.request.last = exchange.request.first;
        exchange
    };
    (0..60).map(one).collect()
}

/// `count` requests given up around 500 ms, with late answers.
fn give_ups(count: i64) -> Vec<Exchange> {
    let give_up = |number: i64| {
        let mut exchange = samples::judged(Outcome::ClientFinBeforeResponse);
        let millis = 490 + number % 20;
        exchange.close = Some(Mark { number: 20, time: samples::at_ms(millis) });
        exchange
    };
    (0..count).map(give_up).collect()
}

fn summary_of(exchanges: &[Exchange]) -> Summary {
    let mut summary = Summary::new();
    exchanges.iter().for_each(|exchange| summary.add(exchange));
    summary
}

fn counts() -> Counts {
    let mark = |number, millis| Some(Mark { number, time: samples::at_ms(millis) });
    Counts { first: mark(1, 0), last: mark(5312, 42_000), packets: 5312, ..Counts::default() }
}

fn ended(counts: &Counts) -> Ended<'_> {
    Ended { counts, dropped: Some(0), left_out: LeftOut::default(), written: None }
}

fn text(exchanges: &[Exchange], counts: &Counts) -> String {
    let mut out = Vec::new();
    summary_of(exchanges).write_text(&mut out, &ended(counts), Palette::Plain);
    String::from_utf8(out).unwrap()
}

fn validator(name: &str) -> jsonschema::Validator {
    let schema = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let exchange = schema(include_str!("../../docs/schema/exchange.v1.json"));
    let report = schema(include_str!("../../docs/schema/report.v1.json"));
    let id = exchange["$id"].as_str().unwrap().to_owned();
    let registry =
        jsonschema::Registry::new().add(id, exchange.clone()).unwrap().prepare().unwrap();
    let schema = if name == "exchange" { exchange } else { report };
    jsonschema::options().with_registry(&registry).build(&schema).unwrap()
}

fn assert_valid(validator: &jsonschema::Validator, value: &Value) {
    let errors: Vec<_> =
        validator.iter_errors(value).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert_eq!(errors, [""; 0], "{value:#}");
}

#[test]
fn every_line_is_as_the_schema_says() {
    let validator = validator("exchange");
    for exchange in every_kind() {
        let mut out = Vec::new();
        write_exchange(&mut out, &exchange, Numbers::Told, None);
        assert_valid(&validator, &serde_json::from_slice(&out).unwrap());
    }
}

#[test]
fn the_document_is_as_the_schema_says() {
    let validator = validator("report");
    let lossy = Counts { gaps: 2, missed_bytes: 99, ..counts() };
    for (exchanges, counts) in [
        (every_kind(), counts()),
        (give_ups(50), lossy),
        (vec![], counts()),
        (vec![], Counts::default()),
    ] {
        let (mut out, mut document) = (Vec::new(), Document::new());
        for exchange in &exchanges {
            document.exchange(&mut out, exchange, Numbers::Told, None);
        }
        document.finish(&mut out, &summary_of(&exchanges), &ended(&counts));
        let value: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(value["exchanges"].as_array().unwrap().len(), exchanges.len());
        assert_valid(&validator, &value);
    }
}

#[test]
fn what_is_said_of_servers_is_as_the_schema_says() {
    let (mut summary, counts) = (summary_of(&away()), counts());
    let late =
        |began| connection(began, Duration::from_millis(1004), |mark| Moment::Opened { mark });
    closed(1800, 1).iter().for_each(|connection| summary.connection(connection));
    closed(65, 60).iter().for_each(|connection| summary.connection(connection));
    (0..9).map(late).for_each(|connection| summary.connection(&connection));
    let mut out = Vec::new();
    Document::new().finish(&mut out, &summary, &ended(&counts));
    let value: Value = serde_json::from_slice(&out).unwrap();
    assert_valid(&validator("report"), &value);
    let findings = value["findings"].as_array().unwrap();
    let codes: Vec<_> = findings.iter().map(|finding| finding["code"].as_str().unwrap()).collect();
    let order = [
        "server-unavailable",
        "connect-refused",
        "slow-connect",
        "max-connection-age",
        "idle-timeout",
    ];
    assert_eq!(codes, order);
    assert_eq!(
        findings[0]["until"].as_f64().unwrap() - findings[0]["from"].as_f64().unwrap(),
        10.0
    );
    assert_eq!(value["summary"]["verdict"], findings[0]["sentence"]);
    assert_eq!(
        findings[0]["sentence"],
        "10.77.0.12:9080 answered none of 11 connects from 22:13:40 to 22:13:50 (10 s), and \
         answered before and after: it restarted?"
    );
    assert_eq!(
        findings[3]["sentence"],
        "6 connections to 10.77.0.12:15012 (istiod, xDS and certificates) were cut by the server \
         at the age of 30 min while in use: its maximum connection age (istiod: \
         keepaliveMaxServerConnectionAge), or a load balancer's."
    );
}

#[test]
fn a_note_is_no_answer() {
    let mut summary = summary_of(&[samples::judged(Outcome::Complete)]);
    closed(65, 60).iter().for_each(|connection| summary.connection(connection));
    assert!(!summary.has_findings());
    let (mut out, counts) = (Vec::new(), counts());
    summary.write_text(&mut out, &ended(&counts), Palette::Plain);
    let text = String::from_utf8(out).unwrap();
    assert!(text.starts_with("The only request was answered"), "{text}");
    assert!(text.contains("\n  6 connections to 10.77.0.12:15012"), "{text}");
    assert!(text.contains("after 60 s without a byte"), "{text}");
}

#[test]
fn the_first_sentence_is_the_answer() {
    let mut exchanges = give_ups(349);
    exchanges.extend(std::iter::repeat_n(samples::judged(Outcome::Complete), 71));
    assert_eq!(
        text(&exchanges, &counts()),
        "\
83 % of GET /items (349 of 420) were given up by the client after 490-509 ms: a timeout of 500 ms.
  The answers that came too late took 743 ms (median), 743 ms at most; none failed. The server is slow, not broken.
  Server's view: 100 % answered. Client's view: 17 %.
  What it means, what to check: kubectl meshsniff explain client-closed-first

  route       n    answered  p50    p99    gave up  other failures
  GET /items  420  71        32 ms  32 ms  349

42 s, 5312 packets, 0 connections, none lost.
Evidence: add -w evidence.pcapng; in Wireshark: frame.comment contains \"client-closed-first\"
"
    );
}

#[test]
fn when_nothing_is_wrong_it_says_so() {
    let exchanges = vec![samples::judged(Outcome::Complete); 3];
    let text = text(&exchanges, &counts());
    assert!(
        text.starts_with("All 3 requests were answered; the slowest took 32 ms (GET /items).\n"),
        "{text}"
    );
    assert!(!text.contains("explain"), "{text}");
}

#[test]
fn when_nothing_was_seen_it_says_why() {
    let text = text(&[], &Counts { connections: 3, tls: 3, opaque: 3, ..counts() });
    assert!(text.starts_with("No request was seen: 3 connections, 3 not read.\n"), "{text}");
    assert!(text.contains("TLS, read as far as it is not encrypted: 3."), "{text}");
}

#[test]
fn a_worse_kind_comes_first() {
    let mut exchanges = vec![samples::judged(Outcome::ServerClosedBeforeResponse); 3];
    exchanges.push(samples::judged(Outcome::ClientRstBeforeResponse));
    exchanges.push(samples::judged(Outcome::Refused));
    let text = text(&exchanges, &counts());
    let mut lines = text.lines();
    assert_eq!(
        lines.next(),
        Some("3 of 4 GET /items got no answer: the server closed after 498 ms.")
    );
    assert_eq!(lines.next(), Some("  1 of 4 GET /items was given up by the client after 498 ms."));
    assert_eq!(
        lines.next(),
        Some("  1 connect to 10.77.0.12:9080 was refused: nothing listens there.")
    );
}

#[test]
fn what_was_skipped_lost_or_left_out_is_told() {
    let mut counts = Counts { gaps: 2, missed_bytes: 700, orphan_responses: 4, ..counts() };
    counts.skipped[crate::decode::Skip::NotTcp as usize] = 9;
    counts.limits[crate::limits::Limit::Head as usize] = 1;
    let left_out = LeftOut { mesh: 5, probes: 6, filtered: 7 };
    let ended = Ended { counts: &counts, dropped: Some(11), left_out, written: None };
    let mut out = Vec::new();
    Summary::new().write_text(&mut out, &ended, Palette::Plain);
    let text = String::from_utf8(out).unwrap();
    for words in [
        "the kernel dropped 11 packets, 2 gaps in the streams (700 bytes missed)",
        "Responses to requests before the capture: 4.",
        "Packets not analysed: 9 not TCP.",
        "Limit reached: 1 heads too long to be read.",
        "Left out: 5 on the mesh's own ports, 6 by kubelet's probes (--all shows them).",
        "Left out by your filters: 7.",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
}

#[test]
fn many_routes_cost_bounded_memory() {
    let mut summary = Summary::new();
    for number in 0..2000 {
        let mut exchange = samples::judged(Outcome::Complete);
        exchange.request.path = Some(format!("/route-{number}x").into());
        summary.add(&exchange);
    }
    assert_eq!(summary.exchanges(), 2000);
    assert_eq!(summary.list.len(), 513);
    assert_eq!(summary.list[512].n, 2000 - 512);
}

#[test]
fn percentiles_are_those_of_the_times() {
    let mut summary = Summary::new();
    for millis in 1..=1000 {
        summary.add(&samples::answered(200, millis, None));
    }
    let at = |quantile| {
        Duration::from_micros(summary.list[0].total.value_at_quantile(quantile)).as_millis()
    };
    assert!((495..=505).contains(&at(0.5)), "{}", at(0.5));
    assert!((980..=1000).contains(&at(0.99)), "{}", at(0.99));
}
