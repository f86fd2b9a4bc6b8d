use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use meshsniff::capture::{Error, Item, Reader};
use meshsniff::problem::loss;
use meshsniff::report::{Ended, Palette, Summary};
use meshsniff::{Analysis, Event, Settings};

use super::evidence::Evidence;
use super::filter::Filter;
use super::input::{Input, Waiter};
use super::output::Output;
use super::view::View;
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
    /// Set by Ctrl-C.
    stop: Arc<AtomicBool>,
    stopped: Option<Instant>,
    /// Packets the kernel dropped, by interface: counters grow, so the last one counts.
    dropped: BTreeMap<u32, u64>,
    /// When the last packets came, by our clock, and how many there were.
    arrived: (Instant, u64),
}

/// Takes events: what becomes of an exchange.
struct Judge {
    view: View,
    filter: Filter,
    summary: Summary,
    evidence: Evidence,
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
        // stdin and stdout may be two ends of one terminal: there is no bar between lines.
        let bar = args.summary || !io::IsTerminal::is_terminal(&io::stdout());
        let input = if bar { input } else { input.without_progress() };
        let waiter = if live { input.waiter().ok() } else { None };
        Self {
            reader: Reader::new(input),
            analysis: Analysis::new(settings(args, live)),
            judge: Judge {
                view: View::new(args, out, palette),
                filter: Filter::new(args),
                summary: Summary::new(),
                evidence,
            },
            waiter,
            stop: Arc::new(AtomicBool::new(false)),
            stopped: None,
            dropped: BTreeMap::new(),
            arrived: (Instant::now(), 0),
        }
    }

    /// Reads the capture to its end, which for a live one is Ctrl-C.
    pub(crate) fn run(mut self) -> anyhow::Result<Outcome> {
        if self.waiter.is_some() {
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
        let read = self.reader.packets() > 0 || failure.is_none();
        let Judge { mut view, filter, summary, evidence } = self.judge;
        view.flush()?;
        let written = evidence.name();
        // The reader, and with it a progress bar, is gone before anything else is said.
        drop(self.reader);
        if read {
            evidence.finish()?;
        } else {
            evidence.discard();
        }
        let counts = self.analysis.counts();
        let dropped: u64 = self.dropped.values().sum();
        let ended = Ended {
            counts,
            dropped: (!self.dropped.is_empty()).then_some(dropped),
            left_out: filter.left_out(),
            written: written.as_deref(),
        };
        if read {
            view.finish(&summary, &ended)?;
        }
        let findings = summary.has_findings() || loss(counts, dropped).is_some();
        Ok(Outcome { failure: failure.map(|error| error.to_string()), findings })
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

    /// Nothing to read: shows what is known, waits, lets time pass. Answers whether it is over.
    fn pause(&mut self) -> anyhow::Result<bool> {
        self.judge.view.flush()?;
        self.judge.evidence.flush()?;
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
                self.judge.view.flush()?;
            }
        }
        if self.stop.load(Ordering::Relaxed) {
            let stopped = *self.stopped.get_or_insert_with(Instant::now);
            return Ok(stopped.elapsed() > GRACE);
        }
        Ok(false)
    }
}

impl Judge {
    /// Takes what the analysis has to say.
    #[inline]
    fn take(&mut self, analysis: &mut Analysis) -> io::Result<()> {
        while let Some(event) = analysis.poll() {
            self.event(&event)?;
        }
        Ok(())
    }

    /// Takes the name of an interface, which may be a pod's.
    fn describe(&mut self, interface: u32, name: &str) {
        self.summary.describe(interface, name);
        self.view.several = self.summary.has_pods();
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Exchange(exchange) => {
                if self.filter.chooses(exchange) {
                    self.summary.add(exchange);
                    self.evidence.exchange(exchange);
                    if self.filter.shows(exchange) {
                        let pod = self.summary.pod(exchange.interface);
                        self.view.exchange(exchange, pod)?;
                    }
                }
            }
            Event::Question(exchange) => {
                if self.filter.would_choose(exchange) && !self.filter.chooses_lines() {
                    let pod = self.summary.pod(exchange.interface);
                    self.view.question(exchange, pod)?;
                }
            }
        }
        Ok(())
    }
}

/// The settings of the analysis; the second pass over a file needs the same.
pub(super) fn settings(args: &Report, live: bool) -> Settings {
    Settings { slow: args.slow, live, ..Settings::default() }
}
