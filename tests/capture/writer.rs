//! What is written can be read, here and by tshark.

use meshsniff::capture::{
    Interface, Item, LinkType, Mark, Packet, Reader, Section, Statistics, Timestamp, Writer,
};

use crate::support::{load, whole};
use crate::tshark::{installed, pipe};

const START: i64 = 1_700_000_000_123_456_789;

fn packet(interface: u32, nanos: i64, bytes: &[u8]) -> Packet<'_> {
    let mark = Mark { number: 1, time: Timestamp::from_nanos(nanos) };
    Packet { mark, interface, link: LinkType::Ethernet, original_len: 1500, bytes }
}

fn section() -> Section {
    Section {
        hardware: Some("amd64".into()),
        os: Some("Linux 6.1".into()),
        application: Some("meshsniff-agent 0.1.0".into()),
        comments: vec!["first".into(), "second".into()],
    }
}

fn eth0() -> Interface {
    Interface {
        name: Some("eth0".into()),
        description: Some("the pod's".into()),
        filter: Some("tcp port 80".into()),
        hardware: Some("veth".into()),
        os: Some("Linux".into()),
        comments: vec!["note".into()],
        ..Interface::new(LinkType::Ethernet, 262_144)
    }
}

fn counted() -> Statistics {
    Statistics {
        interface: 1,
        time: Timestamp::from_nanos(START + 5),
        started: Some(Timestamp::from_nanos(START)),
        ended: Some(Timestamp::from_nanos(START + 4)),
        received: Some(u64::MAX),
        dropped: Some(1),
        accepted: Some(2),
        os_dropped: Some(3),
        delivered: Some(4),
    }
}

fn written() -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), &section()).expect("memory");
    assert_eq!(writer.interface(&Interface::new(LinkType::LinuxSll2, 0)).expect("memory"), 0);
    assert_eq!(writer.interface(&eth0()).expect("memory"), 1);
    for len in 0..5_u8 {
        let bytes = vec![len; len.into()];
        writer.packet(&packet(1, START + i64::from(len), &bytes), &[]).expect("memory");
    }
    writer.packet(&packet(0, START, &[7; 61]), &["gave up", "größer, 2"]).expect("memory");
    writer.statistics(&counted()).expect("memory");
    writer.into_inner().expect("memory")
}

#[test]
fn all_of_it_is_read_back() {
    let bytes = written();
    let mut reader = Reader::new(&bytes[..]);
    let mut interfaces = 0;
    let mut counters = 0;
    while let Some(item) = reader.next().expect("is whole") {
        match item {
            Item::Section(read) => assert_eq!(*read, section()),
            Item::Interface(read) if read.index == 1 => {
                assert_eq!(*read, Interface { index: 1, ..eth0() });
                interfaces += 1;
            }
            Item::Statistics(read) => {
                assert_eq!(*read, counted());
                counters += 1;
            }
            _ => {}
        }
    }
    assert_eq!((interfaces, counters), (1, 1));
    let seen = whole(&bytes);
    assert_eq!(seen.len(), 6);
    for (len, seen) in seen[..5].iter().enumerate() {
        assert_eq!((seen.interface, seen.nanos), (1, START + len as i64));
        assert_eq!((seen.bytes.len(), seen.original_len), (len, 1500));
    }
    assert_eq!(seen[5].comments, ["gave up", "größer, 2"]);
}

#[test]
fn tshark_reads_it() {
    if !installed("tshark") {
        return;
    }
    let fields = "-r - -T fields -E occurrence=a -e frame.time_epoch -e frame.cap_len \
                  -e frame.len -e frame.interface_name -e frame.comment";
    let args: Vec<&str> = fields.split_whitespace().collect();
    let said = pipe("tshark", &args, &written());
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 6);
    assert_eq!(lines[3].trim_end(), "1700000000.123456792\t3\t1500\teth0");
    assert!(lines[5].starts_with("1700000000.123456789\t61\t1500\t"), "{}", lines[5]);
    assert!(lines[5].contains("gave up") && lines[5].contains("größer"), "{}", lines[5]);
}

#[test]
fn a_capture_copied_is_the_same() {
    for name in ["connect-fails.pcap", "retransmit-timeout.pcapng"] {
        let bytes = load(name);
        let mut reader = Reader::new(&bytes[..]);
        let mut writer = Writer::new(Vec::new(), &Section::default()).expect("memory");
        while let Some(item) = reader.next().expect("is whole") {
            match item {
                Item::Interface(it) => {
                    assert_eq!(writer.interface(it).expect("memory"), it.index);
                }
                Item::Packet(it, comments) => {
                    let comments: Vec<_> = comments.collect();
                    let comments: Vec<&str> = comments.iter().map(AsRef::as_ref).collect();
                    writer.packet(&it, &comments).expect("memory");
                }
                Item::Statistics(it) => writer.statistics(it).expect("memory"),
                _ => {}
            }
        }
        assert_eq!(whole(&writer.into_inner().expect("memory")), whole(&bytes), "{name}");
    }
}

#[test]
fn an_unknown_interface_is_refused() {
    let mut writer = Writer::new(Vec::new(), &Section::default()).expect("memory");
    let refused = std::io::ErrorKind::InvalidInput;
    assert_eq!(writer.packet(&packet(0, 0, &[]), &[]).unwrap_err().kind(), refused);
    assert_eq!(writer.statistics(&Statistics::default()).unwrap_err().kind(), refused);
}

#[test]
fn what_the_format_cannot_hold_is_cut() {
    let mut writer = Writer::new(Vec::new(), &Section::default()).expect("memory");
    writer.interface(&Interface::new(LinkType::Ethernet, 0)).expect("memory");
    let long = "ä".repeat(40_000);
    writer.packet(&packet(0, -1, &[1]), &[&long]).expect("memory");
    let seen = whole(&writer.into_inner().expect("memory"));
    assert_eq!((seen[0].nanos, seen[0].comments[0].len()), (0, 65_534));
}
