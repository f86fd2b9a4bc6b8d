//! Whether a target is still there, asked without any right.
//!
//! A network namespace lives as long as somebody holds it, and a capture does. So it does not go
//! with the pod; what goes is its way out: when a sandbox ends, the node takes its interfaces away.
//! Containers that restart leave them alone. Where there is no other interface than `lo`, the
//! processes that were there at the beginning tell.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::libc;
use nix::net::if_::if_nameindex;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Processes watched: the oldest are those that last.
const WATCHED: usize = 16;

/// What shows that a target is there.
#[derive(Debug)]
pub(crate) struct Sandbox {
    /// Numbers of the interfaces besides `lo`.
    interfaces: Vec<libc::c_int>,
    /// Descriptors that become readable when their process ends.
    processes: Vec<OwnedFd>,
}

impl Sandbox {
    /// Looks around in the network namespace of this thread, where `processes` are.
    pub(super) fn look(processes: Vec<u32>) -> Self {
        let found = if_nameindex();
        let others = found.iter().flat_map(|names| names.iter()).filter(|one| one.name() != c"lo");
        let interfaces = others.filter_map(|one| one.index().try_into().ok()).collect();
        let processes = processes.into_iter().take(WATCHED).filter_map(descriptor).collect();
        Self { interfaces, processes }
    }

    /// Whether the target is gone. `socket` is any of its network namespace.
    pub(crate) fn is_gone(&self, socket: BorrowedFd<'_>) -> bool {
        if !self.interfaces.is_empty() {
            return !self.interfaces.iter().any(|number| exists(socket, *number));
        }
        let ended = |process: &OwnedFd| {
            let mut wanted = [PollFd::new(process.as_fd(), PollFlags::POLLIN)];
            poll(&mut wanted, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
        };
        !self.processes.is_empty() && self.processes.iter().all(ended)
    }
}

/// Whether the interface with this number is still there.
#[allow(unsafe_code)]
fn exists(socket: BorrowedFd<'_>, number: libc::c_int) -> bool {
    // SAFETY: all zero is a value of this plain C structure.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_ifru.ifru_ifindex = number;
    // SAFETY: the descriptor is open while it is borrowed; the kernel writes a name into `request`.
    let found =
        unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFNAME as _, &raw mut request) };
    // Any other failure says nothing about the interface.
    found == 0 || nix::Error::last() != nix::Error::ENODEV
}

/// A descriptor of the process; none before Linux 5.3, or if it is gone.
#[allow(unsafe_code)]
fn descriptor(process: u32) -> Option<OwnedFd> {
    // SAFETY: the call takes two numbers and no pointer.
    let opened = unsafe { libc::syscall(libc::SYS_pidfd_open, process, 0) };
    let opened = libc::c_int::try_from(opened).ok().filter(|descriptor| *descriptor >= 0)?;
    // SAFETY: the kernel just made it, and nobody else knows it.
    Some(unsafe { OwnedFd::from_raw_fd(opened) })
}
