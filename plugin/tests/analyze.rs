//! `analyze FILE`: what is said of a capture, and how.

mod support;

use support::*;

#[test]
fn lines_then_a_summary_whose_first_sentence_is_the_answer() {
    let said = analyze(&slow_server().save("a.pcap"), &[]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let lines: Vec<_> = said.out.lines().collect();
    assert_eq!(
        lines[0],
        "22:13:21.200  GET /items                  GAVE UP      498 ms  127.0.0.6:40000        \
         200 came 702 ms after the client had left   DC or DR here  abc-1"
    );
    assert_eq!(
        lines[6],
        "22:13:40.030  GET /items                  200           30 ms  127.0.0.6:41000"
    );
    assert_eq!(lines[8], "");
    assert_eq!(
        lines[9],
        "6 of 8 GET /items were given up by the client after 497-502 ms: a timeout of 500 ms."
    );
    assert_eq!(
        lines[10],
        "  The answers that came too late took 1.2 s (median), 1.2 s at most; none failed. \
         The server is slow, not broken."
    );
    assert!(!said.out.contains('\x1b'));
}

#[test]
fn the_summary_alone() {
    let said = analyze(&slow_server().save("a.pcap"), &["--summary"]);
    assert!(said.out.starts_with("6 of 8 GET /items were given up"), "{}", said.out);
}

#[test]
fn one_json_object_an_exchange() {
    let said = analyze(&slow_server().save("a.pcap"), &["-o", "jsonl"]);
    let lines: Vec<serde_json::Value> =
        said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 8);
    let first = &lines[0];
    assert_eq!(first["outcome"], "client_fin_before_response");
    assert_eq!(first["by"], "client");
    assert_eq!(first["gap_ms"], 498);
    assert_eq!(first["late_ms"], 1200);
    assert_eq!(first["packets"], serde_json::json!({"request": 4, "response": 8, "close": 6}));
    assert_eq!(first["findings"], serde_json::json!(["client-closed-first"]));
    assert!(said.out.contains("\"t\":1700000000.000000,"));
}

#[test]
fn one_json_document() {
    let said = analyze(&slow_server().save("a.pcap"), &["-o", "json"]);
    let document: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(document["schema"], "meshsniff/report.v1");
    assert_eq!(document["exchanges"].as_array().unwrap().len(), 8);
    assert_eq!(document["findings"][0]["code"], "client-closed-first");
    assert_eq!(document["findings"][0]["count"], 6);
    assert_eq!(document["findings"][1]["code"], "inferred-timeout");
    assert_eq!(document["summary"]["routes"][0]["timeout"]["value_ms"], 500);
}

#[test]
fn files_are_analysed_one_after_the_other() {
    let one = slow_server().save("one.pcap");
    let mut well = Capture::new();
    well.answered(0, 5, 1000, GET, OK);
    let two = well.save("two.pcap");
    let said = analyze(&one, &[two.to_str().unwrap()]);
    let headings: Vec<_> = said.out.lines().filter(|line| line.starts_with("== ")).collect();
    assert_eq!(headings.len(), 2);
    assert!(headings[1].ends_with("two.pcap"));
    assert!(said.out.contains("The only request was answered; the slowest took 5 ms"));
}

#[test]
fn exit_code_3_only_if_asked_for_and_only_with_findings() {
    let bad = slow_server().save("bad.pcap");
    let mut capture = Capture::new();
    capture.answered(0, 5, 1000, GET, OK);
    let well = capture.save("well.pcap");
    assert_eq!(analyze(&bad, &[]).code, 0);
    assert_eq!(analyze(&bad, &["--exit-code"]).code, 3);
    assert_eq!(analyze(&well, &["--exit-code"]).code, 0);
}

#[test]
fn the_meshs_own_traffic_is_left_out_and_counted() {
    let mut capture = Capture::new();
    capture.answered_on(0, 5, (1000, 15021), "GET /healthz/ready HTTP/1.1\r\n\r\n", OK);
    capture.answered(10, 5, 1001, "GET /live HTTP/1.1\r\nUser-Agent: kube-probe/1.33\r\n\r\n", OK);
    capture.answered(20, 5, 1002, GET, OK);
    let file = capture.save("a.pcap");
    let said = analyze(&file, &[]);
    assert!(said.out.contains("The only request was answered"), "{}", said.out);
    assert!(said.out.contains(
        "Left out: 1 on the mesh's own ports, 1 by kubelet's probes (--all shows them)."
    ));
    assert!(analyze(&file, &["--all"]).out.contains("All 3 requests were answered"));
}

#[test]
fn filters_choose_lines_and_the_summary_stays_true() {
    let mut capture = slow_server();
    capture.answered_on(22_000, 700, (2000, 8080), "GET /other HTTP/1.1\r\n\r\n", OK);
    let file = capture.save("a.pcap");
    let lines = |args: &[&str]| {
        let mut all = vec!["-o", "jsonl"];
        all.extend(args);
        analyze(&file, &all).out.lines().count()
    };
    assert_eq!(lines(&[]), 9);
    assert_eq!(lines(&["--port", "8080"]), 1);
    assert_eq!(lines(&["--path", "/items"]), 8);
    assert_eq!(lines(&["--path", "*other"]), 1);
    assert_eq!(lines(&["--outcome", "client_fin_before_response"]), 6);
    assert_eq!(lines(&["--outcome", "complete,refused"]), 3);
    assert_eq!(lines(&["--finding", "client-closed-first"]), 6);
    assert_eq!(lines(&["--slower-than", "600ms"]), 7);
    let said = analyze(&file, &["--summary", "--outcome", "complete"]);
    assert!(said.out.starts_with("6 of 8 GET /items were given up"), "{}", said.out);
    let said = analyze(&file, &["--summary", "--port", "8080"]);
    assert!(said.out.contains("Left out by your filters: 8."), "{}", said.out);
}

#[test]
fn what_is_slow_is_for_the_user_to_say() {
    let mut capture = Capture::new();
    capture.answered(0, 700, 1000, GET, OK);
    let file = capture.save("a.pcap");
    assert!(!analyze(&file, &[]).out.contains("SLOW"));
    assert!(analyze(&file, &["--slow-after", "500ms"]).out.contains("200 SLOW"));
}

#[test]
fn colour_is_for_those_who_want_it() {
    let file = slow_server().save("a.pcap");
    assert!(analyze(&file, &["--color", "always"]).out.contains("\x1b[1;31mGAVE UP\x1b[0m"));
    let mut command = command();
    command.arg("analyze").arg(&file).args(["--color", "always"]).env("NO_COLOR", "1");
    assert!(said(command.output().unwrap()).out.contains('\x1b'), "asked for is asked for");
}

#[test]
fn the_network_cannot_speak_to_the_terminal() {
    let mut capture = Capture::new();
    let evil = "GET /\u{9b}31m HTTP/1.1\r\nX-Request-Id: \u{9b}2J\r\n\r\n";
    capture.given_up(0, 500, 900, 1000, evil);
    let file = capture.save("a.pcap");
    for args in [&[] as &[&str], &["-o", "jsonl"], &["-o", "json"]] {
        let out = analyze(&file, args).out;
        assert!(!out.replace('\n', "").contains(char::is_control), "{out:?}");
    }
}
