use std::io;

use meshsniff::capture::Timestamp;
use meshsniff::pairing::{Connection, Exchange};
use meshsniff::problem::loss;
use meshsniff::report::{Ended, Palette, Summary};
use meshsniff::{Analysis, Counts, Event};

use super::Aides;
use super::evidence::Evidence;
use super::filter::Filter;
use super::output::Output;
use super::view::View;
use crate::access_log::Join;
use crate::args::Report;

/// Takes events, from wherever they come: what becomes of an exchange, and the summary of all.
pub(crate) struct Judge {
    view: View,
    filter: Filter,
    summary: Summary,
    pub(super) evidence: Evidence,
    aides: Aides,
}

impl Judge {
    pub(crate) fn new(args: &Report, out: Output, evidence: Evidence, palette: Palette) -> Self {
        Self {
            view: View::new(args, out, palette),
            filter: Filter::new(args),
            summary: Summary::new(),
            evidence,
            aides: Aides::default(),
        }
    }

    /// Tells these, too. Where proxies' logs are joined, lines that are not `live` wait for them.
    pub(crate) fn aided(mut self, aides: Aides, live: bool) -> Self {
        if aides.join.is_some() {
            self.view.wait(live);
        }
        Self { aides, ..self }
    }

    /// Takes what the analysis has to say.
    #[inline]
    pub(crate) fn take(&mut self, analysis: &mut Analysis) -> io::Result<()> {
        while let Some(event) = analysis.poll() {
            match event {
                Event::Exchange(exchange) => self.exchange(&exchange)?,
                Event::Connection(connection) => self.connection(&connection),
                Event::Question(exchange) => self.question(&exchange)?,
            }
        }
        Ok(())
    }

    /// Takes the name of an interface, which may be a pod's.
    pub(crate) fn describe(&mut self, interface: u32, name: &str) {
        self.summary.describe(interface, name);
        self.view.several = self.summary.has_pods();
        if let Some(mut slow) = self.aides.slow() {
            slow.describe(interface, name);
        }
    }

    /// Takes an exchange that has ended.
    pub(crate) fn exchange(&mut self, exchange: &Exchange) -> io::Result<()> {
        let chosen = self.filter.chooses(exchange);
        let place = self.aides.join.as_mut().and_then(|join| join.exchange(exchange, chosen));
        if !chosen {
            return Ok(());
        }
        self.summary.add(exchange);
        self.evidence.exchange(exchange);
        let pod = self.summary.pod(exchange.interface);
        if let Some(metrics) = &mut self.aides.metrics {
            metrics.exchange(exchange, pod);
        }
        if let Some(mut slow) = self.aides.slow() {
            slow.exchange(exchange);
        } else if self.filter.shows(exchange) {
            self.view.exchange(exchange, pod, place)?;
        }
        Ok(())
    }

    /// Takes a connection of which there is something to say.
    pub(crate) fn connection(&mut self, connection: &Connection) {
        if self.filter.chooses_connection(connection) {
            self.summary.connection(connection);
        }
    }

    /// Takes an exchange that is not over, whose client closed.
    pub(crate) fn question(&mut self, exchange: &Exchange) -> io::Result<()> {
        let chosen = self.filter.would_choose(exchange) && !self.filter.chooses_lines();
        if self.aides.slow.is_none() && chosen {
            let pod = self.summary.pod(exchange.interface);
            self.view.question(exchange, pod)?;
        }
        Ok(())
    }

    /// What has been counted so far: by the analysis, packets that the kernel dropped, exchanges
    /// that agents lost.
    pub(crate) fn counted(&mut self, counts: &Counts, dropped: u64, lost: u64) {
        if let Some(metrics) = &mut self.aides.metrics {
            metrics.counts(counts, dropped, lost);
        }
    }

    /// The capture of this interface has ended; this was the last of it.
    pub(crate) fn gone(&mut self, interface: u32, last: Timestamp) {
        if let Some(mut slow) = self.aides.slow() {
            slow.gone(interface, last);
        }
    }

    /// Shows what there is.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        if let Some(mut slow) = self.aides.slow() {
            slow.tick();
        }
        self.view.flush()?;
        self.evidence.flush()
    }

    /// The summary, last; answers whether there are findings.
    pub(crate) fn finish(mut self, counts: &Counts, dropped: Option<u64>) -> anyhow::Result<bool> {
        self.view.flush()?;
        let written = self.evidence.name();
        self.evidence.finish()?;
        let found = self.aides.join.take().map(Join::finish);
        if let Some(found) = &found {
            self.summary.logged(found.json());
        }
        let timeouts = self.summary.timeouts();
        let told = self.view.has_summary() || self.aides.slow.is_some();
        let asked = told && !timeouts.is_empty();
        let origins = self.aides.search.take().filter(|_| asked).map(|search| search(&timeouts));
        match self.aides.slow() {
            Some(mut slow) => slow.ended(counts, origins, found),
            None => {
                let ended = Ended {
                    counts,
                    dropped,
                    left_out: self.filter.left_out(),
                    written: written.as_deref(),
                    origins: origins.as_ref(),
                };
                self.view.finish(&self.summary, &ended, found.as_ref())?;
            }
        }
        Ok(self.summary.has_findings() || loss(counts, dropped.unwrap_or(0)).is_some())
    }

    /// Nothing was read: there is nothing to say.
    pub(crate) fn discard(mut self) -> io::Result<()> {
        self.evidence.discard();
        self.view.flush()
    }
}
