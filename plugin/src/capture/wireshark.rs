//! Wireshark, fed live.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};

use crate::exit::Usage;

/// Where it lies when it is not in PATH.
const USUAL: [&str; 4] = [
    "/usr/bin/wireshark",
    "/usr/local/bin/wireshark",
    "/Applications/Wireshark.app/Contents/MacOS/Wireshark",
    "/snap/bin/wireshark",
];

/// Finds it, before anything is created for it.
pub(super) fn find() -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let named = std::env::split_paths(&path).map(|folder| folder.join("wireshark"));
    let mut all = named.chain(USUAL.iter().map(PathBuf::from));
    let found = all.find(|file| is_program(file));
    found.ok_or_else(|| {
        Usage(
            "Wireshark was not found, neither in PATH nor in the usual places. Install it (Debian: \
             apt-get install wireshark), or write the packets: -w evidence.pcapng"
                .into(),
        )
        .into()
    })
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;

    let metadata = file.metadata();
    metadata.is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// Starts it, reading packets from its stdin. Ctrl-C is not for it: it keeps what it has.
pub(super) fn start(program: &Path) -> Result<Child> {
    use std::os::unix::process::CommandExt as _;

    Command::new(program)
        .args(["-k", "-i", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .with_context(|| format!("{} cannot be started", program.display()))
}
