//! What surrounds the packets of a pcapng.

use meshsniff::capture::{Interface, Item, LinkType, Reader, Section, Statistics, Timestamp};

use crate::builder::everything;
use crate::support::whole;

#[test]
fn sections_interfaces_and_statistics() {
    let bytes = everything().bytes;
    let mut reader = Reader::new(&bytes[..]);
    let (mut sections, mut interfaces, mut statistics) = (vec![], vec![], vec![]);
    while let Some(item) = reader.next().expect("is whole") {
        match item {
            Item::Section(section) => sections.push(section.clone()),
            Item::Interface(interface) => interfaces.push(interface.clone()),
            Item::Statistics(counted) => statistics.push(*counted),
            _ => {}
        }
    }
    let first = Section {
        application: Some("builder 1".into()),
        comments: vec!["made by a test".into()],
        ..Section::default()
    };
    assert_eq!(sections, [first, Section::default()]);
    let any = Interface {
        index: 1,
        name: Some("any".into()),
        description: Some("all".into()),
        comments: vec!["an hour late".into()],
        ..Interface::new(LinkType::LinuxSll, 96)
    };
    assert_eq!(interfaces[1], any);
    let indices: Vec<_> = interfaces.iter().map(|it| (it.index, it.link)).collect();
    let (ethernet, sll, raw) = (LinkType::Ethernet, LinkType::LinuxSll, LinkType::Raw);
    assert_eq!(indices, [(0, ethernet), (1, sll), (2, raw), (3, ethernet)]);
    let counted = Statistics {
        time: Timestamp::from_nanos(1_700_000_000_010_000_000),
        ended: Some(Timestamp::from_nanos(1_700_000_000_009_000_000)),
        received: Some(12),
        ..Statistics::default()
    };
    assert_eq!(statistics, [counted]);
}

#[test]
fn packets_of_all_kinds() {
    let seen = whole(&everything().bytes);
    let second = 1_700_000_000_000_000_000;
    let told: Vec<_> =
        seen.iter().map(|it| (it.interface, it.nanos - second, it.bytes.len())).collect();
    assert_eq!(
        told,
        [
            (0, 1_000_000, 60),
            (1, 123_456_789, 61),
            (0, 2_000_000, 63),
            (2, 953, 62),
            (3, 5_000, 64),
            (2, 5_000, 62)
        ]
    );
    assert_eq!(seen[0].comments, ["one", "two"]);
    assert_eq!(seen[3].comments, ["größer"]);
    assert_eq!(seen[5].original_len, 100);
}
