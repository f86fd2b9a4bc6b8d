/// How the streams of a capture ended.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Packets or exchanges that the agents lost because nobody took them in time.
    pub(super) lost: u64,
    /// Whether anything was captured at all.
    pub(super) captured: bool,
    /// Why streams lack their end.
    pub(super) cut: Vec<String>,
    /// Interfaces that were not captured.
    pub(super) refused: Vec<String>,
}
