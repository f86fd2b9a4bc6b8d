/// How the streams of a capture ended.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Packets or exchanges that the agents lost because nobody took them in time.
    pub(super) lost: u64,
    /// Why streams lack their end.
    pub(super) cut: Vec<String>,
}
