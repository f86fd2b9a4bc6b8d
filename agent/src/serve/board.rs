//! What the threads know of each other: the queue, each target's state, and when to end.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use meshsniff::Counts;
use meshsniff::capture::{Interface, LinkType, Timestamp};

use super::ring::Ring;
use crate::args::{Send, Until};
use crate::live::Counted;
use crate::signals::Stop;

/// What the threads share.
#[derive(Debug)]
pub(crate) struct Board {
    /// What relays get.
    pub(crate) send: Send,
    /// When to end.
    pub(crate) until: Until,
    /// When capturing began.
    pub(crate) started: Timestamp,
    queue: Mutex<Queue>,
    targets: Vec<Mutex<State>>,
    stop: Stop,
    why: OnceLock<Why>,
    asleep: AtomicBool,
    woken: PipeReader,
    waker: PipeWriter,
}

/// The records, and what limits them.
#[derive(Debug)]
pub(crate) struct Queue {
    /// The records.
    pub(crate) ring: Ring,
    /// Bytes of all packets taken.
    pub(crate) bytes: u64,
}

/// Why everything ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The reader asked for it.
    Asked,
    /// A signal came.
    Signal,
    /// Its time is over.
    Duration,
    /// Its number of units is reached.
    Count,
    /// Its number of bytes is reached.
    Bytes,
    /// No relay gave a sign of life.
    Alone,
}

/// A target, as its thread last said.
#[derive(Debug)]
pub(crate) struct State {
    /// What it is called: `namespace/pod`.
    pub(crate) name: String,
    /// Its interface, named `namespace/pod:lo`. Of a target that could not be opened: no more.
    pub(crate) interface: Interface,
    /// Whether it was opened.
    pub(crate) open: bool,
    /// The kernel's counters.
    pub(crate) counted: Counted,
    /// Units that the queue took.
    pub(crate) queued: u64,
    /// Units that the queue had no room for.
    pub(crate) refused: u64,
    /// What the analysis counted; not where packets are sent.
    pub(crate) counts: Counts,
    /// Set when nothing more comes.
    pub(crate) ended: Option<Ended>,
}

/// A target's end.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    /// The number of the first unit that is not before it.
    pub(crate) number: u64,
    /// When.
    pub(crate) time: Timestamp,
    /// Why, as a sentence.
    pub(crate) sentence: String,
    /// Whether it is worth a line to people: it ended by itself.
    pub(crate) alone: bool,
}

impl Why {
    /// As a sentence.
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Self::Asked => "asked to stop",
            Self::Signal => "ended by a signal",
            Self::Duration => "time is over",
            Self::Count => "the wanted number is reached",
            Self::Bytes => "the wanted size is reached",
            Self::Alone => "nobody listened any more",
        }
    }
}

impl State {
    /// A target that is not open, and the interface that is wanted there.
    pub(crate) fn new(name: &str, interface: &str) -> Self {
        let wanted = Some(format!("{name}:{interface}"));
        Self {
            name: name.to_owned(),
            interface: Interface { name: wanted, ..Interface::new(LinkType::Ethernet, 0) },
            open: false,
            counted: Counted::default(),
            queued: 0,
            refused: 0,
            counts: Counts::default(),
            ended: None,
        }
    }
}

impl Board {
    /// Nothing captured yet.
    ///
    /// # Errors
    /// The system's, if it has no pipe left.
    pub(crate) fn new(
        send: Send,
        until: Until,
        size: usize,
        targets: Vec<State>,
        stop: Stop,
    ) -> io::Result<Self> {
        let (woken, waker) = io::pipe()?;
        Ok(Self {
            send,
            until,
            started: crate::live::now(),
            queue: Mutex::new(Queue { ring: Ring::new(size), bytes: 0 }),
            targets: targets.into_iter().map(Mutex::new).collect(),
            stop,
            why: OnceLock::new(),
            asleep: AtomicBool::new(false),
            woken,
            waker,
        })
    }

    /// The queue. Others wait meanwhile: only to copy.
    pub(crate) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many targets there are.
    pub(crate) fn targets(&self) -> usize {
        self.targets.len()
    }

    /// A target's state.
    pub(crate) fn target(&self, number: usize) -> MutexGuard<'_, State> {
        self.targets[number].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing more comes, of no target.
    pub(crate) fn all_ended(&self) -> bool {
        (0..self.targets()).all(|number| self.target(number).ended.is_some())
    }

    /// Ends everything, for this reason if there is none yet.
    pub(crate) fn end(&self, why: Why) {
        let _ = self.why.set(why);
        self.stop.ask();
    }

    /// Why everything is to end, if it is.
    pub(crate) fn ending(&self) -> Option<Why> {
        self.stop.asked().then(|| *self.why.get_or_init(|| Why::Signal))
    }

    /// Readable once everything is to end.
    pub(crate) fn stop(&self) -> BorrowedFd<'_> {
        self.stop.as_fd()
    }

    /// Where a thread that follows may write.
    pub(crate) fn wakers(&self) -> [BorrowedFd<'_>; 2] {
        [self.waker.as_fd(), self.stop.waker()]
    }

    /// Says that there is something new for relays.
    pub(crate) fn wake(&self) {
        // At most one byte is in the pipe, so this never waits.
        if self.asleep.swap(false, Ordering::SeqCst) {
            let _ = (&self.waker).write_all(b"x");
        }
    }

    /// The one that serves is about to wait until [`woken`](Self::woken) is readable; it looks once
    /// more before it does.
    pub(crate) fn sleep(&self) {
        self.asleep.store(true, Ordering::SeqCst);
    }

    /// It waits no more. Nothing is left in the pipe.
    pub(crate) fn awake(&self) {
        if !self.asleep.swap(false, Ordering::SeqCst) {
            let _ = (&self.woken).read(&mut [0]);
        }
    }

    /// Readable when something is new.
    pub(crate) fn woken(&self) -> BorrowedFd<'_> {
        self.woken.as_fd()
    }
}
