use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use meshsniff::capture::{Error, Item, Reader};
use meshsniff::report::Palette;
use meshsniff::{Analysis, Settings};

use super::Aides;
use super::evidence::Evidence;
use super::input::{Input, Waiter};
use super::judge::Judge;
use super::output::Output;
use crate::args::Report;

/// How long a silent live input is waited for before time is told to pass.
const TICK: Duration = Duration::from_millis(200);
/// After Ctrl-C the capturing program gets this long to hand over its last packets.
const GRACE: Duration = Duration::from_secs(1);

/// One capture from its first byte to its summary.
pub(crate) struct Session {
    reader: Reader<Input>,
    analysis: Analysis,
    judge: Judge,
    waiter: Option<Waiter>,
    /// Ctrl-C ends it; otherwise whoever feeds the input does.
    interrupts: bool,
    /// Set by Ctrl-C.
    stop: Arc<AtomicBool>,
    stopped: Option<Instant>,
    /// Packets the kernel dropped, by interface: counters grow, so the last one counts.
    dropped: BTreeMap<u32, u64>,
    /// When the last packets came, by our clock, and how many there were.
    arrived: (Instant, u64),
}

/// How a session ended.
pub(crate) struct Outcome {
    /// Why the capture could not be read to its end, as a sentence with the next step.
    pub(crate) failure: Option<String>,
    /// Whether there are findings.
    pub(crate) findings: bool,
}

impl Session {
    pub(crate) fn new(
        args: &Report,
        input: Input,
        out: Output,
        evidence: Evidence,
        palette: Palette,
    ) -> Self {
        let live = input.is_live();
        let interrupts = live && !input.is_fed();
        // stdin and stdout may be two ends of one terminal: there is no bar between lines.
        let bar = args.summary || !io::IsTerminal::is_terminal(&io::stdout());
        let input = if bar { input } else { input.without_progress() };
        let waiter = if live { input.waiter().ok() } else { None };
        Self {
            reader: Reader::new(input),
            analysis: Analysis::new(settings(args, live)),
            judge: Judge::new(args, out, evidence, palette),
            waiter,
            interrupts,
            stop: Arc::new(AtomicBool::new(false)),
            stopped: None,
            dropped: BTreeMap::new(),
            arrived: (Instant::now(), 0),
        }
    }

    /// Tells these, too.
    pub(crate) fn aided(self, aides: Aides) -> Self {
        let live = self.waiter.is_some();
        Self { judge: self.judge.aided(aides, live), ..self }
    }

    /// Reads the capture to its end, which for a live one is Ctrl-C.
    pub(crate) fn run(mut self) -> anyhow::Result<Outcome> {
        if self.interrupts {
            // The second Ctrl-C ends at once.
            let again = Arc::clone(&self.stop);
            signal_hook::flag::register_conditional_shutdown(
                signal_hook::consts::SIGINT,
                130,
                again,
            )?;
            signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&self.stop))?;
        }
        let failure = self.read()?;
        self.analysis.finish();
        self.judge.take(&mut self.analysis)?;
        self.counted();
        let read = self.reader.packets() > 0 || failure.is_none();
        // The reader, and with it a progress bar, is gone before anything else is said.
        drop(self.reader);
        let failure = failure.map(|error| error.to_string());
        if !read {
            self.judge.discard()?;
            return Ok(Outcome { failure, findings: false });
        }
        let dropped = (!self.dropped.is_empty()).then(|| self.dropped.values().sum());
        let findings = self.judge.finish(self.analysis.counts(), dropped)?;
        Ok(Outcome { failure, findings })
    }

    /// Packets in, lines out, until there are no more.
    fn read(&mut self) -> anyhow::Result<Option<Error>> {
        loop {
            match self.reader.next() {
                Ok(Some(Item::Packet(ref packet, ref comments))) => {
                    self.analysis.push(packet);
                    self.judge.take(&mut self.analysis)?;
                    self.judge.evidence.packet(packet, comments)?;
                }
                Ok(Some(item)) => {
                    if let Item::Interface(interface) = item
                        && let Some(name) = &interface.name
                    {
                        self.judge.describe(interface.index, name);
                    }
                    if let Item::Statistics(statistics) = item {
                        let dropped = [statistics.dropped, statistics.os_dropped];
                        if dropped.iter().any(Option::is_some) {
                            let dropped = dropped.into_iter().flatten().sum();
                            self.dropped.insert(statistics.interface, dropped);
                        }
                    }
                    self.judge.evidence.described(&item)?;
                }
                Ok(None) => return Ok(None),
                Err(error) if error.is_pause() => {
                    if self.pause()? {
                        return Ok(None);
                    }
                }
                // Ctrl-C ends the capturing program, too: its last record may be half.
                Err(Error::Cut { .. }) if self.stop.load(Ordering::Relaxed) => return Ok(None),
                Err(error) => return Ok(Some(error)),
            }
        }
    }

    fn counted(&mut self) {
        self.judge.counted(self.analysis.counts(), self.dropped.values().sum(), 0);
    }

    /// Nothing to read: shows what is known, waits, lets time pass. Answers whether it is over.
    fn pause(&mut self) -> anyhow::Result<bool> {
        self.counted();
        self.judge.flush()?;
        let packets = self.reader.packets();
        if self.arrived.1 != packets {
            self.arrived = (Instant::now(), packets);
        }
        if let Some(waiter) = &self.waiter {
            let ready = waiter.wait(TICK)?;
            // The age of the last packet is known only since it came to us.
            let silence = self.arrived.0.elapsed();
            if let (Some(last), true) = (self.analysis.counts().last, !ready && silence >= TICK) {
                self.analysis.advance(last.time.after(silence));
                self.judge.take(&mut self.analysis)?;
                self.judge.flush()?;
            }
        }
        if self.stop.load(Ordering::Relaxed) {
            let stopped = *self.stopped.get_or_insert_with(Instant::now);
            return Ok(stopped.elapsed() > GRACE);
        }
        Ok(false)
    }
}

/// The settings of the analysis; the second pass over a file needs the same.
pub(super) fn settings(args: &Report, live: bool) -> Settings {
    Settings { slow: args.slow_after, live, ..Settings::default() }
}
