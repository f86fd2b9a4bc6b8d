//! The whole of a capture of one interface onto stdout.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use meshsniff::capture::{Statistics, Timestamp};
use nix::poll::{PollFd, PollFlags};

use crate::live::{Error, Live, REST, now, wait};
use crate::signals::Stop;
use crate::stream::{Stdout, Stream};

/// How often the counters are written. They are the reader's sign of life as well.
const STATISTICS: Duration = Duration::from_secs(2);

/// Packets between two looks at the clock and the signals, on an interface that never rests.
const BATCH: usize = 4096;

/// Why a capture ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Its time was over.
    Duration,
    /// Someone asked for it.
    Signal,
    /// Nobody reads any more.
    ReaderGone,
}

/// An interface on its way to stdout.
pub(crate) struct Recording<'a> {
    live: &'a mut Live,
    stream: Stream,
    started: Timestamp,
}

/// Reads packets onto `stdout` until the end; needs no right.
///
/// The reader gets everything as soon as nothing more is there to be read. The last block
/// written has the final counters.
///
/// # Errors
/// [`Error::Gone`], or [`Error::Io`] if stdout fails otherwise than by its reader's leaving.
pub(crate) fn record(
    live: &mut Live,
    stdout: Stdout,
    stop: &Stop,
    duration: Option<Duration>,
) -> Result<End, Error> {
    match Recording::begin(live, stdout).and_then(|all| all.read_all(stop, duration)) {
        Err(Error::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(End::ReaderGone),
        other => other,
    }
}

impl<'a> Recording<'a> {
    fn begin(live: &'a mut Live, stdout: Stdout) -> Result<Self, Error> {
        let stream = Stream::begin(stdout, &live.interface())?;
        Ok(Self { live, stream, started: now() })
    }

    fn read_all(mut self, stop: &Stop, duration: Option<Duration>) -> Result<End, Error> {
        let end = self.read_on(stop, duration);
        if matches!(end, Ok(_) | Err(Error::Gone { .. })) {
            // Of an interface that is gone too: the packets before are good.
            self.count(Some(now()))?;
        }
        end
    }

    fn read_on(&mut self, stop: &Stop, duration: Option<Duration>) -> Result<End, Error> {
        let begun = Instant::now();
        let mut end = duration.map(|duration| (End::Duration, begun + duration));
        let mut stopping = false;
        let mut statistics = begun + STATISTICS;
        loop {
            let read = self.read()?;
            let now = Instant::now();
            if stop.asked() && !stopping {
                stopping = true;
                end = Some((End::Signal, now));
            }
            if let Some((why, at)) = end
                && now >= at + REST
            {
                return Ok(why);
            }
            if now >= statistics {
                self.count(None)?;
                statistics = now + STATISTICS;
            }
            if read == 0 {
                self.stream.flush()?;
                let until = end.map_or(statistics, |(_, at)| statistics.min(at + REST));
                self.wait((!stopping).then_some(stop), until.saturating_duration_since(now))?;
            }
        }
    }

    /// Writes what the kernel has handed over, and says how many packets that was.
    fn read(&mut self) -> Result<usize, Error> {
        let (mut written, stream) = (Ok(()), &mut self.stream);
        let read = self.live.read(BATCH, 0, |packet| {
            if written.is_ok() {
                written = stream.packet(packet);
            }
        });
        written?;
        read
    }

    /// Waits for packets, a signal or the reader's leaving, at most `time`.
    fn wait(&self, stop: Option<&Stop>, time: Duration) -> Result<(), Error> {
        // Asks for no event of stdout: that its reader left is told always.
        let mut wanted = vec![
            PollFd::new(self.stream.as_fd(), PollFlags::empty()),
            PollFd::new(self.live.as_fd(), PollFlags::POLLIN),
        ];
        wanted.extend(stop.map(|stop| PollFd::new(stop.as_fd(), PollFlags::POLLIN)));
        wait(&mut wanted, time)?;
        let reader = wanted.first().and_then(PollFd::revents).unwrap_or(PollFlags::empty());
        if reader.intersects(PollFlags::POLLERR | PollFlags::POLLHUP) {
            return Err(io::Error::from(io::ErrorKind::BrokenPipe).into());
        }
        Ok(())
    }

    /// Asks the kernel for its counters and writes them.
    fn count(&mut self, ended: Option<Timestamp>) -> Result<(), Error> {
        let counted = self.live.count();
        self.stream.statistics(&Statistics {
            interface: 0,
            time: now(),
            started: Some(self.started),
            ended,
            received: Some(counted.received),
            // Not known: libpcap asks the driver only in promiscuous mode.
            dropped: None,
            accepted: None,
            os_dropped: Some(counted.dropped),
            delivered: Some(counted.delivered),
        })?;
        Ok(())
    }
}
