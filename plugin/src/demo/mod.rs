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
//! [`inside`] is the first line of `main`, [`run`] the command.

mod namespace;
mod traffic;

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, ChildStderr, ChildStdout};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::exit::Exit;

pub(crate) use namespace::inside;

/// How long the others may take to end once nobody reads: they notice at once, unless the machine
/// is very busy.
const END: Duration = Duration::from_secs(3);

/// What is played where the system allows no network of one's own: the loopback of a slow pod in
/// a mesh, recorded behind a gateway with a timeout of 0.5 s.
const RECORDED: &[u8] = include_bytes!("../../../captures/http1/tutorial-504.pcap");

/// Runs the demonstration, or plays a recorded one.
pub(crate) fn run(duration: Duration) -> Result<Exit> {
    let mut demo = match start(duration) {
        Ok(demo) => demo,
        Err(why) => return replay(&why),
    };
    say(
        "A server that answers GET /items after 0 to 3 s, a client that waits 500 ms, patient others.",
    )?;
    let packets = demo.packets.take().context("no packets")?;
    let exit = crate::analyze::stream(File::from(OwnedFd::from(packets)))?;
    if let Some(words) = demo.finish() {
        say(&format!("agent: {words}"))?;
    }
    Ok(exit)
}

fn replay(why: &anyhow::Error) -> Result<Exit> {
    say(&format!("{why:#}\n\nUntil then, a recorded capture of such a pod:\n"))?;
    let (packets, mut recorder) = std::io::pipe()?;
    let player = std::thread::spawn(move || recorder.write_all(RECORDED));
    let exit = crate::analyze::stream(File::from(OwnedFd::from(packets)))?;
    player.join().map_err(|_| anyhow::anyhow!("the recorded capture could not be played"))??;
    Ok(exit)
}

fn say(words: &str) -> std::io::Result<()> {
    writeln!(std::io::stderr(), "{words}")
}

/// A demonstration that runs: packets of a small network, as pcapng.
///
/// Reading ends when its time is over. Dropping it ends it and waits for every process of it.
#[derive(Debug)]
struct Demo {
    child: Child,
    packets: Option<ChildStdout>,
    words: BufReader<ChildStderr>,
}

/// Starts it; packets come from now on, for as long as `duration`.
///
/// # Errors
/// Where the system forbids a network of one's own, or the agent is not to be found or fails. The
/// text says what to do.
fn start(duration: Duration) -> Result<Demo> {
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
    fn finish(mut self) -> Option<String> {
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
