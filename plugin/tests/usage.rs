//! The command line itself: what is refused and why, what helps.

mod support;

use support::*;

fn refused(args: &[&str], why: &str) {
    let said = run(args);
    assert_eq!(said.code, 2, "{args:?}: {}", said.err);
    assert!(said.err.contains(why), "{args:?}: {}", said.err);
    assert_eq!(said.out, "");
}

#[test]
fn habits_of_ksniff_are_told_what_to_use_instead() {
    refused(&["analyze", "a.pcap", "-o", "file.pcap"], "to write packets use -w file.pcap");
    refused(&["analyze", "a.pcap", "-p"], "privileged is the default here");
}

#[test]
fn what_cannot_be_is_refused() {
    refused(&["analyze"], "<FILE>...");
    refused(&["analyze", "a", "b", "-w", "c"], "-w writes one capture");
    refused(&["analyze", "-", "-"], "stdin can be read once only");
    refused(&["analyze", "a", "--only-flagged"], "--write <OUT>");
    refused(&["analyze", "a", "--slow-after", "500"], "a time has a unit");
    refused(&["analyze", "a", "--finding", "slow"], "client-closed-first");
    refused(&["analyze", "a", "--outcome", "slow"], "client_fin_before_response");
    refused(&["analyze", "-", "-w", "-", "--only-flagged"], "needs the whole capture first");
}

#[test]
fn the_input_is_never_overwritten() {
    let capture = slow_server();
    let file = capture.save("a.pcap");
    let link = scratch("link.pcap");
    let _ = std::fs::remove_file(&link);
    std::os::unix::fs::symlink(&file, &link).unwrap();
    for out in [&file, &link] {
        let said = analyze(&file, &["-w", out.to_str().unwrap()]);
        assert_eq!(said.code, 2);
        assert!(said.err.contains("give it another name"), "{}", said.err);
    }
    assert_eq!(std::fs::read(&file).unwrap(), capture.bytes);
}

#[test]
fn short_help_fits_a_screen() {
    let commands =
        ["analyze", "slow", "explain", "check", "clean"].map(|command| vec![command, "-h"]);
    for args in [vec!["-h"]].iter().chain(&commands) {
        let said = run(args);
        assert_eq!(said.code, 0);
        assert!(said.out.lines().count() <= 40, "{}", said.out);
        assert!(said.out.lines().all(|line| line.chars().count() <= 80), "{}", said.out);
    }
    assert!(run(["analyze", "-h"]).out.contains("Examples:"));
}

#[test]
fn long_help_teaches() {
    let said = run(["analyze", "--help"]);
    for words in ["Exit codes: 0 done, 1 error", "gave up?", "docs/schema", "15021", "Cookie"] {
        assert!(said.out.contains(words), "{words}\n{}", said.out);
    }
    assert!(run(["--help"]).out.contains("without a port filter"));
    assert!(run(["check", "--help"]).out.contains("Nothing is created."));
    assert!(run(["clean", "--help"]).out.contains("--as-group"));
}

#[test]
fn explain_finds_codes_outcomes_and_slips() {
    assert!(run(["explain", "client-closed-first"]).out.starts_with("# client-closed-first\n"));
    assert!(run(["explain", "refused"]).out.contains("# connect-refused\n"));
    assert!(run(["explain", "half_close_ok"]).out.contains("Nothing is wrong"));
    let all = run(["explain"]);
    assert!(all.out.contains("capture-lossy") && all.out.contains("truncated"));
    refused(&["explain", "client-close-first"], "the nearest are client-closed-first");
}
