//! Streams that give little at a time.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read};
use std::rc::Rc;

use meshsniff::capture::{Error, Item, Reader};

use crate::builder::{Builder, everything};
use crate::support::{gzip, load, packets, twice, whole, zstd};

/// Gives one byte at a time, before each of them an error if there is one.
struct Drip<'a> {
    bytes: &'a [u8],
    before: Option<ErrorKind>,
    ready: bool,
}

impl Read for Drip<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.ready = !self.ready;
        match self.before {
            Some(kind) if self.ready => Err(kind.into()),
            _ => {
                let len = into.len().min(1);
                self.bytes.read(&mut into[..len])
            }
        }
    }
}

#[test]
fn one_byte_at_a_time() {
    let plain = [everything().bytes, load("tcp-handshake-nano.pcap")];
    for bytes in plain {
        let seen = whole(&bytes);
        for packed in
            [bytes.clone(), gzip(&bytes), twice(&bytes, gzip), zstd(&bytes), twice(&bytes, zstd)]
        {
            for before in [
                None,
                Some(ErrorKind::WouldBlock),
                Some(ErrorKind::TimedOut),
                Some(ErrorKind::Interrupted),
            ] {
                let drip = Drip { bytes: &packed, before, ready: false };
                let (dripped, error) = packets(drip);
                assert!(error.is_none(), "{before:?}: {error:?}");
                assert_eq!(dripped, seen, "{before:?}");
            }
        }
    }
}

/// A pipe: empty is not the end.
#[derive(Clone, Default)]
struct Pipe(Rc<RefCell<VecDeque<u8>>>);

impl Read for Pipe {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut bytes = self.0.borrow_mut();
        if bytes.is_empty() { Err(ErrorKind::WouldBlock.into()) } else { bytes.read(into) }
    }
}

#[test]
fn a_packet_is_given_as_soon_as_its_bytes_are_there() {
    let pipe = Pipe::default();
    let mut reader = Reader::new(pipe.clone());
    assert!(reader.next().unwrap_err().is_pause());
    pipe.0.borrow_mut().extend(Builder::little().pcap(0xa1b2_c3d4, 1).bytes);
    assert!(matches!(reader.next(), Ok(Some(Item::Interface(_)))));
    for number in 1..5 {
        assert!(reader.next().unwrap_err().is_pause());
        let record = Builder::little().record(7, 0, 60, &[number; 60]).bytes;
        pipe.0.borrow_mut().extend(record);
        let Ok(Some(Item::Packet(packet, _))) = reader.next() else { panic!("packet {number}") };
        assert_eq!((packet.mark.number, packet.bytes), (number.into(), &[number; 60][..]));
    }
}

#[test]
fn the_kind_of_a_pause_is_that_of_the_stream() {
    let bytes = load("tcp-handshake-nano.pcap");
    for packed in [bytes.clone(), gzip(&bytes), zstd(&bytes)] {
        for kind in [ErrorKind::WouldBlock, ErrorKind::TimedOut] {
            let mut reader = Reader::new(Drip { bytes: &packed, before: Some(kind), ready: false });
            let mut pauses = 0;
            loop {
                match reader.next() {
                    Err(Error::Io(error)) => assert_eq!(error.kind(), kind),
                    Ok(None) => break,
                    other => assert!(other.is_ok(), "{other:?}"),
                }
                pauses += 1;
            }
            assert!(pauses > packed.len());
        }
    }
}
