use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::is_dash;
use super::progress::Progress;

/// Where a capture comes from.
///
/// A pipe, a socket or a terminal is live: a read with nothing there answers
/// [`io::ErrorKind::WouldBlock`] at once, so that what is known can be shown before waiting.
#[derive(Debug)]
pub(crate) struct Input {
    file: File,
    /// The path to read it again, of a regular file.
    path: Option<PathBuf>,
    live: bool,
    /// Whoever feeds it ends it, also on Ctrl-C.
    fed: bool,
    progress: Option<Progress>,
}

impl Input {
    /// Opens a file, or stdin for `-`.
    ///
    /// # Errors
    /// Why not, and what to do, as one sentence.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        if is_dash(path) {
            let stdin: OwnedFd = io::stdin()
                .as_fd()
                .try_clone_to_owned()
                .map_err(|error| format!("stdin cannot be read: {error}"))?;
            let file = File::from(stdin);
            let regular = file.metadata().is_ok_and(|metadata| metadata.is_file());
            return Ok(Self { file, path: None, live: !regular, fed: false, progress: None });
        }
        let file = File::open(path).map_err(|error| refused(path, &error))?;
        let metadata = file.metadata().map_err(|error| refused(path, &error))?;
        if metadata.is_dir() {
            return Err("this is a directory; name the captures in it, as DIR/*.pcap".into());
        }
        let kind = metadata.file_type();
        let live = kind.is_fifo() || kind.is_socket() || kind.is_char_device();
        let progress = metadata.is_file().then(|| Progress::new(metadata.len()));
        let path = metadata.is_file().then(|| path.to_owned());
        Ok(Self { file, path, live, fed: false, progress: progress.flatten() })
    }

    /// A stream that somebody else has opened.
    pub(crate) fn live(file: File) -> Self {
        Self { file, path: None, live: true, fed: false, progress: None }
    }

    /// A stream that ends when it is to end, also on Ctrl-C.
    pub(crate) fn fed(file: File) -> Self {
        Self { fed: true, ..Self::live(file) }
    }

    /// Whether somebody else takes care of its end.
    pub(crate) fn is_fed(&self) -> bool {
        self.fed
    }

    /// Whether more may come while we look.
    pub(crate) fn is_live(&self) -> bool {
        self.live
    }

    /// Where to read it a second time, if that can be.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// A bar would be in the way of lines on the terminal.
    pub(crate) fn without_progress(mut self) -> Self {
        self.progress = None;
        self
    }

    /// A second handle on the same stream, to wait for it.
    pub(crate) fn waiter(&self) -> io::Result<Waiter> {
        Ok(Waiter(self.file.try_clone()?))
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.live && !is_ready(&self.file, Duration::ZERO)? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = self.file.read(buffer)?;
        if let Some(progress) = &self.progress {
            progress.read(count);
        }
        Ok(count)
    }
}

/// Waits for a live input.
#[derive(Debug)]
pub(crate) struct Waiter(File);

impl Waiter {
    /// Waits until there is something to read, at most `span`, or until a signal comes; answers
    /// whether there is.
    pub(crate) fn wait(&self, span: Duration) -> io::Result<bool> {
        is_ready(&self.0, span)
    }
}

fn is_ready(file: &File, span: Duration) -> io::Result<bool> {
    let mut fds = [PollFd::new(file, PollFlags::IN)];
    let span = Timespec {
        tv_sec: i64::try_from(span.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: span.subsec_nanos().into(),
    };
    match poll(&mut fds, Some(&span)) {
        // Readable, at its end or broken: read(2) tells which.
        Ok(count) => Ok(count > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn refused(path: &Path, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file; check the name".into(),
        io::ErrorKind::PermissionDenied => format!(
            "it may not be read; captures made by root belong to root: sudo chown $USER {}",
            path.display()
        ),
        _ => format!("it cannot be opened: {error}"),
    }
}

/// Whether both names lead to one existing file.
pub(crate) fn same_file(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| {
        let metadata = if is_dash(path) {
            File::from(io::stdin().as_fd().try_clone_to_owned().ok()?).metadata().ok()?
        } else {
            path.metadata().ok()?
        };
        metadata.is_file().then(|| (metadata.dev(), metadata.ino()))
    };
    !is_dash(other) && identity(one).is_some_and(|one| Some(one) == identity(other))
}
