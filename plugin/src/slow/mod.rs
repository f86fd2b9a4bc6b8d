//! `slow`, and `analyze --slow`: which pod of several is slow.
//!
//! ```text
//! exchanges ─► Watch ─► the library's rule ─► Judged: text or JSON, exit code
//!                └────► a table while it runs
//! ```

mod affinity;
mod attributes;
mod clocks;
mod event;
mod files;
mod json;
mod looks;
mod table;
mod text;
mod watch;

use std::io;
use std::sync::{Arc, Mutex};

use meshsniff::report::{Palette, TimeoutOrigins};
use meshsniff::slow::{Answer, Verdict};

use crate::access_log::Found;
use crate::args::{Format, Slow};
use crate::capture;
use crate::exit::Exit;
pub(crate) use affinity::affinity;
pub(crate) use event::record;
use looks::Looks;
pub(crate) use watch::Watch;

/// What all who take exchanges and all who end it share.
pub(crate) type Shared = Arc<Mutex<Watch>>;

/// Captures all pods of a workload and names the slow one.
pub(crate) fn run(args: Slow) -> anyhow::Result<Exit> {
    let looks = args.until_sure.then(Looks::new);
    let watch = Arc::new(Mutex::new(Watch::live(args.question.question(), looks)));
    let event = args.event;
    capture::compare(args.capture(), watch, event)
}

/// What is known at the end.
pub(crate) struct Judged {
    pub(crate) verdict: Verdict,
    /// Where the timeouts come from that routes show.
    origins: TimeoutOrigins,
    /// What proxies logged, of each capture.
    logged: Vec<Found>,
}

impl Judged {
    /// Appends it.
    pub(crate) fn write(
        &self,
        out: &mut impl io::Write,
        format: Format,
        palette: Palette,
    ) -> io::Result<()> {
        match format {
            Format::Text => out.write_all(text::text(self, palette).as_bytes()),
            Format::Jsonl => writeln!(out, "{}", json::json(self)),
            Format::Json => writeln!(out, "{:#}", json::json(self)),
        }
    }

    /// The exit code that tells the verdict.
    pub(crate) fn exit(&self) -> Exit {
        match self.verdict.answer {
            Answer::Slow | Answer::Split => Exit::Findings,
            Answer::Alike => Exit::Alike,
            Answer::NotEnough => Exit::NotEnough,
            Answer::None => Exit::Done,
        }
    }
}
