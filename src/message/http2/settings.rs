/// What one SETTINGS frame changes, as far as it matters to a reader (RFC 9113 section 6.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    /// SETTINGS_INITIAL_WINDOW_SIZE: of streams on which is sent to the one that sets it.
    pub(crate) window: Option<u32>,
    /// SETTINGS_MAX_FRAME_SIZE: of frames sent to the one that sets it.
    pub(super) frame: Option<u32>,
}

impl Settings {
    pub(super) fn read(payload: &[u8]) -> Self {
        let mut settings = Self::default();
        for entry in payload.chunks_exact(6) {
            let [a, b, c, d, e, f] = *entry else { continue };
            let value = u32::from_be_bytes([c, d, e, f]);
            match u16::from_be_bytes([a, b]) {
                0x4 => settings.window = Some(value),
                0x5 => settings.frame = Some(value),
                _ => {}
            }
        }
        settings
    }
}
