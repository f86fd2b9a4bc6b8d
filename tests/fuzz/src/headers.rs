use loona_hpack::Decoder;
use loona_hpack::decoder::DecoderError;
use meshsniff::message::{Broken, Field, Hpack};

use super::cursor::Cursor;

/// What a head may be, and 32 for each of its fields (RFC 9113 section 6.5.2).
const LARGEST: usize = 256 << 10;
/// The largest table that is kept.
const TABLE: usize = 64 << 10;
/// A table, its index and the room beside them, each up to twice as large as what is in it.
const MEMORY: usize = 8 * TABLE;

/// A name and a value, as far as they are known.
type Said = (Option<Vec<u8>>, Option<Vec<u8>>);

/// The input as the header blocks of a connection: who reads them from the beginning reads what
/// loona-hpack reads; who joins later, and misses some, is right or says that it does not know.
pub fn hpack(input: &[u8]) {
    let mut cursor = Cursor::new(input);
    let mut loona = Decoder::new();
    loona.set_max_allowed_table_size(TABLE);
    let mut whole = Hpack::new();
    let mut late = Hpack::unknown();
    let mut valid = true;
    for missed in (0..cursor.u8() % 8).map(|_| true).chain(std::iter::repeat(false)) {
        if cursor.is_empty() {
            break;
        }
        let missed = missed || cursor.u8() & 15 == 15;
        let len = cursor.u16();
        let block = cursor.take(len.into());
        let read = decode(&mut whole, block);
        let joined = match missed {
            true => {
                late.lost();
                None
            }
            false => Some(decode(&mut late, block)),
        };
        if !valid {
            continue;
        }
        let mut truth = Vec::new();
        let mut size = 0;
        let result = loona.decode_with_cb(block, |name, value| {
            size += name.len() + value.len() + 32;
            if size <= LARGEST {
                truth.push((Some(name.into_owned()), Some(value.into_owned())));
            }
        });
        match result {
            // It does not want a size at the end; the table has that size none the less.
            Ok(()) | Err(DecoderError::SizeUpdateAtEnd) if size <= LARGEST => {
                if let Some(joined) = joined {
                    right_or_unknown(&joined.expect("it is not broken"), &truth);
                }
                assert_eq!(read, Ok(truth));
            }
            // A larger table than is kept.
            Err(DecoderError::InvalidMaxDynamicSize) => valid = false,
            _ => {
                assert_eq!(read, Err(Broken));
                valid = false;
            }
        }
    }
}

fn decode(hpack: &mut Hpack, block: &[u8]) -> Result<Vec<Said>, Broken> {
    let mut said = Vec::new();
    let mut size = 0;
    let result = hpack.decode(block, |Field { name, value }| {
        size += name.map_or(0, <[u8]>::len) + value.map_or(0, <[u8]>::len) + 32;
        said.push((name.map(<[u8]>::to_vec), value.map(<[u8]>::to_vec)));
    });
    assert!(size <= LARGEST, "{size} bytes are said");
    assert!(hpack.kept() <= MEMORY, "{} bytes are kept", hpack.kept());
    result.map(|()| said)
}

fn right_or_unknown(said: &[Said], truth: &[Said]) {
    assert_eq!(said.len(), truth.len(), "every field is said");
    for (said, truth) in said.iter().zip(truth) {
        assert!(said.0.is_none() || said.0 == truth.0, "{said:?} is {truth:?}");
        assert!(said.1.is_none() || said.1 == truth.1, "{said:?} is {truth:?}");
    }
}
