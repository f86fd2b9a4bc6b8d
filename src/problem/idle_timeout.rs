use super::max_connection_age::{Closed, Heap, heap};
use super::{Code, Detector, Severity};

/// A server closes its connections after a constant time without a byte.
pub(super) const DETECTOR: Detector = Detector {
    code: Code::IdleTimeout,
    severity: Severity::Note,
    title: TITLE,
    applies: None,
    sentence: |_| TITLE.into(),
    explain: include_str!("../../docs/findings/idle-timeout.md"),
};

const TITLE: &str = "the server closes connections that are idle for a constant time";

/// The idle timeout that the ends of one server's connections show.
pub fn infer_idle_timeout(closed: &[Closed]) -> Option<Heap> {
    let idle = closed.iter().filter(|end| end.is_idle()).map(|end| (end.idle, end.time));
    heap(idle.collect(), false)
}
