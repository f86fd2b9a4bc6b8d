use std::sync::{MutexGuard, PoisonError};

use crate::access_log::Join;
use crate::metrics::Recorder;
use crate::slow::{self, Watch};
use crate::timeouts::Search;

/// Who else takes what is judged, or has something to say of it.
#[derive(Default)]
pub(crate) struct Aides {
    /// Who compares the pods: then nothing else is printed.
    pub(crate) slow: Option<slow::Shared>,
    /// Who says where timeouts come from.
    pub(crate) search: Option<Search>,
    /// Who counts.
    pub(crate) metrics: Option<Recorder>,
    /// What proxies logged.
    pub(crate) join: Option<Join>,
}

impl Aides {
    pub(super) fn slow(&self) -> Option<MutexGuard<'_, Watch>> {
        self.slow.as_ref().map(|slow| slow.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
