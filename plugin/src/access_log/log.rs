use std::io::{BufRead, Read as _};

use std::time::Duration;

use meshsniff::capture::Timestamp;

use super::entry::Entry;

/// The longest line that is read; Envoy's heads are limited to about that.
const LINE: u64 = 64 << 10;
/// Entries that are kept of all logs: some 300 MB.
const ENTRIES: usize = 500_000;
/// What a log without a line may mean.
pub(super) const OFF: &str =
    "no request, or the access log is off (Istio: meshConfig.accessLogFile: /dev/stdout)";
/// So long before and after the capture a line may be of a request in it, by another clock.
const AROUND: Duration = Duration::from_secs(3);

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
    /// Requests of another time than the capture's.
    pub(super) outside: u64,
}

/// What is kept of several logs.
pub(crate) struct Room {
    /// Entries that may still be kept.
    left: usize,
    /// The capture's first and last exchange, if that is known.
    span: Option<(Timestamp, Timestamp)>,
}

impl Default for Room {
    fn default() -> Self {
        Self { left: ENTRIES, span: None }
    }
}

impl Room {
    /// For requests of this time.
    pub(super) fn of(first: Timestamp, last: Timestamp) -> Self {
        Self { span: Some((first, last)), ..Self::default() }
    }

    fn is_for(&self, entry: &Entry) -> bool {
        self.span.is_none_or(|(first, last)| {
            entry.end().after(AROUND) >= first && entry.start <= last.after(AROUND)
        })
    }
}

impl Log {
    /// Reads a log to its end, and keeps what there is `room` for.
    ///
    /// # Errors
    /// Those of the reader.
    pub(crate) fn read(
        proxy: String,
        mut from: impl BufRead,
        room: &mut Room,
    ) -> std::io::Result<Self> {
        let mut log = Self { proxy, ..Self::default() };
        let mut line = Vec::new();
        loop {
            line.clear();
            if from.by_ref().take(LINE).read_until(b'\n', &mut line)? == 0 {
                break;
            }
            let whole = line.ends_with(b"\n") || (line.len() as u64) < LINE;
            log.line(if whole { &line } else { b"" }, room);
            if !whole {
                from.skip_until(b'\n')?;
            }
        }
        // Logs that were put together may have a line twice.
        log.entries.sort_by(|a, b| (a.start, &a.request_id).cmp(&(b.start, &b.request_id)));
        let all = log.entries.len();
        log.entries.dedup();
        room.left += all - log.entries.len();
        Ok(log)
    }

    /// Whether it has no request.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.outside == 0
    }

    /// What to do about a log that has no request.
    pub(super) fn nothing(&self) -> String {
        if self.others == 0 {
            return format!("no line: {OFF}");
        }
        format!(
            "no line ({}) is a request in Istio's or Envoy's format. Istio logs them with \
             meshConfig.accessLogFile: /dev/stdout, or a Telemetry with accessLogging",
            self.others
        )
    }

    fn line(&mut self, line: &[u8], room: &mut Room) {
        let parsed = std::str::from_utf8(line).ok().and_then(Entry::parse);
        // A connection that is not HTTP has an entry, and no exchange.
        match parsed.filter(|entry| entry.method.is_some()) {
            Some(entry) if !room.is_for(&entry) => self.outside += 1,
            Some(_) if room.left == 0 => self.over += 1,
            Some(entry) => {
                room.left -= 1;
                self.entries.push(entry);
            }
            None => self.others += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE_OF_ONE: &str = "[2026-11-27T06:42:24.604Z] \"GET /a HTTP/1.1\" 200 - 0 2 11 11 \
                               \"-\" \"x\" \"id\" \"catalog\" \"127.0.0.1:9080\"\n";

    fn read(text: &str) -> Log {
        Log::read("a".into(), text.as_bytes(), &mut Room::default()).unwrap()
    }

    #[test]
    fn an_empty_log_is_told_from_one_that_is_no_access_log() {
        assert!(read("").nothing().starts_with("no line: no request, or the access log is off"));
        assert!(read("ready\n").nothing().starts_with("no line (1) is a request"));
    }

    #[test]
    fn what_is_not_of_the_captures_time_takes_no_room() {
        let begin: Timestamp = super::super::entry::time("2026-11-27T06:42:24.604Z").unwrap();
        let of = |first: Timestamp, last| {
            let mut room = Room::of(first, last);
            let log = Log::read("a".into(), LINE_OF_ONE.as_bytes(), &mut room).unwrap();
            assert!(!log.is_empty());
            assert_eq!(ENTRIES - room.left, log.entries.len());
            log.entries.len()
        };
        let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
        assert_eq!(of(begin.after(second), begin.after(minute)), 1);
        assert_eq!(of(begin.after(minute), begin.after(minute)), 0);
        let before = |span: Duration| Timestamp::from_nanos(begin.nanos() - span.as_nanos() as i64);
        assert_eq!(of(before(minute), before(second)), 1);
        assert_eq!(of(before(minute), before(minute)), 0);
    }

    #[test]
    fn all_logs_share_the_room() {
        let mut room = Room { left: 3, span: None };
        let mut of = |paths: &[&str]| {
            let lines: Vec<_> = paths.iter().map(|path| LINE_OF_ONE.replace("/a", path)).collect();
            let log = Log::read("a".into(), lines.concat().as_bytes(), &mut room).unwrap();
            (log.entries.len(), log.over)
        };
        assert_eq!(of(&["/a", "/a", "/b"]), (2, 0));
        assert_eq!(of(&["/a", "/b"]), (1, 1));
    }

    #[test]
    fn lines_of_others_are_counted() {
        let other = LINE_OF_ONE.replace("/a", "/b");
        let text = format!("{LINE_OF_ONE}2026 info ready\n\n{other}\u{fffd}\n");
        let log = read(&text);
        assert_eq!((log.entries.len(), log.others), (2, 3));
        let log = Log::read("a".into(), &b"\xff\xfe\n\0\n"[..], &mut Room::default()).unwrap();
        assert_eq!((log.entries.len(), log.others), (0, 2));
    }

    #[test]
    fn a_line_that_is_there_twice_is_one() {
        let text = LINE_OF_ONE.repeat(3);
        assert_eq!(read(&text).entries.len(), 1);
    }

    #[test]
    fn an_endless_line_is_one_that_is_skipped() {
        let long = format!("{}{LINE_OF_ONE}{LINE_OF_ONE}", "x".repeat(300_000));
        let log = read(&long);
        assert_eq!((log.entries.len(), log.others), (1, 1));
    }
}
