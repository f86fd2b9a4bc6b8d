use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};

use super::families::Families;
use crate::analyze::{beside, check_writable};

/// How often the file is written while there is something to see.
const EVERY: Duration = Duration::from_secs(10);

/// What is written begins so.
const BEGIN: &[u8] = b"# HELP meshsniff_";

/// A file that is written now and then, and at the end.
pub(super) struct File {
    /// A word is the end; dropped, nothing more is written.
    stop: Sender<()>,
    thread: JoinHandle<Result<()>>,
}

impl File {
    /// Nothing is written yet.
    pub(super) fn open(path: &Path, families: Arc<Families>) -> Result<Self> {
        check(path)?;
        let (stop, stopped) = mpsc::channel();
        let path = path.to_owned();
        let thread = Builder::new().name("metrics".into()).spawn(move || {
            loop {
                match stopped.recv_timeout(EVERY) {
                    // If it goes wrong now, the last time will tell.
                    Err(RecvTimeoutError::Timeout) => drop(write(&path, &families)),
                    Ok(()) => return write(&path, &families),
                    Err(RecvTimeoutError::Disconnected) => return Ok(()),
                }
            }
        })?;
        Ok(Self { stop, thread })
    }

    /// Writes it for the last time.
    pub(super) fn finish(self) -> Result<()> {
        // If it has gone, joining tells why.
        let _ = self.stop.send(());
        self.thread.join().map_err(|_| anyhow!("the writing of metrics failed"))?
    }
}

/// What stands there is replaced as a whole, so it has to be a file of metrics.
fn check(path: &Path) -> Result<()> {
    let name = path.display();
    match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => {
            bail!("--metrics {name} is no file, and cannot be replaced by one")
        }
        Ok(_) => {
            let mut begin = Vec::new();
            let file = fs::File::open(path).with_context(|| cannot(path))?;
            file.take(BEGIN.len() as u64).read_to_end(&mut begin).with_context(|| cannot(path))?;
            if !begin.is_empty() && begin != BEGIN {
                bail!(
                    "--metrics {name} would replace a file that has no metrics in it: name another"
                )
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| cannot(path)),
    }
    check_writable(path)
}

/// Beside it first, so that nobody reads a half.
fn write(path: &Path, families: &Families) -> Result<()> {
    let beside: PathBuf = beside(path);
    let text = families.text()?;
    let written = fs::File::create(&beside)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written.with_context(|| cannot(path))
}

fn cannot(path: &Path) -> String {
    format!("--metrics {} cannot be written", path.display())
}
