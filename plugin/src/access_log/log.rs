use std::io::{BufRead, Read as _};

use super::entry::Entry;

/// The longest line that is read; Envoy's heads are limited to about that.
const LINE: u64 = 64 << 10;
/// Entries that are kept of one log: some 300 MB.
const ENTRIES: usize = 500_000;

/// The access log of one proxy.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// What the proxy is called: its pod, or the file.
    pub(crate) proxy: String,
    /// In the order of their begin.
    pub(super) entries: Vec<Entry>,
    /// Lines that are no requests in a format that is known: Envoy's and the agent's own.
    pub(super) others: u64,
    /// Entries beyond the limit.
    pub(super) over: u64,
}

impl Log {
    /// Reads a log to its end.
    ///
    /// # Errors
    /// Those of the reader.
    pub(crate) fn read(proxy: String, mut from: impl BufRead) -> std::io::Result<Self> {
        let mut log = Self { proxy, ..Self::default() };
        let mut line = Vec::new();
        loop {
            line.clear();
            if from.by_ref().take(LINE).read_until(b'\n', &mut line)? == 0 {
                break;
            }
            let whole = line.ends_with(b"\n") || (line.len() as u64) < LINE;
            log.line(if whole { &line } else { b"" });
            if !whole {
                from.skip_until(b'\n')?;
            }
        }
        // Logs that were put together may have a line twice.
        log.entries.sort_by(|a, b| (a.start, &a.request_id).cmp(&(b.start, &b.request_id)));
        log.entries.dedup();
        Ok(log)
    }

    /// Whether it has no request.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What to do about a log that has no request.
    pub(super) fn nothing(&self) -> String {
        format!(
            "no line ({}) is a request in Istio's or Envoy's format. Istio logs them with \
             meshConfig.accessLogFile: /dev/stdout, or a Telemetry with accessLogging",
            self.others
        )
    }

    fn line(&mut self, line: &[u8]) {
        let parsed = std::str::from_utf8(line).ok().and_then(Entry::parse);
        // A connection that is not HTTP has an entry, and no exchange.
        match parsed.filter(|entry| entry.method.is_some()) {
            Some(_) if self.entries.len() >= ENTRIES => self.over += 1,
            Some(entry) => self.entries.push(entry),
            None => self.others += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE_OF_ONE: &str = "[2026-11-27T06:42:24.604Z] \"GET /a HTTP/1.1\" 200 - 0 2 11 11 \
                               \"-\" \"x\" \"id\" \"catalog\" \"127.0.0.1:9080\"\n";

    #[test]
    fn lines_of_others_are_counted() {
        let other = LINE_OF_ONE.replace("/a", "/b");
        let text = format!("{LINE_OF_ONE}2026 info ready\n\n{other}\u{fffd}\n");
        let log = Log::read("a".into(), text.as_bytes()).unwrap();
        assert_eq!((log.entries.len(), log.others), (2, 3));
        let log = Log::read("a".into(), &b"\xff\xfe\n\0\n"[..]).unwrap();
        assert_eq!((log.entries.len(), log.others), (0, 2));
    }

    #[test]
    fn a_line_that_is_there_twice_is_one() {
        let text = LINE_OF_ONE.repeat(3);
        assert_eq!(Log::read("a".into(), text.as_bytes()).unwrap().entries.len(), 1);
    }

    #[test]
    fn an_endless_line_is_one_that_is_skipped() {
        let long = format!("{}{LINE_OF_ONE}{LINE_OF_ONE}", "x".repeat(300_000));
        let log = Log::read("a".into(), long.as_bytes()).unwrap();
        assert_eq!((log.entries.len(), log.others), (1, 1));
    }
}
