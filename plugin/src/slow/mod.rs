//! `slow`, and `analyze --slow`: which pod of several is slow.
//!
//! ```text
//! exchanges ─► Watch ─► the library's rule ─► verdict, table, exit code
//!                └────► a table while it runs
//! ```

mod attributes;
mod event;
mod json;
mod looks;
mod table;
mod text;
mod watch;

use std::sync::{Arc, Mutex};

use meshsniff::slow::{Answer, Verdict};

use crate::args::Slow;
use crate::capture;
use crate::exit::Exit;
pub(crate) use attributes::attributes;
pub(crate) use event::record;
use looks::Looks;
pub(crate) use watch::{Watch, write};

/// What all who take exchanges and all who end it share.
pub(crate) type Shared = Arc<Mutex<Watch>>;

/// Captures all pods of a workload and names the slow one.
pub(crate) fn run(args: Slow) -> anyhow::Result<Exit> {
    let looks = args.until_sure.then(Looks::new);
    let watch = Arc::new(Mutex::new(Watch::live(args.question.question(), looks)));
    let event = args.event;
    capture::compare(args.capture(), watch, event)
}

/// The exit code that tells the verdict.
pub(crate) fn exit(verdict: &Verdict) -> Exit {
    match verdict.answer {
        Answer::Slow | Answer::Split => Exit::Findings,
        Answer::Alike => Exit::Alike,
        Answer::NotEnough => Exit::NotEnough,
        Answer::None => Exit::Done,
    }
}
