//! What several of the tests share.

use std::io::Read;
use std::path::{Path, PathBuf};

use meshsniff::capture::{Error, Item, Reader};

/// A packet as it is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) number: u64,
    pub(crate) nanos: i64,
    pub(crate) interface: u32,
    pub(crate) original_len: u32,
    pub(crate) bytes: Vec<u8>,
    pub(crate) comments: Vec<String>,
}

/// The packets until the end or an error.
pub(crate) fn packets(read: impl Read) -> (Vec<Seen>, Option<Error>) {
    let mut reader = Reader::new(read);
    let mut seen = Vec::new();
    loop {
        match reader.next() {
            Ok(Some(item)) => seen.extend(packet(item)),
            Ok(None) => return (seen, None),
            Err(error) if error.is_pause() => {}
            Err(error) => {
                assert!(matches!(reader.next(), Ok(None)), "after an error there must be no more");
                return (seen, Some(error));
            }
        }
    }
}

fn packet(item: Item<'_>) -> Option<Seen> {
    let Item::Packet(packet, comments) = item else { return None };
    Some(Seen {
        number: packet.mark.number,
        nanos: packet.mark.time.nanos(),
        interface: packet.interface,
        original_len: packet.original_len,
        bytes: packet.bytes.to_vec(),
        comments: comments.map(String::from).collect(),
    })
}

/// The packets of a capture that has no fault.
pub(crate) fn whole(bytes: &[u8]) -> Vec<Seen> {
    let (seen, error) = packets(bytes);
    assert!(error.is_none(), "{error:?}");
    seen
}

pub(crate) fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/capture/data").join(name)
}

pub(crate) fn load(name: &str) -> Vec<u8> {
    std::fs::read(data(name)).expect("test data is there")
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    flate2::read::GzEncoder::new(bytes, flate2::Compression::default())
        .read_to_end(&mut out)
        .expect("memory can be read");
    out
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).expect("memory can be read")
}

/// Compresses in two members or frames, the second beginning in the middle of a record.
pub(crate) fn twice(bytes: &[u8], compress: fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let (first, second) = bytes.split_at(bytes.len() / 2);
    [compress(first), compress(second)].concat()
}
