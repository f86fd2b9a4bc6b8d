//! The pods of a capture compared, instead of their exchanges told.

use std::io::Write as _;
use std::sync::{Arc, MutexGuard, PoisonError};

use anyhow::Result;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::analyze;
use crate::args::Capture;
use crate::cluster::{Cluster, Target};
use crate::exit::Exit;
use crate::slow::{self, Watch};

/// What compares them.
pub(super) struct Comparison {
    watch: slow::Shared,
    /// The verdict is recorded on the cluster, too.
    event: bool,
}

impl Comparison {
    pub(super) fn new(watch: slow::Shared, event: bool) -> Self {
        Self { watch, event }
    }

    pub(super) fn shared(&self) -> slow::Shared {
        Arc::clone(&self.watch)
    }

    fn watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These pods are captured; `stop` ends it.
    pub(super) fn begin(&self, targets: &[Target], stop: watch::Sender<bool>) {
        let mut watch = self.watch();
        let one = |target: &Target| target.namespace == targets[0].namespace;
        watch.begins(stop, !targets.iter().all(one));
        for target in targets {
            watch.expect(target);
        }
    }

    /// The verdict, if something was captured. A capture that was cut short stays an error.
    pub(super) fn end(
        &self,
        args: &Capture,
        runtime: &Runtime,
        cluster: &Cluster,
        targets: &[Target],
        exit: Exit,
    ) -> Result<Exit> {
        let judged = self.watch().judge();
        let Some(mut judged) = judged else { return Ok(exit) };
        judged.verdict.notes.extend(runtime.block_on(slow::affinity(cluster, targets)));
        let palette = analyze::palette(args.report.colors.color, false);
        let mut out = std::io::stdout().lock();
        judged.write(&mut out, args.report.output, palette)?;
        out.flush()?;
        if self.event {
            runtime.block_on(slow::record(cluster, targets, &judged.verdict));
        }
        Ok(if exit == Exit::Error { exit } else { judged.exit() })
    }
}
