//! The same packets, lengths and times as tshark, to the nanosecond.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::builder::{Builder, everything};
use crate::support::{Seen, data, gzip, load, twice, whole, zstd};

/// Whether `program` is there. Missing, the test is skipped, loudly; where `CI` is set it fails.
#[expect(clippy::disallowed_methods, reason = "a test may ask where it runs")]
#[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
pub(crate) fn installed(program: &str) -> bool {
    let found = Command::new(program).arg("-v").output().is_ok();
    if !found {
        assert!(std::env::var_os("CI").is_none(), "{program} is not installed");
        eprintln!("SKIPPED: {program} is not installed, nothing was compared with it");
    }
    found
}

/// What a program writes to stdout, given `input` on stdin.
pub(crate) fn pipe(program: &str, args: &[&str], input: &[u8]) -> String {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("was asked for before");
    let mut stdin = child.stdin.take().expect("is piped");
    // Inputs are small: they fit the pipe. A program that stops reading says why on stderr.
    let _ = stdin.write_all(input);
    drop(stdin);
    let output = child.wait_with_output().expect("can be waited for");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {errors}");
    String::from_utf8(output.stdout).expect("prints text")
}

const FIELDS: &str = "-r - -T fields -e frame.number -e frame.time_epoch -e frame.len \
                      -e frame.cap_len -e frame.interface_id -e frame.section_number";

/// `input` is what tshark is given, `seen` what was read from the same capture.
fn agree(name: &str, input: &[u8], seen: &[Seen]) {
    let args: Vec<&str> = FIELDS.split_whitespace().collect();
    let said = pipe("tshark", &args, input);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), seen.len(), "{name}: number of packets");
    for (line, seen) in lines.iter().zip(seen) {
        let fields: Vec<&str> = line.split('\t').collect();
        assert_eq!(fields[0], seen.number.to_string(), "{name}: {line}");
        // A simple packet has no time.
        if !fields[1].is_empty() {
            assert_eq!(nanos(fields[1]), seen.nanos, "{name}: time, {line}");
        }
        assert_eq!(fields[2], seen.original_len.to_string(), "{name}: length, {line}");
        assert_eq!(fields[3], seen.bytes.len().to_string(), "{name}: captured, {line}");
        // tshark numbers interfaces from 0 in each section, this library goes on counting.
        if !fields[4].is_empty() && fields[5] == "1" {
            assert_eq!(fields[4], seen.interface.to_string(), "{name}: interface, {line}");
        }
    }
}

/// `seconds.fraction` with 9 digits, as it is printed.
fn nanos(epoch: &str) -> i64 {
    let (seconds, fraction) = epoch.split_once('.').expect("has a fraction");
    assert_eq!(fraction.len(), 9, "{epoch}");
    seconds.parse::<i64>().expect("seconds") * 1_000_000_000
        + fraction.parse::<i64>().expect("nanoseconds")
}

const FILES: [&str; 9] = [
    "ipv4_tcp_http_xml.pcap",
    "tcp-handshake-nano.pcap",
    "tcp_rst_data-trunc.pcap",
    "tfo-5c1fa7f9ae91.pcap",
    "sidecar-redirect-any-sll2.pcap",
    "half_close_ok.pcap",
    "connect-fails.pcap",
    "http-on-irc-port-missing-syn.pcapng",
    "retransmit-timeout.pcapng",
];

#[test]
fn captures_of_others() {
    if !installed("tshark") {
        return;
    }
    for name in FILES {
        let bytes = load(name);
        let seen = whole(&bytes);
        assert!(!seen.is_empty(), "{name}");
        agree(name, &bytes, &seen);
        for (kind, packed) in [
            ("gzip", gzip(&bytes)),
            ("zstd", zstd(&bytes)),
            ("gzip in two members", twice(&bytes, gzip)),
            ("zstd in two frames", twice(&bytes, zstd)),
        ] {
            assert_eq!(whole(&packed), seen, "{name}, {kind}");
        }
    }
}

#[test]
fn captures_converted_by_editcap() {
    if !installed("tshark") || !installed("editcap") {
        return;
    }
    for name in FILES {
        for format in ["pcap", "nsecpcap", "pcapng"] {
            let path = data(name);
            let path = path.to_str().expect("is text");
            let out = Command::new("editcap").args(["-F", format, path, "-"]).output();
            let bytes = out.expect("was asked for before").stdout;
            agree(&format!("{name} as {format}"), &bytes, &whole(&bytes));
        }
    }
}

#[test]
fn pcap_of_both_byte_orders_and_units() {
    if !installed("tshark") {
        return;
    }
    for (magic, order) in [
        (0xa1b2_c3d4, Builder::little()),
        (0xa1b2_c3d4, Builder::big()),
        (0xa1b2_3c4d, Builder::little()),
        (0xa1b2_3c4d, Builder::big()),
    ] {
        let capture = order
            .pcap(magic, 1)
            .record(1_700_000_000, 123_456, 60, &[1; 60])
            .record(u32::MAX, 999_999, 1500, &[2; 61])
            .record(0, 0, 0, &[]);
        agree("pcap", &capture.bytes, &whole(&capture.bytes));
    }
}

#[test]
fn pcapng_with_everything() {
    if installed("tshark") {
        let bytes = everything().bytes;
        agree("everything", &bytes, &whole(&bytes));
    }
}
