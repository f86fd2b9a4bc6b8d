//! A file cut anywhere gives all packets before the cut.

use meshsniff::capture::Error;

use crate::builder::{Builder, everything};
use crate::support::{gzip, load, packets, whole, zstd};

/// Each cut point of `bytes`, of which `ends` are the ends of records and the packets until there.
fn every_cut(bytes: &[u8], ends: &[(usize, usize)]) {
    let all = whole(bytes);
    for cut in 0..bytes.len() {
        let (seen, error) = packets(&bytes[..cut]);
        let before = ends.iter().rfind(|(end, _)| *end <= cut);
        let count = before.map_or(0, |(_, packets)| *packets);
        assert_eq!(seen, all[..count], "cut at {cut}");
        match error {
            Some(Error::Empty) => assert_eq!(cut, 0),
            None => assert!(ends.iter().any(|(end, _)| *end == cut), "no error, cut at {cut}"),
            Some(Error::Cut { packets, offset }) => {
                assert_eq!(packets, count as u64, "cut at {cut}");
                assert_eq!(offset, before.map_or(0, |(end, _)| *end as u64), "cut at {cut}");
                assert!(ends.iter().all(|(end, _)| *end != cut), "error, cut at {cut}");
            }
            Some(other) => panic!("cut at {cut}: {other}"),
        }
    }
}

#[test]
fn pcap() {
    let mut ends = vec![(24, 0)];
    let bytes = load("tcp-handshake-nano.pcap");
    for seen in whole(&bytes) {
        let (end, count) = ends[ends.len() - 1];
        ends.push((end + 16 + seen.bytes.len(), count + 1));
    }
    every_cut(&bytes, &ends);
}

#[test]
fn pcapng() {
    let bytes = everything().bytes;
    let (mut at, mut count, mut big, mut ends) = (0, 0, false, Vec::new());
    while at < bytes.len() {
        big = if bytes[at] == 0x0a { bytes[at + 8] == 0x1a } else { big };
        let number = |at: usize| {
            let field = bytes[at..at + 4].try_into().expect("is 4 bytes");
            if big { u32::from_be_bytes(field) } else { u32::from_le_bytes(field) }
        };
        count += usize::from([2, 3, 6].contains(&number(at)));
        at += number(at + 4) as usize;
        ends.push((at, count));
    }
    every_cut(&bytes, &ends);
}

#[test]
fn a_compressed_stream_gives_what_can_be_unpacked() {
    let mut capture = Builder::little().pcap(0xa1b2_c3d4, 1);
    let mut noise = 1_u32;
    for second in 0..4000 {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        capture = capture.record(second, 0, 100, &noise.to_le_bytes().repeat(25));
    }
    let all = whole(&capture.bytes);
    for packed in [gzip(&capture.bytes), zstd(&capture.bytes)] {
        for part in 1..8 {
            let (seen, error) = packets(&packed[..packed.len() * part / 8]);
            assert!(matches!(error, Some(Error::Cut { .. })), "{error:?}");
            assert_eq!(seen, all[..seen.len()]);
            assert!(part < 7 || !seen.is_empty(), "nothing was unpacked");
        }
    }
}
