use std::io;
use std::sync::{MutexGuard, PoisonError};

use meshsniff::problem::loss;
use meshsniff::report::{Ended, Palette, Summary};
use meshsniff::{Analysis, Counts, Event};

use super::evidence::Evidence;
use super::filter::Filter;
use super::output::Output;
use super::view::View;
use crate::args::Report;
use crate::slow::{self, Watch};
use crate::timeouts::Search;

/// Takes events, from wherever they come: what becomes of an exchange, and the summary of all.
pub(crate) struct Judge {
    view: View,
    filter: Filter,
    summary: Summary,
    pub(super) evidence: Evidence,
    /// Who compares the pods: then nothing else is printed.
    slow: Option<slow::Shared>,
    /// Who says where timeouts come from.
    pub(crate) search: Option<Search>,
}

impl Judge {
    pub(crate) fn new(args: &Report, out: Output, evidence: Evidence, palette: Palette) -> Self {
        Self {
            view: View::new(args, out, palette),
            filter: Filter::new(args),
            summary: Summary::new(),
            evidence,
            slow: None,
            search: None,
        }
    }

    /// Only compares the pods.
    pub(crate) fn comparing(self, slow: slow::Shared) -> Self {
        Self { slow: Some(slow), ..self }
    }

    fn slow(&self) -> Option<MutexGuard<'_, Watch>> {
        self.slow.as_ref().map(|slow| slow.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes what the analysis has to say.
    #[inline]
    pub(crate) fn take(&mut self, analysis: &mut Analysis) -> io::Result<()> {
        while let Some(event) = analysis.poll() {
            self.event(&event)?;
        }
        Ok(())
    }

    /// Takes the name of an interface, which may be a pod's.
    pub(crate) fn describe(&mut self, interface: u32, name: &str) {
        self.summary.describe(interface, name);
        self.view.several = self.summary.has_pods();
        if let Some(mut slow) = self.slow() {
            slow.describe(interface, name);
        }
    }

    pub(crate) fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Exchange(exchange) => {
                if self.filter.chooses(exchange) {
                    self.summary.add(exchange);
                    self.evidence.exchange(exchange);
                    if let Some(mut slow) = self.slow() {
                        slow.exchange(exchange);
                    } else if self.filter.shows(exchange) {
                        let pod = self.summary.pod(exchange.interface);
                        self.view.exchange(exchange, pod)?;
                    }
                }
            }
            Event::Connection(connection) => {
                if self.filter.chooses_connection(connection) {
                    self.summary.connection(connection);
                }
            }
            Event::Question(exchange) => {
                if self.slow.is_none()
                    && self.filter.would_choose(exchange)
                    && !self.filter.chooses_lines()
                {
                    let pod = self.summary.pod(exchange.interface);
                    self.view.question(exchange, pod)?;
                }
            }
        }
        Ok(())
    }

    /// Shows what there is.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        if let Some(mut slow) = self.slow() {
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
        let timeouts = self.summary.timeouts();
        let asked = self.view.has_summary() && !timeouts.is_empty();
        let origins = self.search.take().filter(|_| asked).map(|search| search(&timeouts));
        match &self.slow {
            Some(slow) => slow.lock().unwrap_or_else(PoisonError::into_inner).ended(origins),
            None => {
                let ended = Ended {
                    counts,
                    dropped,
                    left_out: self.filter.left_out(),
                    written: written.as_deref(),
                    origins: origins.as_ref(),
                };
                self.view.finish(&self.summary, &ended)?;
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
