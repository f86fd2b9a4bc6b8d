use super::Timestamp;

/// The packet that proves a statement: its number in the capture and its time.
///
/// Every later type carries marks, so that whatever is said can be looked up. Numbers count from
/// 1 over the whole capture, as Wireshark's `frame.number` does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(from = "(u64, Timestamp)", into = "(u64, Timestamp)"))]
pub struct Mark {
    /// Position in the capture, from 1.
    pub number: u64,
    /// When the packet was captured.
    pub time: Timestamp,
}

/// Number and time: what a mark is in JSON, of which an exchange has four.
impl From<Mark> for (u64, Timestamp) {
    fn from(mark: Mark) -> Self {
        (mark.number, mark.time)
    }
}

impl From<(u64, Timestamp)> for Mark {
    fn from((number, time): (u64, Timestamp)) -> Self {
        Self { number, time }
    }
}
