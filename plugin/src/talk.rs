//! What is said to people while something runs. Data goes to stdout, so all of this to stderr.

use std::io::Write as _;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Whether `-v` was given.
static VERBOSE: AtomicBool = AtomicBool::new(false);

/// The sign that something goes on, which makes room for what is said.
static SPINNER: OnceLock<ProgressBar> = OnceLock::new();

pub(crate) fn set_verbose(verbose: bool) {
    VERBOSE.store(verbose, Ordering::Relaxed);
}

/// What others wrote, names of files or of routes, so that it steers no terminal.
pub(crate) fn harmless(text: &str) -> String {
    text.replace(char::is_control, "?")
}

/// A line for people. If stderr is gone, nobody is there to miss it.
pub(crate) fn say(line: &str) {
    let say = || drop(writeln!(std::io::stderr(), "{line}"));
    match SPINNER.get() {
        Some(spinner) if !spinner.is_finished() => spinner.suspend(say),
        _ => say(),
    }
}

/// Whether there is a terminal on which lines can take the place of others.
pub(crate) fn shows() -> bool {
    SPINNER.get().is_some_and(|spinner| !spinner.is_hidden())
}

/// Shows lines that take the place of those shown before; answers whether there is a terminal that
/// shows them.
pub(crate) fn show(lines: &str) -> bool {
    let Some(spinner) = SPINNER.get().filter(|_| shows()) else { return false };
    if spinner.is_finished() {
        spinner.reset();
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            spinner.set_style(style);
        }
    }
    spinner.set_message(lines.to_owned());
    true
}

/// A line for those who want to know what is done on the cluster.
pub(crate) fn note(line: impl FnOnce() -> String) {
    if VERBOSE.load(Ordering::Relaxed) {
        say(&line());
    }
}

/// The time until every agent has spoken, with a sign that something goes on.
pub(crate) struct Ready {
    begun: Instant,
    /// Agents that have not spoken.
    left: AtomicUsize,
    /// Whether one has.
    spoke: AtomicBool,
    spinner: ProgressBar,
}

impl Ready {
    /// Nothing is ready yet. The sign shows on a terminal only.
    pub(crate) fn new(begun: Instant) -> Self {
        let spinner = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            spinner.set_style(style);
        }
        spinner.enable_steady_tick(Duration::from_millis(100));
        let _ = SPINNER.set(spinner.clone());
        Self { begun, left: AtomicUsize::new(0), spoke: AtomicBool::new(false), spinner }
    }

    /// What is being done.
    pub(crate) fn doing(&self, what: &str) {
        self.spinner.set_message(what.to_owned());
    }

    /// So many agents are waited for.
    pub(crate) fn wait_for(&self, agents: usize) {
        self.left.store(agents, Ordering::Relaxed);
    }

    /// An agent has spoken, or never will.
    pub(crate) fn one(&self, spoke: bool) {
        self.spoke.fetch_or(spoke, Ordering::Relaxed);
        let left = self.left.load(Ordering::Relaxed);
        if left == 0 || self.left.fetch_sub(1, Ordering::Relaxed) != 1 {
            return;
        }
        self.clear();
        if self.spoke.load(Ordering::Relaxed) {
            let seconds = self.begun.elapsed().as_secs_f64();
            say(&format!("Ready in {seconds:.1} s; Ctrl-C ends and cleans up."));
        }
    }

    /// Lines follow: the sign would be in their way.
    pub(crate) fn clear(&self) {
        self.spinner.finish_and_clear();
    }
}
