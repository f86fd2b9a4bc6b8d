/// By how much a WINDOW_UPDATE opens a window (RFC 9113 section 6.9).
pub(super) fn increment(payload: &[u8]) -> Option<u32> {
    payload.first_chunk().map(|word| u32::from_be_bytes(*word) & 0x7fff_ffff)
}
