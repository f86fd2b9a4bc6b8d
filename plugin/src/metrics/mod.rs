//! `--metrics`: what is seen, as OpenMetrics, in a file or over HTTP while it goes on.
//!
//! ```text
//! judge ─► recorder ─► families ─► file, or server: each has a thread of its own
//! ```
//!
//! Names and labels are in `docs/metrics.md`.

mod families;
mod file;
mod labels;
mod recorder;
mod server;

use std::sync::Arc;

use anyhow::Result;

use crate::args::{Metrics, Place};
use families::Families;
use file::File;
pub(crate) use recorder::Recorder;
use server::Server;

/// Makes metrics known, until it is finished.
pub(crate) struct Exporter {
    families: Arc<Families>,
    to: To,
}

enum To {
    File(File),
    Http(Server),
}

impl Exporter {
    /// Ready to export; nothing if it is not asked for.
    ///
    /// # Errors
    /// Where the port is not free, or the file cannot be written or holds something else.
    pub(crate) fn open(args: &Metrics) -> Result<Option<Self>> {
        let Some(place) = &args.metrics else { return Ok(None) };
        let families = Arc::new(Families::new());
        let to = match place {
            Place::File(path) => To::File(File::open(path, Arc::clone(&families))?),
            Place::Http(address) => To::Http(Server::open(*address, Arc::clone(&families))?),
        };
        Ok(Some(Self { families, to }))
    }

    /// Who takes what a judge sees.
    pub(crate) fn recorder(&self) -> Recorder {
        Recorder::new(Arc::clone(&self.families))
    }

    /// Packets that agents lost because nobody took them in time.
    pub(crate) fn lost_packets(&self, count: u64) {
        self.families.lost("agent").inc_by(count);
    }

    /// The last word.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(crate) fn finish(self) -> Result<()> {
        match self.to {
            To::File(file) => file.finish(),
            To::Http(server) => server.finish(),
        }
    }
}
