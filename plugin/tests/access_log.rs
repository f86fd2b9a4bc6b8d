//! `--access-log`: real Envoys' logs and what was captured beside them (tests/data/access_log/make.py).

mod support;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde_json::Value;
use support::*;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/access_log").join(name)
}

/// The report on a capture with these logs, by their paths.
fn report(capture: &str, logs: &[&Path]) -> Value {
    let mut args = vec!["-o", "json"];
    for log in logs {
        args.extend(["--access-log", log.to_str().unwrap()]);
    }
    let said = analyze(&data(capture), &args);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let report = serde_json::from_str(&said.out).unwrap();
    let errors: Vec<_> = SCHEMA.iter_errors(&report).map(|error| error.to_string()).collect();
    assert_eq!(errors, [""; 0]);
    report
}

/// That of reports.
static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let exchange = read(include_str!("../../docs/schema/exchange.v1.json"));
    let report = read(include_str!("../../docs/schema/report.v1.json"));
    let id = exchange["$id"].as_str().unwrap().to_owned();
    let registry = jsonschema::Registry::new().add(id, exchange).unwrap().prepare().unwrap();
    jsonschema::options().with_registry(&registry).build(&report).unwrap()
});

/// A line of a log, by whose User-Agent it is known which request it was: start and duration, the
/// flags, the User-Agent.
struct Line {
    t: String,
    duration: u64,
    flags: String,
    code: u64,
    user_agent: String,
    from: String,
}

fn lines(log: &str) -> Vec<Line> {
    let text = fs::read_to_string(data(log)).unwrap();
    let read = |line: &str| {
        let quoted: Vec<_> = line.split('"').collect();
        let words: Vec<_> = line.split(' ').collect();
        Line {
            t: words[0].trim_matches(['[', ']', 'Z']).to_owned(),
            duration: words[11].parse().unwrap(),
            flags: words[5].to_owned(),
            code: words[4].parse().unwrap(),
            user_agent: quoted[7].to_owned(),
            from: words[19].to_owned(),
        }
    };
    text.lines().map(read).collect()
}

/// What the application says of the exchange of this client at this time: the User-Agent.
fn truth(exchange: &Value) -> String {
    let all: Value =
        serde_json::from_str(&fs::read_to_string(data("truth.json")).unwrap()).unwrap();
    let apart = |one: &Value| (one["t"].as_f64().unwrap() - exchange["t"].as_f64().unwrap()).abs();
    let of_client =
        all.as_array().unwrap().iter().filter(|one| one["client"] == exchange["client"]);
    let nearest = of_client.min_by(|a, b| apart(a).total_cmp(&apart(b))).unwrap();
    nearest["user_agent"].as_str().unwrap().to_owned()
}

/// Whether a line is the one that an exchange got.
fn is(logged: &Value, line: &Line) -> bool {
    let time = seconds(&line.t);
    (logged["t"].as_f64().unwrap() - time).abs() < 0.0005
        && logged["duration_ms"] == line.duration
        && logged["flags"] == line.flags.as_str()
        && logged["code"] == line.code
}

/// Epoch seconds of `2026-11-27T06:42:24.604`; all are of one day.
fn seconds(text: &str) -> f64 {
    let time: jiff::Timestamp = format!("{text}Z").parse().unwrap();
    time.as_millisecond() as f64 / 1000.0
}

/// The only entry of that proxy.
fn by<'a>(exchange: &'a Value, proxy: &str) -> Option<&'a Value> {
    let logged = exchange["logged"].as_array()?;
    let mut of_proxy = logged.iter().filter(|one| one["proxy"] == proxy);
    let found = of_proxy.next();
    assert!(of_proxy.next().is_none(), "{exchange}");
    found
}

fn exchanges(report: &Value) -> &Vec<Value> {
    report["exchanges"].as_array().unwrap()
}

fn log_of<'a>(report: &'a Value, proxy: &str) -> &'a Value {
    let logs = report["summary"]["access_log"]["logs"].as_array().unwrap();
    logs.iter().find(|log| log["proxy"] == proxy).unwrap()
}

#[test]
fn each_exchange_of_the_pod_has_its_own_line() {
    for log in ["catalog.log", "catalog.json.log"] {
        let report = report("catalog.pcap", &[&data(log)]);
        let proxy = log.strip_suffix(".log").unwrap();
        let lines = lines("catalog.log");
        assert_eq!(exchanges(&report).len(), lines.len());
        for exchange in exchanges(&report) {
            let logged = by(exchange, proxy).unwrap_or_else(|| panic!("{exchange}"));
            let line = lines.iter().filter(|line| is(logged, line));
            let line: Vec<_> =
                line.filter(|line| exchange["client"] == line.from.as_str()).collect();
            assert_eq!(line.len(), 1, "{exchange}");
            assert_eq!(line[0].user_agent, truth(exchange), "{exchange}");
            assert_eq!(logged["direction"], "inbound");
            if exchange["outcome"] == "client_fin_before_response" {
                assert_eq!((&logged["flags"], &logged["code"]), (&"DC".into(), &0.into()));
            }
        }
        let of_log = log_of(&report, proxy);
        assert_eq!((&of_log["joined"], &of_log["ambiguous"]), (&lines.len().into(), &0.into()));
        assert_eq!(report["summary"]["access_log"]["differ"], 0);
    }
}

#[test]
fn callers_lines_are_of_the_attempt_that_they_are_about() {
    let logs = ["catalog.log", "gateway.log", "frontend.log"].map(data);
    let report = report("catalog.pcap", &logs.each_ref().map(PathBuf::as_path));
    let mut joined: HashMap<&str, usize> = HashMap::new();
    for exchange in exchanges(&report) {
        let user_agent = truth(exchange);
        for proxy in ["gateway", "frontend"] {
            let Some(logged) = by(exchange, proxy) else { continue };
            let lines = lines(&format!("{proxy}.log"));
            let own = lines.iter().find(|line| line.user_agent == user_agent).expect("a line");
            assert!(is(logged, own), "{exchange}");
            // The first attempt of two was answered 503, which the gateway does not log.
            assert_ne!(exchange["status"], 503, "{exchange}");
            *joined.entry(proxy).or_default() += 1;
        }
        if exchange["outcome"] == "client_fin_before_response"
            && exchange["request_id"] != "the-same-for-all"
        {
            let caller = by(exchange, "gateway").or(by(exchange, "frontend")).expect("a caller");
            assert_eq!((&caller["flags"], &caller["code"]), (&"UT".into(), &504.into()));
        }
    }
    for proxy in ["gateway", "frontend"] {
        // An id that is that of many requests names none of them, unless times do.
        let lines = lines(&format!("{proxy}.log"));
        assert!(joined[proxy] + 8 > lines.len(), "{joined:?}");
        let ambiguous = log_of(&report, proxy)["ambiguous"].as_u64().unwrap() as usize;
        assert_eq!(joined[proxy] + ambiguous, lines.len(), "{joined:?}");
    }
}

/// The application's own calls have no id before the sidecar gives them one.
#[test]
fn the_callers_own_connections_are_joined_by_address() {
    let logs = ["frontend.log", "catalog.log", "gateway.log"].map(data);
    let report = report("frontend.pcap", &logs.each_ref().map(PathBuf::as_path));
    for exchange in exchanges(&report) {
        let logged = by(exchange, "frontend").unwrap_or_else(|| panic!("{exchange}"));
        assert_eq!(logged["code"], exchange["status"], "{exchange}");
        assert_eq!(logged["flags"] == "UT", exchange["status"] == 504, "{exchange}");
        assert_eq!(logged["direction"], "outbound");
        assert!(by(exchange, "catalog").is_none() && by(exchange, "gateway").is_none());
    }
    assert_eq!(log_of(&report, "frontend")["joined"], exchanges(&report).len());
    assert_eq!(log_of(&report, "catalog")["joined"], 0);
}

#[test]
fn envoys_own_format_has_ids_and_no_addresses() {
    let report = report("catalog.pcap", &[&data("catalog.default.log")]);
    let lines = lines("catalog.log");
    let mut joined = 0;
    for exchange in exchanges(&report) {
        let Some(logged) = by(exchange, "catalog.default") else { continue };
        let user_agent = truth(exchange);
        assert!(lines.iter().any(|line| is(logged, line) && line.user_agent == user_agent));
        joined += 1;
    }
    // All but those whose id is that of several requests at about the same time.
    let ambiguous = log_of(&report, "catalog.default")["ambiguous"].as_u64().unwrap() as usize;
    assert!(joined > 60 && joined + ambiguous == lines.len(), "{joined} {ambiguous}");
}

fn changed(name: &str, change: impl Fn(Vec<&str>) -> Vec<String>) -> PathBuf {
    let text = fs::read_to_string(data("catalog.log")).unwrap();
    let path = scratch(name);
    fs::write(&path, change(text.lines().collect()).join("\n")).unwrap();
    path
}

#[test]
fn neither_order_nor_repetition_nor_other_lines_matter() {
    let shuffled = changed("catalog.log", |mut lines| {
        lines.reverse();
        let noise = "2026-11-27T06:42:24.644123Z\tinfo\tEnvoy proxy is ready";
        let twice = lines.iter().chain(&lines).flat_map(|line| [noise, *line]);
        twice.map(|line| format!("[pod/catalog-1/istio-proxy] {line}")).collect()
    });
    let (plain, shuffled) =
        (report("catalog.pcap", &[&data("catalog.log")]), report("catalog.pcap", &[&shuffled]));
    assert_eq!(exchanges(&plain), exchanges(&shuffled));
    assert_eq!(log_of(&shuffled, "catalog")["other_lines"], 2 * lines("catalog.log").len());
}

#[test]
fn what_only_one_of_them_has_is_listed() {
    let less = changed("catalog.log", |lines| {
        let mut lines: Vec<_> = lines.into_iter().map(str::to_owned).collect();
        let middle = lines.len() / 2;
        // One is taken away, and one is added that nobody sent.
        let line = lines.remove(middle);
        let from = line.split(' ').nth(19).unwrap().to_owned();
        let id = line.split('"').nth(9).unwrap().to_owned();
        lines.push(line.replace(&from, "127.0.0.6:1").replace(&id, "nobody's"));
        lines
    });
    let report = report("catalog.pcap", &[&less]);
    let log = log_of(&report, "catalog");
    assert_eq!(
        (&log["only_in_packets"]["count"], &log["only_in_log"]["count"]),
        (&1.into(), &1.into()),
        "{log}"
    );
    assert_eq!(log["only_in_log"]["first"][0]["request_id"], "nobody's");
    let said =
        analyze(&data("catalog.pcap"), &["--summary", "--access-log", less.to_str().unwrap()]);
    assert!(said.out.contains("Only in the log of catalog: 06:"), "{}", said.out);
    assert!(said.out.contains("Not in the log of catalog: 06:"), "{}", said.out);
}

#[test]
fn the_log_of_another_pod_is_no_exchanges() {
    // Another pod's sidecar has the same ports, and perhaps the same ids: the one asked differs.
    let other = changed("other.log", |lines| {
        let other = lines.iter().map(|line| line.replace("127.0.0.1:9080", "10.9.0.7:9081"));
        other.collect()
    });
    let report = report("catalog.pcap", &[&other]);
    assert!(exchanges(&report).iter().all(|exchange| exchange.get("logged").is_none()));
    assert_eq!(log_of(&report, "other")["joined"], 0);
}

#[test]
fn people_get_sentences_and_a_table() {
    let log = |name: &str| format!("{name}={}", data(&format!("{name}.log")).display());
    let (own, gateway) = (log("catalog"), log("gateway").replace("gateway=", "edge="));
    let said = analyze(&data("catalog.pcap"), &["--access-log", &own, "--access-log", &gateway]);
    let after = said.out.split_once("What the proxies logged:\n").expect("a part of its own").1;
    let given_up = after.lines().next().unwrap();
    assert!(given_up.ends_with(" given up are DC at catalog."), "{after}");
    let (joined, all) = given_up.trim().split_once(" of ").unwrap();
    assert!(all.starts_with(joined), "{given_up}");
    assert!(after.contains(" given up are 504 UT at edge."), "{after}");
    assert!(after.contains("The flags that the packets tell are those logged: "), "{after}");
    assert!(
        after.contains("  proxy    lines   joined  ambiguous  only in log  only in packets\n"),
        "{after}"
    );
}

#[test]
fn each_line_of_text_has_the_flags_that_were_logged() {
    let own = data("catalog.log");
    let said = analyze(&data("catalog.pcap"), &["--access-log", own.to_str().unwrap()]);
    let mut lines = said.out.lines().filter(|line| line.contains("GAVE UP")).peekable();
    assert!(lines.peek().is_some());
    assert!(lines.all(|line| line.ends_with("   logged: DC at catalog")), "{}", said.out);
    let plain = analyze(&data("catalog.pcap"), &[]).out;
    let first = said.out.split_once("\nWhat the proxies").unwrap().0;
    assert_eq!(first.replace("   logged: DC at catalog", ""), plain);
}

#[test]
fn jsonl_has_what_was_logged_on_each_line() {
    let own = data("catalog.log");
    let args = ["-o", "jsonl", "--access-log", own.to_str().unwrap()];
    let said = analyze(&data("catalog.pcap"), &args);
    let lines: Vec<Value> =
        said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().all(|line| line["logged"][0]["proxy"] == "catalog"), "{}", said.out);
}

#[test]
fn what_is_no_access_log_is_said_with_the_next_step() {
    let file = scratch("nothing.log");
    fs::write(&file, "Envoy proxy is ready\n\u{1b}[2J\n").unwrap();
    let said =
        analyze(&data("catalog.pcap"), &["--summary", "--access-log", file.to_str().unwrap()]);
    assert_eq!(said.code, 0);
    assert!(said.out.contains("nothing: no line (2) is a request"), "{}", said.out);
    assert!(said.out.contains("meshConfig.accessLogFile: /dev/stdout"), "{}", said.out);
    let said = analyze(&data("catalog.pcap"), &["--access-log", "not-there.log"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("--access-log not-there.log: No such file"), "{}", said.err);
}

#[test]
fn hostile_text_stays_text() {
    let evil = changed("evil.log", |lines| {
        let id = |line: &&str| line.split('"').nth(9).unwrap().to_owned();
        lines
            .iter()
            .map(|line| {
                line.replace("/items", "/\u{9b}2J\u{202e}").replace(&id(line), "\u{1b}[31m")
            })
            .collect()
    });
    for format in ["text", "json"] {
        let said =
            analyze(&data("catalog.pcap"), &["-o", format, "--access-log", evil.to_str().unwrap()]);
        let odd = said.out.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}');
        assert!(!odd, "{}", said.out);
    }
}
