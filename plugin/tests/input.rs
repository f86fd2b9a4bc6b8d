//! Bad input: each its own sentence with the next step, and what could be read is still reported.

mod support;

use std::io::Write as _;
use std::process::Stdio;

use support::*;

/// The one sentence on stderr about this input.
fn complaint(bytes: &[u8]) -> String {
    let file = scratch("x.pcap");
    std::fs::write(&file, bytes).unwrap();
    let said = analyze(&file, &[]);
    assert_eq!((said.code, said.out.as_str()), (1, ""), "{}", said.err);
    assert_eq!(said.err.lines().count(), 1, "{}", said.err);
    said.err
}

#[test]
fn what_is_no_capture() {
    assert!(complaint(b"").contains("the capture is empty"));
    assert!(complaint(b"hello, this is text\n").contains("not a pcap or pcapng capture"));
}

#[test]
fn what_is_no_file() {
    let said = analyze(&scratch("missing.pcap"), &[]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("there is no such file; check the name"), "{}", said.err);
    let said = analyze(scratch("x").parent().unwrap(), &[]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("this is a directory; name the captures in it"), "{}", said.err);
}

#[test]
fn a_cut_file_is_reported_as_far_as_it_goes() {
    let mut capture = slow_server();
    capture.bytes.truncate(capture.bytes.len() - 7);
    let said = analyze(&capture.save("cut.pcap"), &[]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("ends in the middle of a record"), "{}", said.err);
    assert!(said.out.contains("6 of 8 GET /items were given up"), "{}", said.out);
}

#[test]
fn the_other_files_are_read_all_the_same() {
    let good = slow_server().save("good.pcap");
    let said = analyze(&scratch("missing.pcap"), &[good.to_str().unwrap()]);
    assert_eq!(said.code, 1);
    assert!(said.out.contains("6 of 8 GET /items were given up"), "{}", said.out);
}

#[test]
fn an_unknown_link_type_is_told() {
    let mut capture = slow_server();
    capture.bytes[20..24].copy_from_slice(&147_u32.to_le_bytes());
    let said = analyze(&capture.save("a.pcap"), &[]);
    assert!(said.out.contains("unknown link type"), "{}", said.out);
    assert!(said.out.starts_with("No request was seen."), "{}", said.out);
}

#[test]
fn a_closed_pipe_is_a_normal_end() {
    let mut capture = Capture::new();
    for number in 0..30_000_u64 {
        let port = 1024 + (number % 60_000) as u16;
        capture.answered(number, 1, port, GET, OK);
    }
    let file = capture.save("big.pcap");
    let mut command = command();
    command.arg("analyze").arg(&file).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let said = said(child.wait_with_output().unwrap());
    assert_eq!((said.code, said.err.as_str()), (0, ""));
}

#[test]
fn stdin_may_be_a_file_or_a_pipe() {
    let capture = slow_server();
    let file = std::fs::File::open(capture.save("a.pcap")).unwrap();
    let from_file = said(command().args(["analyze", "-"]).stdin(file).output().unwrap());
    assert!(from_file.out.contains("6 of 8 GET /items were given up"), "{}", from_file.err);
    let mut command = command();
    command.args(["analyze", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(&capture.bytes).unwrap();
    let from_pipe = said(child.wait_with_output().unwrap());
    assert!(from_pipe.out.contains("6 of 8 GET /items were given up"), "{}", from_pipe.out);
    assert_eq!(from_pipe.code, 0);
}
