//! What is said of connections and servers, not of exchanges: late connects, ends at a constant age
//! or after a constant silence, servers that were away; and what looks like it and is not.

mod support;

use std::time::Duration;

use meshsniff::pairing::{Connection, Moment, Protocol};
use meshsniff::report::{Document, Ended, LeftOut, Numbers, Summary};
use serde_json::Value;
use support::mangle::Damage;
use support::talk::{Talk, between, open, talk, together};
use support::{Frame, analyse, captures, load};

const GET: &str = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// The findings of the JSON document that are about servers.
fn servers(frames: &[Frame]) -> Vec<Value> {
    let report = analyse(frames);
    let (mut out, mut summary, mut document) = (Vec::new(), Summary::new(), Document::new());
    for exchange in &report.exchanges {
        summary.add(exchange);
        document.exchange(&mut out, exchange, Numbers::Told, None);
    }
    report.connections.iter().for_each(|connection| summary.connection(connection));
    let counts = &report.counts;
    let ended =
        Ended { counts, dropped: None, left_out: LeftOut::default(), written: None, origins: None };
    document.finish(&mut out, &summary, &ended);
    let document: Value = serde_json::from_slice(&out).unwrap();
    let findings = document["findings"].as_array().unwrap();
    findings.iter().filter(|finding| finding["server"].is_string()).cloned().collect()
}

fn codes(frames: &[Frame]) -> Vec<String> {
    let code = |finding: &Value| finding["code"].as_str().unwrap().to_owned();
    servers(frames).iter().map(code).collect()
}

fn connections(talk: Talk) -> Vec<Connection> {
    talk.says().connections
}

/// How long it had been idle when the server closed it; `None` if nothing is told.
fn idle(talk: Talk) -> Option<Duration> {
    match connections(talk).as_slice() {
        [] => None,
        [one] => match one.moment {
            Moment::Closed { idle, .. } => Some(idle),
            Moment::Opened { .. } => panic!("{one:?}"),
        },
        many => panic!("{many:?}"),
    }
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn a_repeated_syn_that_is_answered_is_late() {
    let late = talk().client().syn().after(1000);
    let mut again = late;
    again.raw(support::talk::SYN, 1000, 0, b"");
    let told = connections(again.server().syn_ack().client().acks().sends(GET));
    assert_eq!((told.len(), told[0].attempts), (1, 2));
    assert_eq!(told[0].age(), ms(1002));
}

#[test]
fn a_syn_captured_twice_is_not() {
    assert!(connections(talk().client().syn().again().server().syn_ack()).is_empty());
}

#[test]
fn a_syn_ack_that_was_not_captured_was_not_late() {
    let talk = talk().client().syn().server().unseen(Talk::syn_ack).client().acks().after(2000);
    // It is repeated where the client's acknowledgment was lost behind the capture.
    assert!(connections(talk.server().sends(b"220 hello\r\n")).is_empty());
}

#[test]
fn http1_that_closes_after_its_answer_says_nothing() {
    let asked = open().client().sends(GET).then().after(20_000);
    assert_eq!(idle(asked.server().sends_and_fin(ANSWER)), None, "it was asked, and answered");
}

#[test]
fn http1_that_closes_without_an_answer_is_told_as_an_exchange() {
    assert_eq!(idle(open().client().sends(GET).then().after(20_000).server().fin()), None);
}

#[test]
fn an_idle_keep_alive_connection() {
    let used = open().client().sends(GET).then().server().sends(ANSWER).then();
    assert_eq!(idle(used.after(5000).server().fin()), Some(ms(5002)));
}

#[test]
fn a_response_that_flowed_and_was_cut() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
    let mut talk = open().client().sends(GET).then().server().sends(head);
    for _ in 0..20 {
        talk = talk.after(500).server().sends("3\r\nabc\r\n").then();
    }
    assert!(idle(talk.server().fin()).is_some_and(|idle| idle < ms(100)));
}

#[test]
fn a_goodbye_is_no_use() {
    let opaque = || open().server().sends(b"\x00\x01hello").then().client().sends(b"\x02hi").then();
    let told = connections(opaque().after(60_000).server().sends(b"\x03bye").fin());
    assert_eq!(told[0].protocol, Protocol::Tcp);
    assert!(matches!(told[0].moment, Moment::Closed { idle, .. } if idle.as_secs() == 60));
    // What may be the answer to a question is none.
    assert_eq!(idle(opaque().after(60_000).server().sends([7; 5000]).fin()), None);
}

#[test]
fn who_closes_first_is_the_one() {
    let opaque = || open().server().sends(b"\x00\x01hello").then().after(60_000);
    assert_eq!(idle(opaque().client().fin().server().fin()), None);
    assert!(idle(opaque().server().fin().client().fin()).is_some());
    assert!(idle(opaque().server().rst()).is_some());
    assert_eq!(idle(opaque().server().unseen(Talk::fin).client().acks().fin()), None);
}

#[test]
fn a_connection_from_before_the_capture_has_no_age() {
    let used = talk().client().sends(GET).then().server().sends(ANSWER).then();
    assert_eq!(idle(used.after(60_000).server().fin()), None);
}

#[test]
fn silence_is_not_known_where_bytes_are_missing() {
    let used = open().client().sends(b"\x02hi").then().after(30_000);
    let lost = used.server().unseen(|talk| talk.sends(b"\x03more")).client().acks();
    assert_eq!(idle(lost.after(30_000).server().fin()), None);
}

#[test]
fn ages_that_heap_are_told_once_for_all() {
    let cut = |number: i64| {
        let client = format!("10.0.0.1:{}", 40_000 + number);
        let mut talk = between(&client, "10.0.0.2:5000").after(number * 7000).connects();
        for _ in 0..10 {
            talk = talk.after(2990).server().sends([5; 700]).then();
        }
        talk.server().fin().client().fin()
    };
    let said = servers(&together((0..4).map(cut)));
    assert_eq!(said.len(), 1, "{said:#?}");
    assert_eq!((&said[0]["code"], &said[0]["count"]), (&"max-connection-age".into(), &4.into()));
    assert_eq!(said[0]["timeout_ms"], 30_000);
    assert_eq!(said[0]["server"], "10.0.0.2:5000");
}

#[test]
fn each_capture_shows_its_own_and_no_other_does() {
    for path in captures() {
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let expected: &[&str] = match stem {
            "slow-connect" | "server-unavailable" | "max-connection-age" | "idle-timeout" => {
                &[stem]
            }
            _ => &[],
        };
        // One that is cut short has no frames behind the cut, which is as good here.
        assert_eq!(codes(&load(std::path::Path::new("captures").join(&path))), expected, "{stem}");
    }
}

#[test]
fn a_damaged_capture_says_nothing_else() {
    let all = ["slow-connect", "server-unavailable", "max-connection-age", "idle-timeout"];
    let (mut said, mut possible) = (0, 0);
    for stem in [&all[..], &["random-ages", "refused-now-and-then", "connect-retries"]].concat() {
        let frames = load(format!("captures/tcp/{stem}.pcap"));
        for seed in 1..21 {
            for damage in [
                Damage { drop: 0.02, ..Damage::default() },
                Damage { drop: 0.12, ..Damage::default() },
                Damage { reorder: 0.3, dup: 0.1, ..Damage::default() },
                Damage { skip_ms: 2500, ..Damage::default() },
            ] {
                let codes = codes(&damage.to(&frames, seed));
                let right = codes.iter().filter(|code| *code == stem).count();
                assert_eq!(codes.len(), right, "{stem}, seed {seed}, {damage:?}: {codes:?}");
                if damage.drop < 0.1 && all.contains(&stem) && stem != "slow-connect" {
                    said += right;
                    possible += 1;
                }
            }
        }
    }
    assert!(said * 100 >= possible * 85, "{said} of {possible}");
}
