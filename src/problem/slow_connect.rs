use super::{Code, Detector, Severity};

/// The connect was answered, late.
pub(super) const DETECTOR: Detector = Detector {
    code: Code::SlowConnect,
    severity: Severity::Warning,
    title: TITLE,
    applies: None,
    sentence: |_| TITLE.into(),
    explain: include_str!("../../docs/findings/slow-connect.md"),
};

const TITLE: &str = "the connect was answered late";
