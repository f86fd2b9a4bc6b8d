/// How the streams of a capture ended.
#[derive(Debug)]
pub(super) struct Tally {
    running: usize,
    /// Packets or exchanges that were lost while a stream was broken.
    pub(super) lost: u64,
    /// Why streams lack their end.
    pub(super) cut: Vec<String>,
}

impl Tally {
    pub(super) fn new(streams: usize) -> Self {
        Self { running: streams, lost: 0, cut: Vec::new() }
    }

    /// A stream has ended; answers whether all have.
    pub(super) fn ended(&mut self, cut: Option<String>) -> bool {
        self.running = self.running.saturating_sub(1);
        self.cut.extend(cut);
        self.running == 0
    }
}
