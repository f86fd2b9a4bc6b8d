use std::io;

use meshsniff::pairing::Exchange;
use meshsniff::report::{Document, Ended, Lines, Numbers, Palette, Summary, write_exchange};

use super::output::Output;
use crate::access_log::{EXCHANGES, Found};
use crate::args::{Format, Report};

/// What is printed, and how.
#[derive(Debug)]
pub(crate) struct View {
    out: Output,
    kind: Kind,
    palette: Palette,
    /// Exchanges have lines; otherwise the summary is all.
    lines: bool,
    numbers: Numbers,
    /// Lines that wait for what was logged of them, with their places there.
    waiting: Vec<(Option<usize>, Box<[u8]>)>,
    /// Whether they do.
    waits: bool,
    /// Several pods: each line says of which it is.
    pub(crate) several: bool,
}

#[derive(Debug)]
enum Kind {
    Text(Lines),
    Jsonl,
    Json(Document),
}

impl View {
    pub(crate) fn new(args: &Report, out: Output, palette: Palette) -> Self {
        let kind = match args.output {
            Format::Text => Kind::Text(Lines::new(palette)),
            Format::Jsonl => Kind::Jsonl,
            Format::Json => Kind::Json(Document::new()),
        };
        // Frames of a capture of flagged connections have other numbers.
        let numbers = if args.only_flagged { Numbers::Withheld } else { Numbers::Told };
        Self {
            out,
            kind,
            palette,
            lines: !args.summary,
            numbers,
            waiting: Vec::new(),
            waits: false,
            several: false,
        }
    }

    /// Lines wait for what was logged of them, but for live text.
    pub(crate) fn wait(&mut self, live: bool) {
        self.waits = !live || !matches!(self.kind, Kind::Text(_));
    }

    /// The exchange's line; `place` is where it is found among what was logged.
    #[inline]
    pub(crate) fn exchange(
        &mut self,
        exchange: &Exchange,
        pod: Option<&str>,
        place: Option<usize>,
    ) -> io::Result<()> {
        if !self.lines {
            return Ok(());
        }
        // More is kept only of what is in a place.
        if self.waits && (place.is_some() || self.waiting.len() < EXCHANGES) {
            let mut line = Vec::new();
            match &mut self.kind {
                Kind::Text(lines) => {
                    prefix(&mut line, pod.filter(|_| self.several));
                    lines.exchange(&mut line, exchange);
                }
                _ => write_exchange(&mut line, exchange, self.numbers, pod),
            }
            self.waiting.push((place, line.into()));
            return Ok(());
        }
        let out = self.out.buffer();
        match &mut self.kind {
            Kind::Text(lines) => {
                prefix(out, pod.filter(|_| self.several));
                lines.exchange(out, exchange);
            }
            Kind::Jsonl => {
                write_exchange(out, exchange, self.numbers, pod);
                out.push(b'\n');
            }
            Kind::Json(document) => document.exchange(out, exchange, self.numbers, pod),
        }
        self.out.relieve()
    }

    /// The line of a client that closed and may have given up: for people only.
    pub(crate) fn question(&mut self, exchange: &Exchange, pod: Option<&str>) -> io::Result<()> {
        if let (true, Kind::Text(lines)) = (self.lines, &self.kind) {
            let out = self.out.buffer();
            prefix(out, pod.filter(|_| self.several));
            lines.question(out, exchange);
        }
        self.out.relieve()
    }

    /// Whether a summary will be printed.
    pub(crate) fn has_summary(&self) -> bool {
        !(self.lines && matches!(self.kind, Kind::Jsonl))
    }

    /// Shows what there is.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// The summary, last.
    pub(crate) fn finish(
        mut self,
        summary: &Summary,
        ended: &Ended<'_>,
        found: Option<&Found>,
    ) -> io::Result<()> {
        self.release(found)?;
        let out = self.out.buffer();
        match self.kind {
            Kind::Text(_) => {
                if self.lines && summary.exchanges() > 0 {
                    out.push(b'\n');
                }
                summary.write_text(out, ended, self.palette);
                if let Some(found) = found {
                    found.text(out);
                }
            }
            Kind::Jsonl if self.lines => {}
            Kind::Jsonl => {
                summary.write_json(out, ended);
                out.push(b'\n');
            }
            Kind::Json(document) => document.finish(out, summary, ended),
        }
        self.out.flush()
    }

    /// The lines that waited, each with what was logged before its end.
    fn release(&mut self, found: Option<&Found>) -> io::Result<()> {
        for (place, line) in std::mem::take(&mut self.waiting) {
            let known = found.zip(place);
            let (line, end) = line.split_at(line.len().saturating_sub(1));
            let out = self.out.buffer();
            match &mut self.kind {
                Kind::Text(_) => {
                    out.extend_from_slice(line);
                    if let Some(words) = known.and_then(|(found, place)| found.words(place)) {
                        out.extend_from_slice(format!("   {words}").as_bytes());
                    }
                    out.extend_from_slice(end);
                }
                kind => {
                    let logged = known.and_then(|(found, place)| found.logged(place));
                    let logged = logged.map(|all| format!(",\"logged\":{all}"));
                    let whole = [line, logged.unwrap_or_default().as_bytes(), end].concat();
                    match kind {
                        Kind::Json(document) => document.written(out, &whole),
                        _ => out.extend_from_slice(&[&whole[..], b"\n"].concat()),
                    }
                }
            }
            self.out.relieve()?;
        }
        Ok(())
    }
}

/// The pod's name before its line, where there are several.
#[inline]
fn prefix(out: &mut Vec<u8>, pod: Option<&str>) {
    if let Some(pod) = pod {
        let name = pod.rsplit('/').next().unwrap_or(pod);
        out.extend(name.bytes().filter(u8::is_ascii_graphic));
        out.extend_from_slice(b"  ");
    }
}
