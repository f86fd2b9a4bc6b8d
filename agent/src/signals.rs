//! SIGINT, SIGTERM and SIGHUP: finish the capture.

use std::io::{self, PipeReader, PipeWriter, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::{flag, low_level};

/// Whether someone asked for the end; wakes a `poll`.
///
/// The second signal ends the process at once, with exit code 1: a reader that neither reads nor
/// closes keeps the agent waiting in a write for ever.
#[derive(Debug)]
pub(crate) struct Stop {
    asked: Arc<AtomicBool>,
    woken: PipeReader,
    waker: PipeWriter,
}

impl Stop {
    /// Listens from now on.
    ///
    /// # Errors
    /// The system's, if it has no pipe or no handler left.
    pub(crate) fn listen() -> io::Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        let (woken, waker) = io::pipe()?;
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            // In this order: the first signal finds the flag unset.
            flag::register_conditional_shutdown(signal, 1, Arc::clone(&asked))?;
            flag::register(signal, Arc::clone(&asked))?;
            low_level::pipe::register(signal, waker.try_clone()?)?;
        }
        Ok(Self { asked, woken, waker })
    }

    /// Asks for the end, as a signal does.
    pub(crate) fn ask(&self) {
        if !self.asked.swap(true, Ordering::Relaxed) {
            // Into an empty pipe: it does not wait.
            let _ = (&self.waker).write_all(b"x");
        }
    }

    /// Where [`ask`](Self::ask) and signals write to.
    pub(crate) fn waker(&self) -> BorrowedFd<'_> {
        self.waker.as_fd()
    }

    /// Whether the end was asked for.
    pub(crate) fn asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }
}

impl AsFd for Stop {
    /// Readable once the end was asked for, and ever after.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.woken.as_fd()
    }
}
