//! Real traffic on a real `lo`, captured by the real program.

mod support;

use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use support::{AGENT, Agent, inside_a_network, read, read_file, talk};

/// Captures into a file while `traffic` runs, and ends with SIGINT.
fn captured<T>(args: &[&str], traffic: impl FnOnce() -> T) -> (support::Recording, String, T) {
    let directory = std::env::temp_dir().join(format!("meshsniff-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join("lo.pcapng");
    let agent = Agent::start(args, File::create(&path).unwrap().into());
    let result = traffic();
    agent.signal("INT");
    let (code, words) = agent.end();
    assert_eq!(code, Some(0), "{words}");
    let recording = read_file(&path);
    if let Ok(tshark) = Command::new("tshark").arg("-r").arg(&path).output() {
        let lines = String::from_utf8(tshark.stdout).unwrap();
        assert!(tshark.status.success());
        assert_eq!(lines.lines().count(), recording.packets.len());
        assert!(!lines.contains("Retransmission") && !lines.contains("Dup"), "{lines}");
    }
    std::fs::remove_dir_all(directory).unwrap();
    (recording, words, result)
}

fn nanos_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
}

#[test]
fn every_packet_is_there_once_and_whole() {
    if !inside_a_network("every_packet_is_there_once_and_whole") {
        return;
    }
    let answer: Vec<u8> = (0..300_000u32).map(|number| (number >> 3) as u8).collect();
    let before = nanos_now();
    let (recording, words, port) = captured(&[], || talk(b"request", &answer));
    let after = nanos_now();

    let from_server: Vec<u8> = recording
        .packets
        .iter()
        .filter(|frame| frame.bytes[34..36] == port.to_be_bytes())
        .flat_map(|frame| frame.payload().to_vec())
        .collect();
    assert!(from_server == answer, "{} bytes of {}", from_server.len(), answer.len());
    assert!(recording.packets.iter().all(|frame| frame.bytes.len() == frame.original as usize));
    assert!(recording.packets.iter().all(|frame| (before..after).contains(&frame.nanos)));

    let last = recording.statistics.last().unwrap();
    let count = Some(recording.packets.len() as u64);
    assert_eq!((last.received, last.delivered, last.dropped), (count, count, Some(0)));
    assert!(words.contains(&format!("{} packets, none lost", recording.packets.len())), "{words}");
    assert!(recording.ended_well);
}

#[test]
fn every_signal_leaves_a_whole_recording() {
    if !inside_a_network("every_signal_leaves_a_whole_recording") {
        return;
    }
    for signal in ["INT", "TERM", "HUP"] {
        let mut agent = Agent::start(&[], Stdio::piped());
        let mut stdout = agent.stdout();
        // What came just before the signal is still in the kernel, and is not lost.
        talk(b"last words", b"heard");
        agent.signal(signal);
        let mut bytes = Vec::new();
        stdout.read_to_end(&mut bytes).unwrap();
        assert_eq!(agent.end().0, Some(0), "{signal}");
        let recording = read(&bytes);
        assert!(recording.ended_well, "{signal}");
        assert!(recording.packets.iter().any(|frame| frame.payload() == b"heard"), "{signal}");
    }
}

#[test]
fn only_what_the_filter_lets_through() {
    if !inside_a_network("only_what_the_filter_lets_through") {
        return;
    }
    // A port that is free now is free again in a moment.
    let wanted = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = wanted.local_addr().unwrap().port();
    let (recording, _, other) = captured(&["-f", &format!("tcp port {port}")], || {
        let client = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        drop((client, wanted));
        talk(b"not", b"this")
    });
    assert!(recording.packets.len() >= 4);
    assert!(recording.packets.iter().all(|frame| frame.has_port(port) && !frame.has_port(other)));
}

#[test]
fn a_snapped_frame_keeps_its_length() {
    if !inside_a_network("a_snapped_frame_keeps_its_length") {
        return;
    }
    let (recording, ..) = captured(&["--snaplen", "96"], || talk(b"request", &[b'x'; 5000]));
    assert!(recording.packets.iter().all(|frame| frame.bytes.len() <= 96));
    assert!(recording.packets.iter().any(|frame| frame.original > 5000));
}

#[test]
fn a_reader_sees_packets_at_once() {
    if !inside_a_network("a_reader_sees_packets_at_once") {
        return;
    }
    let mut agent = Agent::start(&[], Stdio::piped());
    let mut stdout = agent.stdout();
    let mut bytes = vec![0; 1 << 16];
    let mut have = stdout.read(&mut bytes).unwrap();
    assert!(read(&bytes[..have]).packets.is_empty(), "the head comes before any packet");
    let begun = Instant::now();
    talk(b"request", b"answer");
    while !read(&bytes[..have]).packets.iter().any(|frame| frame.payload() == b"answer") {
        have += stdout.read(&mut bytes[have..]).unwrap();
    }
    // Twice the 50 ms of the kernel's blocks, and room for a busy machine.
    assert!(begun.elapsed() < Duration::from_millis(600), "{:?}", begun.elapsed());
}

#[test]
fn a_quiet_interface_shows_life_and_ends_in_time() {
    if !inside_a_network("a_quiet_interface_shows_life_and_ends_in_time") {
        return;
    }
    let begun = Instant::now();
    let mut agent = Agent::start(&["--duration", "2500ms"], Stdio::piped());
    let mut bytes = Vec::new();
    agent.stdout().read_to_end(&mut bytes).unwrap();
    let (code, words) = agent.end();
    assert!((2400..4000).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
    assert_eq!(code, Some(0));
    assert_eq!(words, "time is over: 0 packets, none lost\n");
    let recording = read(&bytes);
    assert_eq!(recording.statistics.len(), 2);
    assert!(recording.ended_well);
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    if !inside_a_network("a_reader_that_leaves_ends_it_quietly") {
        return;
    }
    let mut agent = Agent::start(&[], Stdio::piped());
    // With no packet at all: nothing is written that could fail.
    drop(agent.stdout());
    assert_eq!(agent.end(), (Some(0), String::new()));
}

#[test]
fn a_second_signal_ends_it_though_nobody_reads() {
    if !inside_a_network("a_second_signal_ends_it_though_nobody_reads") {
        return;
    }
    let mut agent = Agent::start(&[], Stdio::piped());
    let _not_read = agent.stdout();
    talk(b"request", &vec![b'x'; 8 << 20]);
    agent.signal("INT");
    std::thread::sleep(Duration::from_millis(500));
    assert!(agent.child.try_wait().unwrap().is_none(), "it still has packets for its reader");
    agent.signal("INT");
    assert_eq!(agent.end().0, Some(1));
}

fn ip(line: &str) -> bool {
    Command::new("ip").args(line.split(' ')).status().unwrap().success()
}

#[test]
fn an_interface_that_goes_ends_it_with_a_sentence() {
    if !inside_a_network("an_interface_that_goes_ends_it_with_a_sentence") {
        return;
    }
    if !ip("link add ve0 type veth peer name ve1") || !ip("link set ve0 up") {
        return support::skip("no interface can be made that could go");
    }
    let mut agent = Agent::start(&["-i", "ve0"], Stdio::piped());
    let mut stdout = agent.stdout();
    assert!(ip("link del ve0"));
    let mut bytes = Vec::new();
    stdout.read_to_end(&mut bytes).unwrap();
    let (code, words) = agent.end();
    assert_eq!(code, Some(1));
    assert!(words.contains("ve0 is gone"), "{words}");
    assert!(read(&bytes).ended_well);
}

#[test]
fn an_interface_that_was_down_for_a_while_goes_on() {
    if !inside_a_network("an_interface_that_was_down_for_a_while_goes_on") {
        return;
    }
    let (recording, ..) = captured(&[], || {
        talk(b"request", b"before");
        std::thread::sleep(Duration::from_millis(200));
        assert!(ip("link set lo down"));
        std::thread::sleep(Duration::from_millis(200));
        assert!(ip("link set lo up"));
        talk(b"request", b"after");
    });
    let has = |word: &[u8]| recording.packets.iter().any(|frame| frame.payload() == word);
    assert!(has(b"before") && has(b"after"));
}

/// Exit code and words of an agent that does not get far.
fn refused(args: &[&str], stdout: Stdio) -> (Option<i32>, String) {
    let output = Command::new(AGENT).args(args).stdout(stdout).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_refusal_says_what_to_do() {
    if !inside_a_network("a_refusal_says_what_to_do") {
        return;
    }
    let (code, words) = refused(&["-i", "lo9"], Stdio::null());
    assert_eq!(code, Some(1));
    assert!(words.contains("there is lo, any"), "{words}");

    let (code, words) = refused(&["-f", "tcp prot 80"], Stdio::null());
    assert_eq!(code, Some(1));
    assert!(words.contains("syntax error") && words.contains("tcp port 8080"), "{words}");

    let (code, words) = refused(&["--duration", "10"], Stdio::null());
    assert_eq!(code, Some(2));
    assert!(words.contains("10s"), "{words}");

    let terminal = File::options().write(true).open("/dev/ptmx").unwrap();
    let (code, words) = refused(&[], terminal.into());
    assert_eq!(code, Some(1));
    assert!(words.contains("redirect"), "{words}");

    assert!(ip("link set lo down"));
    let (code, words) = refused(&[], Stdio::null());
    assert_eq!(code, Some(1));
    assert!(words.contains("ip link set lo up"), "{words}");
}
