//! `meshsniff-agent serve`: several targets into one queue, and the queue to whoever connects.
//!
//! ```text
//! main               makes the socket, gives up its rights, serves relays          server, peer
//! one a target       enters, opens, filters, gives up its rights, reads            follow
//! between them       the queue, each target's counters, when to end                board, ring
//! ```
//!
//! No thread reads a packet, nor a byte of a relay, before every thread has given up its rights.

mod board;
mod follow;
mod line;
mod peer;
mod ring;
mod server;
mod stream;

use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Scope, scope};
use std::time::Instant;

use nix::sys::signal::{SigSet, SigmaskHow, pthread_sigmask};
use sha2::{Digest, Sha256};

use crate::args::{self, Send};
use crate::live::{Live, now};
use crate::precedence;
use crate::rights::{self, Work};
use crate::say;
use crate::signals::Stop;
use crate::target::{Sandbox, Target};
use board::{Board, Ended, State, Why};
use follow::Follower;
use server::{Identity, Server};

/// The socket's name in its directory.
pub(crate) const SOCKET: &str = "socket";

/// What keeps it from serving. Every text has the next step.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("no socket can be made at {}: {reason}; --dir is a directory that can be written to", path.display())]
    Socket { path: PathBuf, reason: io::Error },
    #[error("its own file cannot be read at /proc/self/exe: {0}; is /proc mounted?")]
    OwnFile(io::Error),
    #[error(transparent)]
    Rights(#[from] rights::Error),
    #[error("a thread ended before it gave up its rights; refusing to read packets")]
    Thread,
    #[error("nobody listened for {patience:?}: {left} units were not taken")]
    Alone { patience: std::time::Duration, left: u64 },
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What a thread of a target says while it begins.
enum Beginning {
    /// It is open, with this descriptor.
    Open(RawFd),
    /// It cannot be opened.
    Refused,
    /// Its rights are gone, or not.
    GivenUp(Result<(), rights::Error>),
}

/// The whole of it; the order is the point. Returns the last words.
pub(crate) fn serve(args: &args::Serve) -> Result<String, Error> {
    precedence::give();
    let identity = Identity { sha256: own_hash().map_err(Error::OwnFile)?, capture: random() };
    let states = args.targets.iter().map(|target| State::new(&target.name, &args.source.interface));
    let board = Board::new(args.send, args.until, args.queue, states.collect(), Stop::listen()?)?;
    scope(|threads| {
        // Signals are for this thread: those that follow may write to little else than wakers.
        let before = blocked()?;
        let (mut captures, mut begun) = (Vec::new(), Vec::new());
        for number in 0..args.targets.len() {
            let thread = begin(threads, number, args, &board);
            // One after the other: libpcap's parser of filters was not always made for more.
            match thread.said.recv().map_err(|_| Error::Thread)? {
                Beginning::Open(descriptor) => {
                    captures.push(descriptor);
                    begun.push(thread);
                }
                // It is over, with its rights, before this one goes on.
                _ => drop(thread.handle.join()),
            }
        }
        before.thread_set_mask().map_err(io::Error::from)?;
        let listener = listen(&args.dir)?;

        for thread in &begun {
            let _ = thread.go.send(());
        }
        let left = rights::give_up(Work::Serve(&captures))?;
        for thread in &begun {
            match thread.said.recv() {
                Ok(Beginning::GivenUp(done)) => done?,
                _ => return Err(Error::Thread),
            }
        }
        say(&format!("capturing {} of {} targets ({left})", begun.len(), args.targets.len()));
        for thread in begun {
            let _ = thread.go.send(());
        }
        let taken = Server::new(listener, &board, identity, args.patience).serve();
        // However it ended: nothing waits for the threads that read.
        board.end(Why::Alone);
        let taken = taken?;
        let queue = board.queue();
        let (front, back) = (queue.ring.front().number, queue.ring.back().number);
        if taken {
            return Ok(format!("all was taken: {back} units"));
        }
        Err(Error::Alone { patience: args.patience, left: back - front })
    })
}

/// A thread of a target that has begun.
struct Thread<'scope> {
    said: Receiver<Beginning>,
    go: Sender<()>,
    handle: std::thread::ScopedJoinHandle<'scope, ()>,
}

/// Starts a target's thread. It says that it is open; told to go, it gives up its rights and says
/// so; told to go again, it reads.
fn begin<'scope>(
    threads: &'scope Scope<'scope, '_>,
    number: usize,
    args: &'scope args::Serve,
    board: &'scope Board,
) -> Thread<'scope> {
    let (says, said) = channel();
    let (go, told) = channel();
    let handle = threads.spawn(move || {
        let (live, sandbox) = match open(&args.targets[number], args) {
            Ok(open) => open,
            Err(sentence) => {
                refuse(number, sentence, board);
                let _ = says.send(Beginning::Refused);
                return;
            }
        };
        let mut interface = live.interface();
        interface.name = Some(format!("{}:{}", args.targets[number].name, args.source.interface));
        {
            let mut state = board.target(number);
            (state.interface, state.open) = (interface, true);
        }
        let _ = says.send(Beginning::Open(live.as_fd().as_raw_fd()));
        if told.recv().is_err() {
            return;
        }
        let given_up = rights::give_up(Work::Follow(&board.wakers())).map(drop);
        let _ = says.send(Beginning::GivenUp(given_up));
        if told.recv().is_ok() {
            let slow = (args.send == Send::Exchanges).then_some(args.slow);
            Follower::new(number, live, sandbox, board, slow).follow(Instant::now());
        }
    });
    Thread { said, go, handle }
}

/// Enters a target's network namespace, and opens the interface there.
fn open(target: &Target, args: &args::Serve) -> Result<(Live, Sandbox), String> {
    let sandbox = target.enter().map_err(|error| error.to_string())?;
    let mut live = Live::open(&args.source).map_err(|error| error.to_string())?;
    live.filter(args.source.filter.as_deref()).map_err(|error| error.to_string())?;
    Ok((live, sandbox))
}

/// A target that ended before it began.
fn refuse(number: usize, sentence: String, board: &Board) {
    let mut state = board.target(number);
    say(&format!("{}: {sentence}", state.name));
    state.ended = Some(Ended { number: 0, time: now(), sentence, alone: true });
}

/// Blocks every signal for the threads to come, and returns what was blocked before.
fn blocked() -> io::Result<SigSet> {
    let mut before = SigSet::empty();
    pthread_sigmask(SigmaskHow::SIG_BLOCK, Some(&SigSet::all()), Some(&mut before))?;
    Ok(before)
}

/// The socket that relays connect to; only this user can.
fn listen(dir: &Path) -> Result<UnixListener, Error> {
    let path = dir.join(SOCKET);
    // Of a process that was here before.
    let _ = fs::remove_file(&path);
    let made = UnixListener::bind(&path).and_then(|listener| {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    made.map_err(|reason| Error::Socket { path, reason })
}

/// SHA-256 of the file that is executed.
fn own_hash() -> io::Result<String> {
    let mut file = File::open("/proc/self/exe")?;
    let (mut hash, mut bytes) = (Sha256::new(), vec![0; 64 << 10]);
    loop {
        match file.read(&mut bytes)? {
            0 => break,
            read => hash.update(&bytes[..read]),
        }
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Another word for each run.
fn random() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}
