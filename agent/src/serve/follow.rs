//! The thread of one target: from the kernel into the queue, never waiting for anybody.

use std::io;
use std::mem;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use meshsniff::capture::{Packet, Timestamp};
use meshsniff::pairing::{Repeats, Short};
use meshsniff::{Analysis, Event, Limits, Settings};
use nix::poll::{PollFd, PollFlags};

use super::board::{Board, Ended, Queue, Why};
use super::line::Line;
use super::ring::Head;
use crate::live::{Live, REST, now, wait};
use crate::target::Sandbox;

/// How often it is counted and asked whether the target is still there. A relay tells the counters
/// every 2 s.
const COUNT: Duration = Duration::from_secs(1);

/// Packets between two waits that are many. Each wait for the kernel's next block is a wake-up that
/// takes a core from the pod: where many come, several blocks are read at once.
const MANY: usize = 256;

/// How long it does not look then.
const NAP: Duration = Duration::from_millis(30);

/// Packets between two looks at the clock; the queue is held for no longer.
const BATCH: usize = 512;

/// How far behind the clock the analysis goes on without packets: the kernel hands over what it has
/// within [`REST`].
const BEHIND: Duration = Duration::from_secs(1);

/// Lines that are written down before the queue is asked for: it is not held while they are.
const LINES: usize = 256;

/// Their bytes, about: a line may hold a path of 64 KiB.
const TEXT: usize = 128 << 10;

/// Memory for connections and for what waits, of all targets together: with the queue's 32 MiB and
/// the compressor's it stays below 64 MiB.
const CONNECTIONS: usize = 24_576;
const BUFFERED: usize = 4 << 20;

/// A target that is open, and what its thread gathers.
pub(crate) struct Follower<'a> {
    number: usize,
    live: Live,
    sandbox: Sandbox,
    board: &'a Board,
    analysis: Option<Analysis>,
    repeats: Repeats,
    /// What the analysis said, as records that wait for the batch to end; and their bytes.
    lines: Vec<Head>,
    text: Vec<u8>,
    queued: u64,
    refused: u64,
}

/// What the queue did with a unit.
enum Taken {
    Yes,
    Full,
    /// Enough was taken before it.
    Over,
}

impl<'a> Follower<'a> {
    /// `slow` if exchanges are wanted, not packets.
    pub(crate) fn new(
        number: usize,
        live: Live,
        sandbox: Sandbox,
        board: &'a Board,
        slow: Option<Duration>,
    ) -> Self {
        let analysis = slow.map(|slow| {
            let targets = board.targets().max(1);
            let limits = Limits {
                connections: (CONNECTIONS / targets).max(1024),
                buffered: (BUFFERED / targets).max(256 << 10),
                ..Limits::default()
            };
            Analysis::new(Settings { limits, slow, live: true })
        });
        let (repeats, lines, text) = Default::default();
        Self { number, live, sandbox, board, analysis, repeats, lines, text, queued: 0, refused: 0 }
    }

    /// Reads until the end, whatever it is, and says which. Needs no right.
    pub(crate) fn follow(mut self, begun: Instant) {
        let (sentence, alone) = match self.read_on(begun) {
            Ok(why) => (why.sentence().to_owned(), false),
            Err(sentence) => (sentence, true),
        };
        let ended = now();
        if let Some(analysis) = &mut self.analysis {
            analysis.advance(ended);
            analysis.finish();
        }
        self.hear();
        self.count();
        let number = self.board.queue().ring.back().number;
        self.board.target(self.number).ended = Some(Ended { number, time: ended, sentence, alone });
        self.board.wake();
    }

    /// Why everything ends; or, as an error, why this target alone does.
    fn read_on(&mut self, begun: Instant) -> Result<Why, String> {
        let deadline = self.board.until.duration.map(|duration| begun + duration);
        let mut ends: Option<(Why, Instant)> = None;
        let mut count = begun + COUNT;
        let mut since_wait = 0;
        loop {
            let read = match self.analysis {
                None => self.read_packets(),
                Some(_) => self.read_exchanges(),
            };
            let read = read.map_err(|error| error.to_string())?;
            let now = Instant::now();
            if deadline.is_some_and(|deadline| now >= deadline) {
                self.board.end(Why::Duration);
            }
            ends = ends.or_else(|| self.board.ending().map(|why| (why, now)));
            if let Some((why, at)) = ends
                && now >= at + REST
            {
                return Ok(why);
            }
            if now >= count {
                self.count();
                if self.sandbox.is_gone(self.live.as_fd()) {
                    return Err("the pod is gone: its network was taken away".into());
                }
                count = now + COUNT;
            }
            since_wait += read;
            if read > 0 {
                self.board.wake();
            } else if mem::take(&mut since_wait) >= MANY {
                let _ = wait(&mut [], NAP);
            } else {
                self.rest();
                let stops = ends.map(|(_, at)| at + REST).or(deadline);
                let until = stops.map_or(count, |stops| stops.min(count));
                self.wait(ends.is_none(), until.saturating_duration_since(now))
                    .map_err(|error| format!("cannot wait for packets: {error}"))?;
            }
        }
    }

    fn wait(&self, for_stop: bool, time: Duration) -> io::Result<()> {
        let packets = PollFd::new(self.live.as_fd(), PollFlags::POLLIN);
        let stop = for_stop.then(|| PollFd::new(self.board.stop(), PollFlags::POLLIN));
        wait(&mut Vec::from_iter([packets].into_iter().chain(stop)), time)
    }

    /// Copies packets from the kernel's memory into the queue.
    fn read_packets(&mut self) -> Result<usize, crate::live::Error> {
        let Self { number, live, board, queued, refused, .. } = self;
        let target = *number as u32;
        let mut queue = None;
        live.read(BATCH, target, |packet| {
            let queue = queue.get_or_insert_with(|| board.queue());
            let head = Head {
                target,
                is_unit: true,
                time: packet.mark.time,
                original_len: packet.original_len,
                len: packet.bytes.len() as u32,
            };
            if board.until.bytes.is_some_and(|most| queue.bytes >= most) {
                return board.end(Why::Bytes);
            }
            match take(queue, board, head, packet.bytes) {
                Taken::Yes => {
                    *queued += 1;
                    queue.bytes += packet.bytes.len() as u64;
                }
                Taken::Full => *refused += 1,
                Taken::Over => board.end(Why::Count),
            }
        })
    }

    /// Analyses packets where the kernel has them; what they say goes into the queue.
    fn read_exchanges(&mut self) -> Result<usize, crate::live::Error> {
        let (mut bytes, analysis) = (0, &mut self.analysis);
        let read = self.live.read(BATCH, self.number as u32, |packet: &Packet<'_>| {
            bytes += packet.bytes.len() as u64;
            if let Some(analysis) = analysis {
                analysis.push(packet);
            }
        });
        if bytes > 0 {
            let mut queue = self.board.queue();
            queue.bytes += bytes;
            if self.board.until.bytes.is_some_and(|most| queue.bytes >= most) {
                self.board.end(Why::Bytes);
            }
        }
        self.hear();
        read
    }

    /// Lets time pass for the analysis.
    fn rest(&mut self) {
        if let Some(analysis) = &mut self.analysis {
            let behind = now().nanos().saturating_sub(BEHIND.as_nanos() as i64);
            analysis.advance(Timestamp::from_nanos(behind));
            self.hear();
            // Rarely for nothing: there is little to wake up for while nothing happens.
            self.board.wake();
        }
    }

    /// Moves what the analysis has to say into the queue.
    fn hear(&mut self) {
        while let Some(event) = self.analysis.as_mut().and_then(Analysis::poll) {
            let mut line = Line::of(self.number);
            let is_unit = !matches!(event, Event::Question(_));
            match &event {
                Event::Exchange(exchange) => match self.repeats.shorten(exchange) {
                    Some(Short::Plain(plain)) => line.plain = Some(plain),
                    Some(Short::Again(again)) => line.again = Some(again),
                    None => line.exchange = Some(exchange),
                },
                Event::Question(exchange) => line.question = Some(exchange),
                Event::Connection(connection) => line.connection = Some(connection),
            }
            let begin = self.text.len();
            line.write(&mut self.text);
            let (target, len) = (self.number as u32, (self.text.len() - begin) as u32);
            // Its times are in it.
            let time = Timestamp::default();
            self.lines.push(Head { target, is_unit, time, original_len: len, len });
            if self.lines.len() == LINES || self.text.len() >= TEXT {
                self.tell_lines();
            }
        }
        self.tell_lines();
    }

    /// Moves what was written down into the queue. After a line that has no room there is none for
    /// those after it: they may be told by what they have not in common with it.
    fn tell_lines(&mut self) {
        if self.lines.is_empty() {
            return;
        }
        let mut queue = self.board.queue();
        let mut rest = &self.text[..];
        let mut full = false;
        for head in self.lines.drain(..) {
            let bytes = rest.split_off(..head.len as usize).unwrap_or_default();
            let taken = if full { Taken::Full } else { take(&mut queue, self.board, head, bytes) };
            match taken {
                Taken::Yes => self.queued += u64::from(head.is_unit),
                Taken::Full => {
                    full = true;
                    self.refused += u64::from(head.is_unit);
                }
                Taken::Over => self.board.end(Why::Count),
            }
        }
        if full {
            self.repeats.forget();
        }
        self.text.clear();
    }

    /// Says what was counted.
    fn count(&mut self) {
        let counted = self.live.count();
        let mut state = self.board.target(self.number);
        (state.counted, state.queued, state.refused) = (counted, self.queued, self.refused);
        if let Some(analysis) = &self.analysis {
            state.counts = analysis.counts().clone();
        }
    }
}

/// Puts a record into the queue, if there is room, and it is wanted.
fn take(queue: &mut Queue, board: &Board, head: Head, bytes: &[u8]) -> Taken {
    if board.until.count.is_some_and(|count| queue.ring.back().number >= count) {
        return Taken::Over;
    }
    if queue.ring.push(head, bytes) { Taken::Yes } else { Taken::Full }
}
