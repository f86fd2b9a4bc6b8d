//! Giving up every right, for good, before the first packet is read.
//!
//! Whoever can send packets to a pod chooses the bytes this process reads. So when it reads them
//! it has nothing left that is worth a fault:
//!
//! ```text
//! groups, gid, uid   nobody's, where the system lets it change them
//! capabilities       none in any set
//! no_new_privs       no file executed gives one back
//! Landlock           no file system, no TCP, no other process (where the kernel has it)
//! seccomp            only the calls that the thread's loop makes
//! ```
//!
//! All of these belong to a thread, not to the process: each one gives up its own, and looks.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use caps::CapSet;
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetStatus,
    Scope,
};
use nix::errno::Errno;
use nix::libc;
use nix::sys::prctl;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::unistd::geteuid;
use seccompiler::{
    SeccompAction, SeccompCmpArgLen as Len, SeccompCmpOp as Op, SeccompCondition as Condition,
    SeccompFilter, SeccompRule,
};

/// User and group without any file or process: `nobody`, the kernel's own overflow id.
const NOBODY: u32 = 65_534;

/// What a thread has still to do when its rights are gone: which calls stay, and on what.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work<'a> {
    /// Reads packets of this interface and writes anywhere but there: written packets would go out.
    Record(BorrowedFd<'a>),
    /// Reads packets, and writes to nothing but these: they wake other threads.
    Follow(&'a [BorrowedFd<'a>]),
    /// Accepts connections of a socket that listens, reads and writes, but not to these interfaces.
    Serve(&'a [RawFd]),
    /// Reads and writes what is open.
    Pass,
}

/// What is left, for the line that says so.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Left {
    /// The user it runs as.
    pub(crate) user: u32,
    /// Whether Landlock is in force; kernels before 5.13 have none.
    pub(crate) landlock: bool,
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let landlock = if self.landlock { ", Landlock" } else { "; no Landlock in this kernel" };
        write!(f, "user {}, no capabilities, seccomp{landlock}", self.user)
    }
}

/// A right that could not be given up, or is still there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot give up {right}: {reason}; refusing to read packets with it")]
    Drop { right: &'static str, reason: String },
    #[error("{right} is still there after it was given up; refusing to read packets with it")]
    StillThere { right: &'static str },
}

fn failed(right: &'static str) -> impl Fn(String) -> Error {
    move |reason| Error::Drop { right, reason }
}

/// Gives up every right of this thread, and makes sure that they are gone. What is open stays open.
///
/// # Errors
/// [`Error::Drop`] names the right that is kept, and why; [`Error::StillThere`] one that only seemed
/// to be given up.
pub(crate) fn give_up(work: Work<'_>) -> Result<Left, Error> {
    let left = drop_all(work)?;
    verify()?;
    Ok(left)
}

fn drop_all(work: Work<'_>) -> Result<Left, Error> {
    become_nobody()?;
    drop_capabilities()?;
    prctl::set_no_new_privs().map_err(|error| failed("new privileges")(error.to_string()))?;
    let user = geteuid().as_raw();
    let landlock = forbid_files()?;
    forbid_calls(work).map_err(|error| failed("system calls")(error.to_string()))?;
    Ok(Left { user, landlock })
}

/// Bounding first: it can be cleared only while CAP_SETPCAP is there. Groups before the user: he
/// may change them only while he is root.
fn become_nobody() -> Result<(), Error> {
    // Without CAP_SETPCAP it stays, and says nothing: no_new_privs and empty sets are enough.
    if caps::has_cap(None, CapSet::Effective, caps::Capability::CAP_SETPCAP).unwrap_or(false) {
        caps::clear(None, CapSet::Bounding)
            .map_err(|error| failed("the bounding capabilities")(error.to_string()))?;
    }
    accept_refusal("supplementary groups", own(libc::SYS_setgroups, [0, 0, 0]))?;
    accept_refusal("the group", own(libc::SYS_setresgid, [NOBODY; 3]))?;
    accept_refusal("the user", own(libc::SYS_setresuid, [NOBODY; 3]))
}

/// A change of this thread's user or groups, and no other's.
///
/// Not through libc: it has all threads change together, also one that may not make the call any
/// more, and ends the process then.
#[allow(unsafe_code)]
fn own(call: libc::c_long, arguments: [u32; 3]) -> nix::Result<()> {
    let [a, b, c] = arguments;
    // SAFETY: the calls take numbers; the list of groups is null and has no members.
    Errno::result(unsafe { libc::syscall(call, a as usize, b as usize, c as usize) }).map(drop)
}

/// No failure where the system does not let it: EPERM for an ordinary user, in his own user
/// namespace (setgroups) and without CAP_SETUID or CAP_SETGID; EINVAL where nobody has no number
/// in the user namespace. He keeps who he was, and no more.
fn accept_refusal(right: &'static str, done: nix::Result<()>) -> Result<(), Error> {
    match done {
        Ok(()) | Err(Errno::EPERM | Errno::EINVAL) => Ok(()),
        Err(error) => Err(failed(right)(error.to_string())),
    }
}

fn drop_capabilities() -> Result<(), Error> {
    for set in [CapSet::Ambient, CapSet::Effective, CapSet::Permitted, CapSet::Inheritable] {
        caps::clear(None, set).map_err(|error| failed("capabilities")(error.to_string()))?;
    }
    Ok(())
}

/// Everything Landlock can forbid, as far as the kernel knows it. `false`: it knows nothing.
fn forbid_files() -> Result<bool, Error> {
    let all = ABI::V6;
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(all))
        .and_then(|ruleset| ruleset.handle_access(AccessNet::from_all(all)))
        .and_then(|ruleset| ruleset.scope(Scope::from_all(all)))
        .and_then(Ruleset::create)
        .and_then(landlock::RulesetCreated::restrict_self)
        .map_err(|error| failed("files (Landlock)")(error.to_string()))?;
    Ok(status.ruleset != RulesetStatus::NotEnforced)
}

/// Lets only the calls of the thread's loop through; any other fails with EPERM.
///
/// EPERM and not death: a libc that does the same by another call shows as an error with a name
/// and a finished capture, and [`verify`] can try what is forbidden.
fn forbid_calls(work: Work<'_>) -> seccompiler::Result<()> {
    let arch = std::env::consts::ARCH.try_into()?;
    let filter = SeccompFilter::new(
        allowed(work)?,
        SeccompAction::Errno(libc::EPERM.unsigned_abs()),
        SeccompAction::Allow,
        arch,
    )?;
    let program: seccompiler::BpfProgram = filter.try_into()?;
    seccompiler::apply_filter(&program)
}

type Calls = BTreeMap<i64, Vec<SeccompRule>>;

/// The calls that stay, and with which arguments. None opens, executes, signals or gives an address
/// to send to.
fn allowed(work: Work<'_>) -> Result<Calls, seccompiler::BackendError> {
    let argument = |index, op, value| Condition::new(index, Len::Dword, op, value);
    let on = |op: Op, descriptor: RawFd| argument(0, op, descriptor.unsigned_abs().into());
    let none_of = |descriptors: &[RawFd]| -> Result<Vec<_>, _> {
        descriptors.iter().map(|descriptor| on(Op::Ne, *descriptor)).collect()
    };
    // No rule lets everything through; an empty one is refused.
    let rules = |conditions: Vec<Condition>| match conditions.is_empty() {
        true => Ok(vec![]),
        false => SeccompRule::new(conditions).map(|rule| vec![rule]),
    };
    let mut calls = common()?;
    match work {
        // Packets out, never onto the interface. The same call wakes the loop from a signal handler.
        Work::Record(capture) => {
            calls.insert(libc::SYS_write, rules(none_of(&[capture.as_raw_fd()])?)?);
        }
        Work::Follow(wakers) => {
            let to = wakers.iter().map(|waker| waker.as_raw_fd()).chain([libc::STDERR_FILENO]);
            let only = to.map(|waker| SeccompRule::new(vec![on(Op::Eq, waker)?]));
            calls.insert(libc::SYS_write, only.collect::<Result<_, _>>()?);
        }
        Work::Serve(captures) => {
            calls.insert(libc::SYS_write, rules(none_of(captures)?)?);
            // With an address it could reach other sockets.
            let mut no_address = none_of(captures)?;
            no_address.push(Condition::new(4, Len::Qword, Op::Eq, 0)?);
            calls.insert(libc::SYS_sendto, rules(no_address)?);
            let reads = [libc::SYS_read, libc::SYS_recvfrom, libc::SYS_accept4];
            calls.extend(reads.map(|call| (call, vec![])));
        }
        Work::Pass => {
            let no_address = vec![Condition::new(4, Len::Qword, Op::Eq, 0)?];
            calls.insert(libc::SYS_sendto, rules(no_address)?);
            let passing = [libc::SYS_read, libc::SYS_recvfrom, libc::SYS_write];
            calls.extend(passing.map(|call| (call, vec![])));
        }
    }
    Ok(calls)
}

/// What every thread needs.
fn common() -> Result<Calls, seccompiler::BackendError> {
    let only = |conditions: Vec<_>| SeccompRule::new(conditions);
    let argument = |index, op, value| Condition::new(index, Len::Dword, op, value);
    let not_executable =
        || only(vec![argument(2, Op::MaskedEq(libc::PROT_EXEC.unsigned_abs().into()), 0)?]);

    let mut calls = BTreeMap::from([
        // Packets in: the ring is shared memory, so waiting is all.
        (libc::SYS_ppoll, vec![]),
        // A wait that was stopped and continued.
        (libc::SYS_restart_syscall, vec![]),
        // The counters; and libpcap's question why a wait failed.
        (libc::SYS_getsockopt, vec![]),
        // libpcap's question whether the interface is still there.
        (
            libc::SYS_ioctl,
            vec![
                only(vec![argument(1, Op::Eq, libc::SIOCGIFNAME)?])?,
                only(vec![argument(1, Op::Eq, libc::SIOCGIFFLAGS)?])?,
            ],
        ),
        // The key of a thread's first hash table, which `caps` makes to say what is left.
        (libc::SYS_getrandom, vec![]),
        // Time, where the vDSO has no clock.
        (libc::SYS_clock_gettime, vec![]),
        // Memory, none of it executable.
        (libc::SYS_brk, vec![]),
        (libc::SYS_mmap, vec![not_executable()?]),
        (libc::SYS_mprotect, vec![not_executable()?]),
        (libc::SYS_mremap, vec![]),
        (libc::SYS_munmap, vec![]),
        (libc::SYS_madvise, vec![]),
        (libc::SYS_futex, vec![]),
        // The end.
        (libc::SYS_close, vec![]),
        (libc::SYS_rt_sigprocmask, vec![]),
        (libc::SYS_rt_sigreturn, vec![]),
        (libc::SYS_sigaltstack, vec![]),
        (libc::SYS_exit, vec![]),
        (libc::SYS_exit_group, vec![]),
        // Questions of `verify`.
        (libc::SYS_capget, vec![]),
        (
            libc::SYS_prctl,
            vec![
                only(vec![argument(0, Op::Eq, libc::PR_GET_NO_NEW_PRIVS as u64)?])?,
                only(vec![argument(0, Op::Eq, libc::PR_CAPBSET_READ as u64)?])?,
                only(vec![
                    argument(0, Op::Eq, libc::PR_CAP_AMBIENT as u64)?,
                    argument(1, Op::Eq, libc::PR_CAP_AMBIENT_IS_SET as u64)?,
                ])?,
            ],
        ),
    ]);
    #[cfg(target_arch = "x86_64")]
    calls.insert(libc::SYS_poll, vec![]);
    Ok(calls)
}

/// Looks whether the rights are gone: asks for the sets and tries what must fail.
///
/// # Errors
/// [`Error::StillThere`] names the right.
fn verify() -> Result<(), Error> {
    for set in [CapSet::Effective, CapSet::Permitted, CapSet::Inheritable, CapSet::Ambient] {
        let empty = caps::read(None, set).is_ok_and(|set| set.is_empty());
        gone(empty, "a capability")?;
    }
    gone(prctl::get_no_new_privs().is_ok_and(|set| set), "gaining privileges by executing")?;
    let packets = socket(AddressFamily::Packet, SockType::Raw, SockFlag::empty(), None);
    gone(packets.is_err(), "opening another capture")?;
    let file = File::open("/proc/self/status");
    let denied = file.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied);
    gone(denied, "opening files")
}

fn gone(is_gone: bool, right: &'static str) -> Result<(), Error> {
    if is_gone { Ok(()) } else { Err(Error::StillThere { right }) }
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::net::UdpSocket;
    use std::os::fd::AsFd;
    use std::process::{Command, exit};

    use super::*;

    /// Runs `body` in a process of its own, since rights do not come back: the test `name` again,
    /// this time told to go on. `body` says what it found wrong.
    fn apart(name: &str, body: impl FnOnce() -> Vec<&'static str>) {
        const APART: &str = "MESHSNIFF_APART";
        if env::var_os(APART).is_some() {
            // Not by returning: the test harness needs more rights than are left.
            exit(body().len() as i32);
        }
        let again = Command::new(env::current_exe().unwrap())
            .args(["--exact", &format!("rights::tests::{name}"), "--nocapture"])
            .env(APART, "1")
            .output()
            .unwrap();
        assert_eq!(again.status.code(), Some(0), "{}", String::from_utf8_lossy(&again.stderr));
    }

    /// The words of everything that is not as it should be.
    fn wrong(checks: &[(bool, &'static str)]) -> Vec<&'static str> {
        let wrong: Vec<_> = checks.iter().filter(|(good, _)| !good).map(|(_, why)| *why).collect();
        for why in &wrong {
            let _ = io::Write::write_all(&mut io::stderr(), format!("wrong: {why}\n").as_bytes());
        }
        wrong
    }

    fn denied<T>(result: io::Result<T>) -> bool {
        result.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
    }

    fn packet_socket() -> nix::Result<std::os::fd::OwnedFd> {
        socket(AddressFamily::Packet, SockType::Raw, SockFlag::empty(), None)
    }

    #[test]
    fn all_of_it_together() {
        apart("all_of_it_together", || {
            let capture = UdpSocket::bind("127.0.0.1:0").unwrap();
            capture.connect(capture.local_addr().unwrap()).unwrap();
            let before = File::open("/etc/passwd").is_ok() && capture.send(b"x").is_ok();
            let given_up = drop_all(Work::Record(capture.as_fd()));
            wrong(&[
                (before, "files open and packets go out before"),
                (given_up.is_ok(), "everything is given up"),
                (verify().is_ok(), "verified"),
                (packet_socket().is_err(), "no capture opens"),
                (denied(UdpSocket::bind("127.0.0.1:0")), "no socket opens"),
                (denied(File::open("/etc/passwd")), "no file opens"),
                (denied(Command::new("/bin/true").status()), "nothing is executed"),
                (denied(capture.send(b"x")), "nothing is sent"),
                (
                    nix::unistd::write(&capture, b"x") == Err(Errno::EPERM),
                    "nothing is written to the capture",
                ),
                (nix::unistd::write(io::stderr(), b"") == Ok(0), "stderr can be written"),
            ])
        });
    }

    #[test]
    fn each_thread_for_itself() {
        apart("each_thread_for_itself", || {
            let capture = UdpSocket::bind("127.0.0.1:0").unwrap();
            capture.connect(capture.local_addr().unwrap()).unwrap();
            let (waker, other) = (File::create("/dev/null").unwrap(), capture.try_clone().unwrap());
            let write = |to: &dyn AsFd| nix::unistd::write(to.as_fd(), b"x");
            let follows = std::thread::scope(|scope| {
                let thread = scope.spawn(|| {
                    let given_up = drop_all(Work::Follow(&[waker.as_fd()])).is_ok();
                    let written = (write(&waker), write(&capture), write(&other));
                    given_up
                        && verify().is_ok()
                        && written == (Ok(1), Err(Errno::EPERM), Err(Errno::EPERM))
                });
                thread.join().unwrap()
            });
            let kept = verify().is_err();
            let serves = drop_all(Work::Serve(&[capture.as_raw_fd(), other.as_raw_fd()])).is_ok();
            wrong(&[
                (follows, "a thread that follows wakes others, and that is all"),
                (kept, "the other thread has still what it had"),
                (serves && verify().is_ok(), "and gives it up later"),
                (denied(capture.send(b"x")) && denied(other.send(b"x")), "nothing is sent"),
                (write(&capture) == Err(Errno::EPERM), "nothing is written to an interface"),
                (write(&waker) == Ok(1), "what is open can be written to"),
            ])
        });
    }

    #[test]
    fn landlock_alone_keeps_files_shut() {
        apart("landlock_alone_keeps_files_shut", || match forbid_files() {
            Ok(true) => wrong(&[(denied(File::open("/etc/passwd")), "no file opens")]),
            Ok(false) => wrong(&[(File::open("/etc/passwd").is_ok(), "files open without it")]),
            Err(_) => wrong(&[(false, "an old kernel is no failure")]),
        });
    }

    #[test]
    fn without_capabilities_no_capture_opens() {
        apart("without_capabilities_no_capture_opens", || {
            let root = packet_socket().is_ok();
            wrong(&[
                (root == geteuid().is_root(), "root opens one before"),
                (become_nobody().is_ok() && drop_capabilities().is_ok(), "all given up"),
                (packet_socket().is_err(), "no capture opens"),
                (own(libc::SYS_setresuid, [0; 3]).is_err(), "nobody becomes root again"),
            ])
        });
    }

    #[test]
    fn what_is_still_there_is_found() {
        // Files open, at least, in every process that gave nothing up.
        assert!(matches!(verify(), Err(Error::StillThere { .. })));
    }
}
