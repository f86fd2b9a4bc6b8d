//! `--metrics`: the same figures as the report's, as Prometheus reads them.

mod support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use meshsniff::capture::{Interface, Item, LinkType, Packet, Reader, Section, Writer};
use serde_json::Value;
use support::*;

/// How long a machine may take before it is a failure.
const PATIENCE: Duration = Duration::from_secs(120);

fn captured(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../captures").join(name)
}

/// The metrics of a capture, and the summary of its report.
fn both(capture: &Path) -> (String, Value) {
    let file = scratch("metrics.prom");
    let _ = std::fs::remove_file(&file);
    let to = file.to_str().unwrap();
    let said = analyze(capture, &["--summary", "-o", "jsonl", "--metrics", to]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let left: Vec<_> = std::fs::read_dir(file.parent().unwrap())
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter(|name| name.starts_with("metrics.prom."))
        .collect();
    assert_eq!(left, [""; 0]);
    (std::fs::read_to_string(file).unwrap(), serde_json::from_str(&said.out).unwrap())
}

/// The sum of all samples of this name whose labels have each of these parts.
fn sum(metrics: &str, name: &str, labels: &[&str]) -> u64 {
    let of = |line: &&str| {
        let rest = line.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with(['{', ' ']))
            && labels.iter().all(|label| line.contains(label))
    };
    let value = |line: &str| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap();
    metrics.lines().filter(of).map(value).sum::<f64>() as u64
}

/// The report and the metrics agree.
fn agree(metrics: &str, summary: &Value) {
    for side in ["client", "server"] {
        let share = &summary["success"][side];
        let side = format!("side=\"{side}\"");
        let fates = |fate| sum(metrics, "meshsniff_request_fates_total", &[&side, fate]);
        assert_eq!(fates("fate=\"answered\""), share["ok"].as_u64().unwrap(), "{side}");
        assert_eq!(fates(""), share["of"].as_u64().unwrap(), "{side}");
    }
    for route in summary["routes"].as_array().unwrap() {
        let label = format!("route={}", route["route"]);
        let of = |name: &str| sum(metrics, name, &[&label]);
        assert_eq!(of("meshsniff_give_ups_total"), route["gave_up"].as_u64().unwrap());
        for (code, count) in route["findings"].as_object().unwrap() {
            let code = format!("code=\"{code}\"");
            let found = sum(metrics, "meshsniff_findings_total", &[&label, &code]);
            assert_eq!(found, count.as_u64().unwrap(), "{label} {code}");
        }
    }
    let capture = &summary["capture"];
    let packets = sum(metrics, "meshsniff_packets_total", &[]);
    assert_eq!(packets, capture["packets"].as_u64().unwrap());
    let gaps = sum(metrics, "meshsniff_packets_lost_total", &["gap"]);
    assert_eq!(gaps, capture["gaps"].as_u64().unwrap());
}

/// What Prometheus makes of it: how many series. Missing, it is skipped, loudly; where `CI` is set
/// it fails.
#[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
fn promtool(metrics: &str) -> Option<usize> {
    if Command::new("promtool").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "promtool is not installed");
        eprintln!("SKIPPED: promtool is not installed (Debian: prometheus), it read no metrics");
        return None;
    }
    lint(metrics);
    // Its parser of OpenMetrics is the one of the server; what it imports must have times.
    let timed =
        |line: &str| if line.starts_with('#') { line.into() } else { format!("{line} 1.0") };
    let lines: Vec<String> = metrics.lines().map(timed).collect();
    let (file, blocks) = (scratch("timed.prom"), scratch("blocks"));
    let _ = std::fs::remove_dir_all(&blocks);
    // It opens what it has made only with a log beside it, which may be empty.
    std::fs::create_dir_all(blocks.join("wal")).unwrap();
    std::fs::write(&file, lines.join("\n") + "\n").unwrap();
    let import = ["tsdb", "create-blocks-from", "openmetrics"];
    ran(Command::new("promtool").args(import).args([&file, &blocks]));
    let dump = ran(Command::new("promtool").args(["tsdb", "dump"]).arg(&blocks));
    Some(dump.lines().count())
}

/// `promtool check metrics` reads the older format, where a counter's name has its `_total`.
fn lint(metrics: &str) {
    let counters: Vec<&str> = metrics
        .lines()
        .filter_map(|l| l.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    let older = metrics.lines().map(|line| {
        let name =
            line.split(' ').nth(2).filter(|name| line.starts_with('#') && counters.contains(name));
        name.map_or(line.to_owned(), |name| line.replacen(name, &format!("{name}_total"), 1))
    });
    let older: Vec<String> = older.collect();
    let mut child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all((older.join("\n") + "\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    // Istio's unit is ours.
    let other: Vec<&str> =
        said.lines().filter(|line| !line.ends_with("instead of \"milliseconds\"")).collect();
    assert_eq!(other, [""; 0]);
    assert_ne!(output.status.code(), Some(1), "it could not be read");
}

fn ran(command: &mut Command) -> String {
    let said = said(command.output().unwrap());
    assert_eq!(said.code, 0, "{command:?}: {}", said.err);
    said.out
}

fn series(metrics: &str) -> usize {
    metrics.lines().filter(|line| !line.starts_with('#')).count()
}

#[test]
fn the_figures_are_those_of_the_report() {
    let (metrics, summary) = both(&captured("http1/tutorial-504.pcap"));
    agree(&metrics, &summary);
    let requests = |labels: &[&str]| sum(&metrics, "meshsniff_requests_total", labels);
    assert_eq!(requests(&[]), 30);
    assert_eq!(requests(&["response_code=\"200\"", "response_flags=\"-\""]), 14);
    assert_eq!(requests(&["response_code=\"0\"", "response_flags=\"DC|DR\""]), 16);
    let fates = |labels: &[&str]| sum(&metrics, "meshsniff_request_fates_total", labels);
    assert_eq!(fates(&["side=\"client\"", "fate=\"answered\""]), 14);
    assert_eq!(fates(&["side=\"server\"", "fate=\"answered\""]), 30);
    assert_eq!(sum(&metrics, "meshsniff_request_duration_milliseconds_count", &[]), 14);
    assert_eq!(sum(&metrics, "meshsniff_give_up_after_milliseconds_count", &[]), 16);
    assert_eq!(
        sum(&metrics, "meshsniff_give_up_after_milliseconds_bucket", &["le=\"1000.0\""]),
        16
    );
    assert!(metrics.ends_with("\n# EOF\n"));
}

/// A capture of two pods: one slow, one well.
fn of_pods() -> Vec<u8> {
    let mut well = Capture::new();
    well.answered(0, 5, 50_000, GET, OK);
    let mut out = Writer::new(Vec::new(), &Section::default()).unwrap();
    for (name, capture) in [("shop/catalog-1:lo", slow_server()), ("shop/catalog-2:lo", well)] {
        let named = Interface { name: Some(name.into()), ..Interface::new(LinkType::Raw, 262_144) };
        let interface = out.interface(&named).unwrap();
        let mut reader = Reader::new(&capture.bytes[..]);
        while let Some(item) = reader.next().unwrap() {
            if let Item::Packet(packet, _) = item {
                out.packet(&Packet { interface, ..packet }, &[]).unwrap();
            }
        }
    }
    out.into_inner().unwrap()
}

#[test]
fn each_pod_has_its_own() {
    let file = scratch("pods.pcapng");
    std::fs::write(&file, of_pods()).unwrap();
    let (metrics, summary) = both(&file);
    let pods = summary["pods"].as_array().unwrap();
    assert_eq!(pods.len(), 2);
    for pod in pods {
        let name = pod["pod"].as_str().unwrap().strip_prefix("shop/").unwrap();
        let pod_label = format!("namespace=\"shop\",pod=\"{name}\"");
        let of = |name: &str, label: &str| sum(&metrics, name, &[&pod_label, label]);
        assert_eq!(of("meshsniff_requests_total", ""), pod["n"].as_u64().unwrap());
        for side in ["client", "server"] {
            let label = format!("side=\"{side}\",fate=\"answered\"");
            let ok = pod["success"][side]["ok"].as_u64().unwrap();
            assert_eq!(of("meshsniff_request_fates_total", &label), ok, "{name} {side}");
        }
    }
    assert_eq!(pods[0]["success"]["client"], serde_json::json!({"ok": 2, "of": 8}));
    assert_eq!(pods[0]["success"]["server"], serde_json::json!({"ok": 8, "of": 8}));
    assert_eq!(summary["success"]["client"], serde_json::json!({"ok": 3, "of": 9}));
}

#[test]
fn promtool_reads_the_metrics_of_every_kind_of_capture() {
    for name in [
        "http1/tutorial-504.pcap",
        "http1/outbound-caller.pcap",
        "http1/capture-lossy.pcapng",
        "grpc/grpc-error.pcap",
        "http2/stream-refused.pcap",
        "websocket/websocket.pcap",
        "tls/tls.pcap",
        "tcp/connect-fails.pcap",
    ] {
        let (metrics, summary) = both(&captured(name));
        agree(&metrics, &summary);
        if let Some(read) = promtool(&metrics) {
            assert_eq!(read, series(&metrics), "{name}");
        }
    }
}

#[test]
fn the_network_cannot_speak_in_them() {
    let mut capture = Capture::new();
    let evil = "GET /\"},x{\\\u{9b}31m HTTP/1.1\r\n\r\n";
    capture.answered(0, 5, 1000, evil, OK);
    let (metrics, _) = both(&capture.save("a.pcap"));
    assert!(!metrics.replace('\n', "").contains(char::is_control), "{metrics}");
    assert!(metrics.contains(r#"route="GET /\"},x{\\"#), "{metrics}");
    if let Some(read) = promtool(&metrics) {
        assert_eq!(read, series(&metrics));
    }
}

/// `analyze -` with these metrics: the process, and what it says on stderr.
fn live(metrics: &str) -> (Child, impl Iterator<Item = String>) {
    let mut command = command();
    command.args(["analyze", "-", "--summary", "--metrics", metrics]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    (child, lines)
}

/// The answer to a request of this path, head and body.
fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Waits for it.
fn until<T>(mut there: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(it) = there() {
            return it;
        }
        assert!(begun.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn they_are_served_while_packets_come() {
    let (mut child, mut err) = live(":0");
    let said = err.next().unwrap();
    let address = said.strip_prefix("Metrics: http://").unwrap().strip_suffix("/metrics").unwrap();
    assert!(address.starts_with("127.0.0.1:"), "{said}");
    let mut packets = child.stdin.take().unwrap();
    packets.write_all(&slow_server().bytes).unwrap();
    let answer = until(|| {
        let answer = get(address, "/metrics");
        (sum(&answer, "meshsniff_requests_total", &[]) == 8).then_some(answer)
    });
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    let kind = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n";
    assert!(head.contains(kind), "{head}");
    assert_eq!(sum(body, "meshsniff_give_ups_total", &[]), 6);
    promtool(body);
    assert!(get(address, "/").starts_with("HTTP/1.1 404 "), "another path");
    drop(packets);
    let said = support::said(child.wait_with_output().unwrap());
    assert_eq!(said.code, 0);
    assert!(said.out.starts_with("6 of 8 GET /items were given up"), "{}", said.out);
}

#[test]
fn who_reads_slowly_holds_up_nothing() {
    let (mut child, mut err) = live(":0");
    let said = err.next().unwrap();
    let address = said.strip_prefix("Metrics: http://").unwrap().strip_suffix("/metrics").unwrap();
    let silent: Vec<_> = (0..40).map(|_| TcpStream::connect(address).unwrap()).collect();
    child.stdin.take().unwrap().write_all(&slow_server().bytes).unwrap();
    let said = support::said(child.wait_with_output().unwrap());
    assert_eq!(said.code, 0);
    assert!(said.out.starts_with("6 of 8 GET /items were given up"), "{}", said.out);
    drop(silent);
}

#[test]
fn the_file_is_there_before_the_end() {
    let file = scratch("live.prom");
    let _ = std::fs::remove_file(&file);
    let (mut child, _err) = live(file.to_str().unwrap());
    let mut packets = child.stdin.take().unwrap();
    packets.write_all(&slow_server().bytes).unwrap();
    until(|| {
        let metrics = std::fs::read_to_string(&file).ok()?;
        (sum(&metrics, "meshsniff_requests_total", &[]) == 8).then_some(())
    });
    drop(packets);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_port_that_is_taken_is_told_before_anything_is_made() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let out = scratch("out.pcapng");
    let args = ["-w", out.to_str().unwrap(), "--metrics", &address];
    let said = analyze(&slow_server().save("a.pcap"), &args);
    assert_eq!((said.code, said.out.as_str()), (1, ""));
    assert!(
        said.err.contains(&format!("--metrics {address} cannot be listened on")),
        "{}",
        said.err
    );
    assert!(!out.exists());
}

#[test]
fn no_other_file_is_replaced() {
    let capture = slow_server();
    let file = capture.save("a.pcap");
    let said = analyze(&file, &["--metrics", file.to_str().unwrap()]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("would replace a file that has no metrics in it"), "{}", said.err);
    assert_eq!(std::fs::read(&file).unwrap(), capture.bytes);
    let notes = scratch("notes.md");
    std::fs::write(&notes, "# Notes\n").unwrap();
    let said = analyze(&file, &["--metrics", notes.to_str().unwrap()]);
    assert!(said.err.contains("would replace a file that has no metrics in it"), "{}", said.err);
    assert_eq!(std::fs::read(&notes).unwrap(), b"# Notes\n");
    let said = analyze(&file, &["--metrics", scratch("none/m.prom").to_str().unwrap()]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("m.prom cannot be written"), "{}", said.err);
    let out = scratch("one.prom");
    let out = out.to_str().unwrap();
    let said = analyze(&file, &["-w", out, "--metrics", out]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("-w and --metrics"), "{}", said.err);
}
