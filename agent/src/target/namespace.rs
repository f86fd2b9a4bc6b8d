//! Into the network namespace of another process.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sched::{CloneFlags, setns};

use super::Error;

/// Moves this thread, and no other, into the network namespace of the first of `processes` that
/// still has one. Returns the namespace's inode.
///
/// # Errors
/// [`Error::NotFound`] if none has, otherwise the right that is missing.
pub(super) fn enter(proc: &Path, processes: &[u32]) -> Result<u64, Error> {
    let mut refused = Error::NotFound;
    for &process in processes {
        let opened = File::open(proc.join(process.to_string()).join("ns/net"));
        let namespace = match opened {
            Ok(namespace) => namespace,
            // One that just ended, or has ended and is not collected.
            Err(reason) if reason.kind() == io::ErrorKind::NotFound => continue,
            Err(reason) => {
                refused = Error::MayNotLook { process, reason };
                continue;
            }
        };
        match setns(&namespace, CloneFlags::CLONE_NEWNET) {
            Ok(()) => return Ok(namespace.metadata().map_or(0, |namespace| namespace.ino())),
            Err(reason) => refused = Error::MayNotEnter { process, reason },
        }
    }
    Err(refused)
}
