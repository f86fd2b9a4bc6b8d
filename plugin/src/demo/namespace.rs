//! The process in the middle: a network of its own, with traffic and an agent in it.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::libc;
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{getgid, getuid};

use super::traffic;

/// Tells the process in the middle what it is, and its duration in milliseconds.
const INSIDE: &str = "MESHSNIFF_DEMO_MILLIS";

const AGENT: &str = "meshsniff-agent";

/// Starts the process in the middle: this program again, with pipes to hear from it.
pub(super) fn enter_again(duration: Duration) -> io::Result<Child> {
    Command::new(env::current_exe()?)
        .env(INSIDE, duration.as_millis().to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

/// The work of the process in the middle, if this is it; `None` if not.
///
/// Must be called first in `main`: a process with threads cannot enter a user namespace.
pub(crate) fn inside() -> Option<ExitCode> {
    let millis = env::var(INSIDE).ok()?.parse().ok()?;
    match run(Duration::from_millis(millis)) {
        Ok(()) => Some(ExitCode::SUCCESS),
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error:#}");
            Some(ExitCode::FAILURE)
        }
    }
}

fn run(duration: Duration) -> Result<()> {
    let agent = find_agent()?;
    enter().map_err(forbidden)?;
    set_up("lo").map_err(forbidden)?;

    let mut agent = Command::new(&agent)
        .args(["-i", "lo", "--buffer", "8", "--duration"])
        .arg(format!("{}ms", duration.as_millis()))
        .env_remove(INSIDE)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {}", agent.display()))?;
    // After the agent, which would inherit it: ^C is for the agent, whose end is ours.
    SigSet::from(Signal::SIGINT).thread_block()?;

    // No traffic before it is captured.
    let mut words = BufReader::new(agent.stderr.take().context("no stderr")?);
    let mut text = String::new();
    words.read_line(&mut text)?;
    io::stderr().write_all(text.as_bytes())?;
    if text.starts_with("capturing") {
        let stop = Arc::new(AtomicBool::new(false));
        let traffic = thread::spawn({
            let stop = Arc::clone(&stop);
            move || traffic::run(duration, &stop)
        });
        agent.wait()?;
        stop.store(true, Ordering::Relaxed);
        // What it says is of no use once the capture is over.
        let _ = traffic.join();
    }
    text.clear();
    words.read_to_string(&mut text)?;
    io::stderr().write_all(text.as_bytes())?;
    agent.wait()?;
    Ok(())
}

/// Beside this program, where `make` puts it, or else in the PATH.
fn find_agent() -> Result<PathBuf> {
    let here = env::current_exe().ok().and_then(|path| path.parent().map(PathBuf::from));
    let path = env::var_os("PATH").unwrap_or_default();
    let found = here
        .into_iter()
        .chain(env::split_paths(&path))
        .map(|directory| directory.join(AGENT))
        .find(|file| file.is_file());
    let Some(file) = found else {
        bail!("{AGENT} is neither beside kubectl-meshsniff nor in the PATH: `make` builds both");
    };
    Ok(file)
}

/// Enters a network without anything but `lo`: as root at once, else as root of a user namespace.
fn enter() -> io::Result<()> {
    if unshare(CloneFlags::CLONE_NEWNET).is_ok() {
        return Ok(());
    }
    let (user, group) = (getuid(), getgid());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET)?;
    // The one mapping that needs no right: oneself. As root, so that the agent keeps the
    // capabilities when it is executed. Groups only after `deny` (user_namespaces(7)).
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("0 {user} 1"))?;
    fs::write("/proc/self/gid_map", format!("0 {group} 1"))
}

/// Sets an interface up, as `ip link set NAME up` does.
#[allow(unsafe_code)]
fn set_up(name: &str) -> io::Result<()> {
    use std::os::fd::AsRawFd;

    let socket = std::net::UdpSocket::bind("0.0.0.0:0")?;
    // SAFETY: an `ifreq` is plain numbers, for which zero is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (place, byte) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *place = byte as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = libc::IFF_UP as libc::c_short;
    // SAFETY: the socket is open, and SIOCSIFFLAGS reads one `ifreq`, which `request` is.
    let done =
        unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw const request) };
    Errno::result(done)?;
    Ok(())
}

/// What to do where the system forbids a network of one's own.
fn forbidden(error: io::Error) -> anyhow::Error {
    const SETTINGS: [(&str, &str, &str); 3] = [
        ("kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
        (
            "kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        ("user/max_user_namespaces", "0", "user.max_user_namespaces=10000"),
    ];
    let forbids = |(file, value, _): &&(&str, &str, &str)| {
        fs::read_to_string(format!("/proc/sys/{file}")).is_ok_and(|is| is.trim() == *value)
    };
    let advice = match SETTINGS.iter().find(forbids) {
        Some((.., allow)) => format!("allow it with `sudo sysctl -w {allow}`, or run it as root"),
        None => "run it as root, or outside of the container that forbids it".to_owned(),
    };
    anyhow::anyhow!(
        "the demonstration needs a network of its own, and this system forbids that to you \
         ({error}): {advice}"
    )
}
