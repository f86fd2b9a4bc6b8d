//! The capture filter: names in it are looked up here, and what is left is tried here.
//!
//! In: what was given with `-f`. Out: the filter that the agent gets.
//! Not here: what a filter may say. libpcap knows that, in the agent.
//!
//! In the image that the agent runs in there may be neither `/etc/services` nor a resolver, and
//! names mean what they mean where they were typed.

mod lookup;
mod names;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use super::parcel::Parcel;
use crate::exit::Usage;

/// The filter that the agent gets.
///
/// # Errors
/// [`Usage`] for a name that nobody knows, and where libpcap does not understand it.
pub(super) fn resolve(parcel: &Parcel, interface: &str, given: &str) -> Result<String> {
    let filter = names::resolve(given)
        .map_err(|error| Usage(format!("{error:#}. The filter is {given:?}")))?;
    check(parcel, interface, &filter)?;
    Ok(filter)
}

/// Has the agent, here, compile the filter as it will there.
///
/// # Errors
/// [`Usage`] with libpcap's words if it is not understood.
fn check(parcel: &Parcel, interface: &str, filter: &str) -> Result<()> {
    let Ok(program) = Program::of(parcel) else { return Ok(()) };
    let ran = Command::new(&program.0)
        .args(["filter", "--interface", interface, "--filter", filter])
        .stdin(Stdio::null())
        .output();
    // Where the agent cannot run (another system, noexec), the one on the node will tell.
    let Ok(output) = ran else { return Ok(()) };
    if output.status.code() != Some(1) {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&output.stderr);
    Err(Usage(why.trim().trim_start_matches("meshsniff-agent: ").to_owned()).into())
}

/// The agent as a file, for as long as this lives.
struct Program(PathBuf);

impl Program {
    fn of(parcel: &Parcel) -> Result<Self> {
        let path = std::env::temp_dir().join(format!("meshsniff-agent-{}", std::process::id()));
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o700).open(&path);
        let program = Self(path);
        file.context("no temporary file")?.write_all(parcel.agent)?;
        Ok(program)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
