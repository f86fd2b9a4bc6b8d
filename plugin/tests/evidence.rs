//! `-w`: the packets that prove it.

mod support;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use meshsniff::capture::{Item, Reader};
use support::*;

/// The packets of a capture with their comments.
fn packets(file: &Path) -> Vec<(Vec<u8>, Vec<String>)> {
    let mut reader = Reader::new(std::fs::File::open(file).unwrap());
    let mut packets = Vec::new();
    while let Some(item) = reader.next().unwrap() {
        if let Item::Packet(packet, comments) = item {
            packets.push((packet.bytes.to_vec(), comments.map(|text| text.into_owned()).collect()));
        }
    }
    packets
}

#[test]
fn comments_are_on_request_close_and_late_answer() {
    let (file, out) = (slow_server().save("a.pcap"), scratch("out.pcapng"));
    let said = analyze(&file, &["-w", out.to_str().unwrap()]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("Evidence: "), "{}", said.out);
    let written = packets(&out);
    let before = packets(&file);
    assert_eq!(written.len(), before.len());
    assert!(written.iter().zip(&before).all(|(new, old)| new.0 == old.0));
    let comments = |number: usize| written[number - 1].1.clone();
    assert_eq!(
        comments(4),
        [
            "meshsniff: client-closed-first: GET /items: the request: the client closed 498 ms after \
          its request; the answer (200) came 1.2 s after the request"
        ]
    );
    assert!(comments(6)[0].contains("left here: ") && comments(6)[0].ends_with("in frame 4"));
    assert!(comments(8)[0].contains("the answer: ") && comments(8)[0].ends_with("in frame 4"));
    assert_eq!(written.iter().filter(|packet| !packet.1.is_empty()).count(), 18);
}

#[test]
fn a_named_pipe_is_written_to_and_stays_one() {
    let (file, pipe) = (slow_server().save("a.pcap"), scratch("pipe"));
    let _ = std::fs::remove_file(&pipe);
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let copy = scratch("copy.pcapng");
    let read = {
        let (pipe, copy) = (pipe.clone(), copy.clone());
        std::thread::spawn(move || std::fs::write(copy, std::fs::read(pipe).unwrap()).unwrap())
    };
    let said = analyze(&file, &["-w", pipe.to_str().unwrap()]);
    assert_eq!(said.code, 0, "{}", said.err);
    read.join().unwrap();
    assert_eq!(packets(&copy).len(), packets(&file).len());
    assert!(!std::fs::metadata(&pipe).unwrap().is_file());
}

#[test]
fn a_second_run_does_not_comment_twice() {
    let file = slow_server().save("a.pcap");
    let (one, two) = (scratch("one.pcapng"), scratch("two.pcapng"));
    analyze(&file, &["-w", one.to_str().unwrap()]);
    analyze(&one, &["-w", two.to_str().unwrap()]);
    assert_eq!(packets(&one), packets(&two));
}

#[test]
fn only_flagged_connections_with_the_frames_numbers_of_the_new_file() {
    let mut capture = Capture::new();
    capture.answered(0, 5, 1000, GET, OK);
    capture.given_up(100, 500, 900, 1001, GET);
    capture.answered(2000, 5, 1002, GET, OK);
    let (file, out) = (capture.save("a.pcap"), scratch("out.pcapng"));
    let said = analyze(&file, &["-w", out.to_str().unwrap(), "--only-flagged"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let written = packets(&out);
    assert_eq!(written.len(), 9);
    assert!(written[5].1[0].ends_with("request in frame 4"), "{:?}", written[5].1);
}

#[test]
fn without_bodies_it_can_be_shared() {
    let mut capture = Capture::new();
    let request = "POST /login HTTP/1.1\r\nAuthorization: Bearer topsecret\r\nCookie: s=hidden\r\n\
                   Content-Length: 15\r\n\r\npassword=hunter2";
    capture.given_up(0, 500, 900, 1000, request);
    let file = capture.save("a.pcap");
    let out = scratch("out.pcapng");
    analyze(&file, &["-w", out.to_str().unwrap(), "--no-bodies"]);
    let bytes = std::fs::read(&out).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("Authorization: xxxxxxxxxxxxxxxx\r\nCookie: xxxxxxxx\r\n"));
    for secret in ["topsecret", "hidden", "hunter2", "password"] {
        assert!(!text.contains(secret), "{secret}");
    }
    let again = analyze(&out, &["-o", "jsonl"]);
    assert!(again.out.contains("client_fin_before_response"), "{}", again.out);
}

#[test]
fn packets_to_stdout_lines_to_stderr() {
    let file = slow_server().save("a.pcap");
    let output = command().arg("analyze").arg(&file).args(["-w", "-"]).output().unwrap();
    let out = scratch("out.pcapng");
    std::fs::write(&out, &output.stdout).unwrap();
    assert_eq!(packets(&out).len(), slow_server().packets);
    let said = said(output);
    assert!(said.err.contains("6 of 8 GET /items were given up"), "{}", said.err);
}

#[test]
fn a_live_capture_asks_first_and_says_then() {
    let (mut asked, mut all) = (Capture::new(), Capture::new());
    asked.question(0, 500, 1000, GET);
    all.given_up(0, 500, 900, 1000, GET);
    let out = scratch("live.pcapng");
    let mut child = command()
        .args(["analyze", "-", "-w", out.to_str().unwrap()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    stdin.write_all(&asked.bytes).unwrap();
    // The pipe is still open: this line must come all the same.
    let question = lines.next().unwrap().unwrap();
    assert!(question.contains("gave up?     500 ms"), "{question}");
    stdin.write_all(&all.bytes[asked.bytes.len()..]).unwrap();
    let verdict = lines.next().unwrap().unwrap();
    assert!(verdict.contains("GAVE UP      500 ms"), "{verdict}");
    assert!(verdict.contains("200 came 400 ms after the client had left"), "{verdict}");
    drop(stdin);
    let rest: Vec<_> = lines.map(Result::unwrap).collect();
    assert!(rest[1].starts_with("The only GET /items was given up"), "{rest:?}");
    assert!(child.wait().unwrap().success());
    let written = packets(&out);
    assert_eq!(written.len(), all.packets);
    assert!(written[3].1[0].contains("the request: "), "the second pass was made");
    assert!(written[5].1[0].ends_with("request in frame 4"));
}

#[test]
fn live_packets_are_not_held_back() {
    let (mut asked, mut all) = (Capture::new(), Capture::new());
    asked.question(0, 500, 1000, GET);
    all.given_up(0, 500, 900, 1000, GET);
    // A reset is believed a few packets later: a capture may have them out of order.
    for port in 2000..2004 {
        all.answered(1000, 5, port, GET, OK);
    }
    let mut child = command()
        .args(["analyze", "-", "-w", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut reader = Reader::new(child.stdout.take().unwrap());
    let mut comments = Vec::new();
    let mut take = |count: usize| {
        let mut seen = 0;
        while seen < count {
            if let Some(Item::Packet(_, found)) = reader.next().unwrap() {
                comments.extend(found.map(|text| text.into_owned()));
                seen += 1;
            }
        }
        comments.len()
    };
    stdin.write_all(&asked.bytes).unwrap();
    // Blocks for ever if packets were held back.
    assert_eq!(take(asked.packets), 0);
    stdin.write_all(&all.bytes[asked.bytes.len()..]).unwrap();
    assert_eq!(take(all.packets - asked.packets), 1);
    assert!(comments[0].ends_with("request in frame 4"), "{comments:?}");
    drop(stdin);
    assert!(child.wait().unwrap().success());
}
