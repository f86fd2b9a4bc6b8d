use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressStyle};

/// Smaller files are read before a bar is understood.
const BIG: u64 = 64 << 20;

/// A bar on stderr while a big file is read.
#[derive(Debug)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// A bar for a file of this length, if it is big and someone can see the bar.
    pub(crate) fn new(len: u64) -> Option<Self> {
        if len < BIG || !std::io::stderr().is_terminal() {
            return None;
        }
        let style =
            ProgressStyle::with_template("{bar:30} {percent:>3} % {bytes_per_sec} {eta}").ok()?;
        Some(Self(ProgressBar::new(len).with_style(style)))
    }

    pub(crate) fn read(&self, count: usize) {
        self.0.inc(count as u64);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
