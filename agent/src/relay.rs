//! `meshsniff-agent relay`: bytes between exec's stdin, stdout and stderr and the socket of `serve`.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::exit;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags};

use crate::args;
use crate::frame::{self, Kind};
use crate::live::wait;
use crate::rights::{self, Work};
use crate::serve::SOCKET;

/// How long the reader may be silent.
const SILENCE: Duration = Duration::from_secs(30);

/// How long to wait for `serve`, which may have been started just now.
const START: Duration = Duration::from_secs(10);

/// What is read from the socket at once.
const BUFFER: usize = 256 << 10;

/// What is written to stdout at once: as much as a pipe holds. Each piece is read, copied and sent on by
/// five processes between here and the reader.
const GATHERED: usize = 64 << 10;

/// Why it ended before everything was passed on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("nothing captures here: {} answers nobody ({reason}); has the capture ended?", path.display())]
    NoSocket { path: PathBuf, reason: io::Error },
    #[error(transparent)]
    Rights(#[from] rights::Error),
    #[error("a thread ended before it began")]
    Thread,
    #[error("the capture ended before it had sent everything ({0})")]
    CutShort(io::Error),
    #[error("stdout: {0}")]
    Stdout(io::Error),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Passes everything on until the end.
///
/// Its own end is the process's: when stdin ends or falls silent, the other direction may be
/// waiting for ever.
pub(crate) fn relay(args: &args::Relay) -> Result<(), Error> {
    let mut socket = connect(&args.dir.join(SOCKET))?;
    writeln!(socket, "{}", args.from)?;
    let (stdin, stdout) = (own(io::stdin().as_fd())?, own(io::stdout().as_fd())?);
    let to = socket.try_clone()?;
    let (says, said) = channel();
    thread::spawn(move || {
        let given_up = rights::give_up(Work::Pass);
        let confined = given_up.is_ok();
        let _ = says.send(given_up);
        if confined {
            exit(listen(stdin, to));
        }
    });
    rights::give_up(Work::Pass)?;
    // Nothing is passed on while any thread has a right.
    said.recv().map_err(|_| Error::Thread)??;
    pass(socket, stdout)
}

fn own(stream: std::os::fd::BorrowedFd<'_>) -> io::Result<File> {
    Ok(File::from(stream.try_clone_to_owned()?))
}

fn connect(path: &Path) -> Result<UnixStream, Error> {
    let given_up = Instant::now() + START;
    loop {
        match UnixStream::connect(path) {
            Ok(socket) => return Ok(socket),
            // Not made yet. A socket that refuses belonged to a process that is gone.
            Err(reason)
                if reason.kind() == io::ErrorKind::NotFound && Instant::now() < given_up =>
            {
                thread::sleep(Duration::from_millis(20));
            }
            Err(reason) => return Err(Error::NoSocket { path: path.to_owned(), reason }),
        }
    }
}

/// From stdin to the socket, until stdin ends or is silent. Then this process ends with the code.
fn listen(mut stdin: File, mut socket: UnixStream) -> i32 {
    let mut bytes = [0; 4096];
    loop {
        let heard = Instant::now();
        let mut wanted = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
        if wait(&mut wanted, SILENCE).is_err() || heard.elapsed() >= SILENCE {
            return 1;
        }
        match stdin.read(&mut bytes) {
            Ok(0) => return 1,
            Ok(read) if socket.write_all(&bytes[..read]).is_ok() => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // The other thread learns that the socket is closed, and why.
            Ok(_) => loop {
                thread::park();
            },
            Err(_) => return 1,
        }
    }
}

/// From the socket to stdout and stderr, until the frame that says that this was all.
fn pass(socket: UnixStream, stdout: File) -> Result<(), Error> {
    let mut socket = BufReader::with_capacity(BUFFER, socket);
    let mut stdout = BufWriter::with_capacity(GATHERED, stdout);
    let mut bytes = Vec::new();
    loop {
        match frame::read(&mut socket, &mut bytes).map_err(Error::CutShort)? {
            Kind::Stream => stdout.write_all(&bytes).map_err(Error::Stdout)?,
            // That nobody reads them is no failure.
            Kind::Words => drop(io::stderr().write_all(&bytes)),
            Kind::End => return stdout.flush().map_err(Error::Stdout),
        }
        if socket.buffer().is_empty() {
            stdout.flush().map_err(Error::Stdout)?;
        }
    }
}
