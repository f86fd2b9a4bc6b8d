use super::json::{Numbers, write_exchange};
use super::summary::{Ended, Summary};
use crate::pairing::Exchange;

/// One JSON document of a whole capture, written as the exchanges come: memory does not grow.
///
/// The format is described by `docs/schema/report.v1.json`.
#[derive(Debug, Default)]
pub struct Document {
    begun: bool,
}

impl Document {
    /// The version of the format, the value of the document's first field.
    pub const SCHEMA: &'static str = "meshsniff/report.v1";

    /// Nothing written yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends an exchange.
    #[inline]
    pub fn exchange(
        &mut self,
        out: &mut Vec<u8>,
        exchange: &Exchange,
        numbers: Numbers,
        pod: Option<&str>,
    ) {
        self.next(out);
        write_exchange(out, exchange, numbers, pod);
    }

    /// Appends an exchange that [`write_exchange`] has written before.
    pub fn written(&mut self, out: &mut Vec<u8>, exchange: &[u8]) {
        self.next(out);
        out.extend_from_slice(exchange);
    }

    /// Appends the findings and the summary: the document is whole then.
    pub fn finish(mut self, out: &mut Vec<u8>, summary: &Summary, ended: &Ended<'_>) {
        self.begin(out);
        self.begun = true;
        out.extend_from_slice(b"\n],\"findings\":");
        summary.write_findings(out, ended);
        out.extend_from_slice(b",\n\"summary\":");
        summary.write_json(out, ended);
        out.extend_from_slice(b"}\n");
    }

    #[inline]
    fn next(&mut self, out: &mut Vec<u8>) {
        self.begin(out);
        out.extend_from_slice(if self.begun { b",\n" } else { b"\n" });
        self.begun = true;
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if !self.begun {
            out.extend_from_slice(b"{\"schema\":\"");
            out.extend_from_slice(Self::SCHEMA.as_bytes());
            out.extend_from_slice(b"\",\n\"exchanges\":[");
        }
    }
}
