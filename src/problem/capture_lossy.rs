use super::{Code, Detector, Severity};
use crate::counts::Counts;

/// The capture lost packets.
pub(super) const DETECTOR: Detector = Detector {
    code: Code::CaptureLossy,
    severity: Severity::Warning,
    title: TITLE,
    applies: None,
    sentence: |_| TITLE.into(),
    explain: include_str!("../../docs/findings/capture-lossy.md"),
};

const TITLE: &str = "the capture lost packets";

/// What a capture lacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loss {
    /// Places in a stream whose bytes were not captured.
    pub gaps: u64,
    /// Bytes of the streams that were not captured.
    pub missed_bytes: u64,
    /// Packets the kernel dropped before the capture could take them, as the capture itself says.
    pub dropped: u64,
}

/// What the capture lacks; `None` if nothing is known to be missing.
///
/// `dropped` is the kernel's count, from the capture's statistics.
pub fn loss(counts: &Counts, dropped: u64) -> Option<Loss> {
    let loss = Loss { gaps: counts.gaps, missed_bytes: counts.missed_bytes, dropped };
    (loss != Loss::default()).then_some(loss)
}
