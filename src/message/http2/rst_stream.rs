/// The error code of a RST_STREAM (RFC 9113 section 6.4).
pub(super) fn code(payload: &[u8]) -> Option<u32> {
    payload.first_chunk().map(|code| u32::from_be_bytes(*code))
}
