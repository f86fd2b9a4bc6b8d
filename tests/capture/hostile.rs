//! Bytes that lie.

use std::io::Read;

use meshsniff::capture::{Error, Item, Reader};

use crate::builder::{Builder, everything};
use crate::support::{gzip, load, packets, zstd};

/// xorshift, so that a failure can be repeated.
struct Noise(u64);

impl Noise {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

#[test]
fn random_changes_never_panic() {
    const VALUES: [u8; 6] = [0, 1, 0x7f, 0x80, 0xfe, 0xff];
    let mut noise = Noise(0x006d_6573_6873_6e69);
    let plain = [everything().bytes, load("tcp-handshake-nano.pcap")];
    for bytes in plain.iter().flat_map(|bytes| [bytes.clone(), gzip(bytes), zstd(bytes)]) {
        for _ in 0..3000 {
            let mut changed = bytes.clone();
            for _ in 0..=noise.below(4) {
                let at = noise.below(changed.len());
                changed[at] = VALUES[noise.below(VALUES.len())];
            }
            let (seen, _) = packets(&changed[..]);
            // Whatever is believed must have been there; compressed it may be much more.
            let bytes = seen.iter().map(|seen| seen.bytes.len()).sum::<usize>();
            assert!(bytes <= 1 << 20, "{bytes} bytes of packets from {}", changed.len());
        }
    }
}

#[test]
fn lengths_beyond_the_cap_are_damage() {
    let mut record = Builder::little().pcap(0xa1b2_c3d4, 1).record(0, 0, 60, &[0; 60]).bytes;
    record[32..36].copy_from_slice(&(64 << 20 | 1_u32).to_le_bytes());
    let mut block = Builder::little().section(&[]).block(9, &[0; 60]).bytes;
    block[32..36].copy_from_slice(&(65_u32 << 20).to_le_bytes());
    for (bytes, at) in [(record, 24), (block, 28)] {
        let (seen, error) = packets(&bytes[..]);
        assert!(seen.is_empty());
        assert!(matches!(error, Some(Error::Corrupt { offset, packets: 0, .. }) if offset == at));
    }
}

/// Counts the room it is offered: the size of the reader's buffer.
struct Offered<'a>(&'a [u8], usize);

impl Read for &mut Offered<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        self.1 = self.1.max(into.len());
        self.0.read(into)
    }
}

#[test]
fn a_long_length_alone_takes_no_memory() {
    let mut bytes = Builder::little().pcap(0xa1b2_c3d4, 1).record(0, 0, 60, &[0; 60]).bytes;
    bytes[32..36].copy_from_slice(&(64_u32 << 20).to_le_bytes());
    let mut offered = Offered(&bytes, 0);
    assert!(matches!(packets(&mut offered).1, Some(Error::Cut { packets: 0, offset: 24 })));
    assert!(offered.1 <= 1 << 20, "{}", offered.1);
}

#[test]
fn a_packet_larger_than_the_buffer() {
    let large: Vec<u8> = (0..3_000_000_u32).map(|n| n as u8).collect();
    let capture = Builder::little()
        .pcap(0xa1b2_c3d4, 1)
        .record(1, 0, 60, &[1; 60])
        .record(2, 0, 3_000_000, &large)
        .record(3, 0, 60, &[3; 60]);
    let (seen, error) = packets(&capture.bytes[..]);
    assert!(error.is_none() && seen.len() == 3);
    assert_eq!(seen[1].bytes, large);
    assert_eq!(seen[2].bytes, [3; 60]);
}

#[test]
fn damage_is_told_where_its_block_begins() {
    let capture = Builder::little().section(&[]).packet(0, 0, &[0; 60], &[]);
    let error = packets(&capture.bytes[..]).1;
    assert!(matches!(error, Some(Error::Corrupt { offset: 28, packets: 0, .. })), "{error:?}");
}

#[test]
fn what_is_no_capture_is_named() {
    for (bytes, word) in [
        (&b"{\"log\": {}}"[..], "HAR"),
        (b"\x7fELF\x02\x01", "ELF"),
        (b"snoop\0\0\0", "editcap"),
        (b"\x34\xcd\xb2\xa1\x02\0", "modified"),
        (b"12:00:00 IP 10.0.0.1", "-w"),
        (b"\xfd7zXZ\0", "unpack"),
        (&[0xde, 0xad, 0xbe, 0xef], "unknown"),
        (b"hi", "text"),
    ] {
        let error = packets(bytes).1.expect("is no capture");
        assert!(matches!(error, Error::NotACapture { .. }), "{error:?}");
        assert!(error.to_string().contains(word), "{error}");
    }
    let packed = gzip(b"some text");
    let mut text = Reader::new(&packed[..]);
    assert!(matches!(text.next(), Err(Error::NotACapture { .. })));
}

#[test]
fn nothing_is_empty_even_if_compressed() {
    for bytes in [vec![], gzip(b""), zstd(b"")] {
        assert!(matches!(packets(&bytes[..]).1, Some(Error::Empty)));
    }
}

#[test]
fn an_unfit_option_does_not_spoil_the_packet() {
    let capture = Builder::little().section(&[]).interface(1, 0, &[(9, &[]), (14, &[1])]);
    let body = [&[0; 12][..], &[4, 0, 0, 0, 4, 0, 0, 0, 9, 9, 9, 9, 1, 0, 99, 0]].concat();
    let bytes = capture.block(6, &body).bytes;
    let mut reader = Reader::new(&bytes[..]);
    while let Some(item) = reader.next().expect("is whole") {
        if let Item::Packet(packet, mut comments) = item {
            assert_eq!((packet.bytes, comments.next()), (&[9; 4][..], None));
        }
    }
    assert_eq!(reader.packets(), 1);
}
