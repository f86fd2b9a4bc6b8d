/// A GOAWAY (RFC 9113 section 6.8): its sender takes no more streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GoAway<'a> {
    /// The highest stream that its sender has looked at or may look at.
    pub(crate) last: u32,
    /// Why, as an error code.
    pub(crate) code: u32,
    /// Words for a person, such as `max_age`.
    pub(crate) debug: &'a [u8],
}

impl<'a> GoAway<'a> {
    pub(super) fn read(payload: &'a [u8]) -> Option<Self> {
        let (last, rest) = payload.split_first_chunk()?;
        let (code, debug) = rest.split_first_chunk()?;
        let last = u32::from_be_bytes(*last) & 0x7fff_ffff;
        Some(Self { last, code: u32::from_be_bytes(*code), debug })
    }
}
