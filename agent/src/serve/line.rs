//! A line of JSON, where exchanges are sent.

use meshsniff::Counts;
use meshsniff::pairing::{Again, Connection, Exchange, Plain};
use serde::Serialize;

/// What a line may say; what is not said is absent.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Line<'a> {
    #[serde(skip_serializing_if = "is_first")]
    pub(crate) target: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) exchange: Option<&'a Exchange>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) plain: Option<Plain<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) again: Option<Again<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) question: Option<&'a Exchange>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) connection: Option<&'a Connection>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ended: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) counts: Option<&'a Counts>,
    /// Packets lost by the kernel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dropped: Option<u64>,
    /// Exchanges lost because the queue was full.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lost: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) end: Option<bool>,
}

impl Line<'_> {
    /// A line about a target.
    pub(crate) fn of(target: usize) -> Self {
        Self { target, ..Self::default() }
    }

    /// The last line.
    pub(crate) fn end() -> Self {
        Self { end: Some(true), ..Self::default() }
    }

    /// Appends the line, with its end.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        // Strings and numbers into memory: nothing in it can fail.
        let _ = serde_json::to_writer(&mut *out, self);
        out.push(b'\n');
    }

    /// The line, with its end.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write(&mut bytes);
        bytes
    }
}

/// Whether it is the target that is meant where none is named.
fn is_first(target: &usize) -> bool {
    *target == 0
}
