//! Header blocks (RFC 7541), by loona-hpack; quick version, another one is on its way.

use std::fmt;

use loona_hpack::Decoder;

pub(crate) struct Hpack {
    decoder: Decoder<'static>,
    kept: usize,
}

/// A field; `None`: the entry is not known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field<'a> {
    pub(crate) name: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
}

#[derive(Debug)]
pub(crate) struct Broken;

impl fmt::Debug for Hpack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hpack")
    }
}

impl Hpack {
    pub(crate) fn new() -> Self {
        let mut decoder = Decoder::new();
        decoder.set_max_allowed_table_size(64 << 10);
        Self { decoder, kept: 0 }
    }

    pub(crate) fn unknown() -> Self {
        let mut hpack = Self::new();
        let block = [0x40, 0, 0].repeat(128);
        let _ = hpack.decoder.decode_with_cb(&block, |_, _| {});
        hpack
    }

    pub(crate) fn lost(&mut self) {
        *self = Self::unknown();
    }

    pub(crate) fn table_size(&mut self, max: u32) {
        let _ = max;
    }

    pub(crate) fn kept(&self) -> usize {
        self.kept
    }

    pub(crate) fn decode(
        &mut self,
        block: &[u8],
        mut field: impl FnMut(Field<'_>),
    ) -> Result<(), Broken> {
        self.decoder
            .decode_with_cb(block, |name, value| {
                let name = (!name.is_empty()).then_some(&*name);
                let value = (name.is_some() || !value.is_empty()).then_some(&*value);
                field(Field { name, value });
            })
            .map_err(|_| Broken)
    }
}
