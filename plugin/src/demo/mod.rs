//! A live demonstration without a cluster: a slow server, an impatient client, a real capture.
//!
//! ```text
//! kubectl-meshsniff demo            reads the packets, prints what they say
//!  │ stdout ▲  stderr ▲
//!  └─ kubectl-meshsniff             the same file again, in a network of its own:   namespace
//!      │                            only `lo`, nothing gets in or out
//!      ├─ threads                   the server and its clients                      traffic
//!      └─ meshsniff-agent           captures `lo`, its stdout is the first one's to read
//! ```
//!
//! Nobody is sent a signal. The agent ends when its time is over, or by the SIGINT that a terminal
//! sends to all three, or when nobody reads its packets any more. The process in the middle ends
//! when the agent has ended. So whatever becomes of the first process, the others follow.
//!
//! How to use it: call [`inside`] as the first line of `main`, and [`start`] for the command.

mod namespace;
mod traffic;

use std::io::{self, BufRead, BufReader, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Child, ChildStderr, ChildStdout};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

pub(crate) use namespace::inside;

/// How long the others may take to end once nobody reads: they notice at once, unless the machine
/// is very busy.
const END: Duration = Duration::from_secs(3);

/// A demonstration that runs: packets of a small network, as pcapng.
///
/// Reading ends when its time is over. Dropping it ends it and waits for every process of it.
#[derive(Debug)]
pub(crate) struct Demo {
    child: Child,
    packets: Option<ChildStdout>,
    words: BufReader<ChildStderr>,
}

/// Starts it; packets come from now on, for as long as `duration`.
///
/// # Errors
/// Where the system forbids a network of one's own, or the agent is not to be found or fails. The
/// text says what to do.
pub(crate) fn start(duration: Duration) -> Result<Demo> {
    let mut child = namespace::enter_again(duration).context("cannot start the demonstration")?;
    let packets = child.stdout.take();
    let words = child.stderr.take().context("no stderr")?;
    let mut demo = Demo { child, packets, words: BufReader::new(words) };
    let mut line = String::new();
    demo.words.read_line(&mut line)?;
    if !line.starts_with("capturing") {
        demo.words.read_to_string(&mut line)?;
        bail!("{}", line.trim_end());
    }
    Ok(demo)
}

impl Demo {
    /// Ends it and waits for every process of it. Returns the agent's last line, if it had one:
    /// how many packets there were, and how many were lost.
    pub(crate) fn finish(mut self) -> Option<String> {
        self.end();
        let mut words = String::new();
        self.words.read_to_string(&mut words).ok()?;
        words.lines().last().map(str::to_owned)
    }

    /// Nobody reads: that ends the agent, and its end the others.
    fn end(&mut self) {
        self.packets = None;
        let given_up = Instant::now() + END;
        while let Ok(None) = self.child.try_wait() {
            if Instant::now() >= given_up {
                let _ = self.child.kill();
                let _ = self.child.wait();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.end();
    }
}

impl Read for Demo {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.packets.as_mut().map_or(Ok(0), |packets| packets.read(buffer))
    }
}

impl AsFd for Demo {
    /// Readable when packets are there, for `poll`.
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.packets {
            Some(packets) => packets.as_fd(),
            None => self.words.get_ref().as_fd(),
        }
    }
}
