use std::sync::LazyLock;

use loona_hpack::Decoder;

/// A name and a value.
pub(super) type Entry = (Vec<u8>, Vec<u8>);

/// The static table (RFC 7541 appendix A): its 61 entries in their order, the first at 0.
pub(super) static FIXED: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    // A block of one byte says one entry, until there are no more.
    (1..).map_while(|index| Decoder::new().decode(&[0x80 | index]).ok()).flatten().collect()
});
