//! The pod comes first.

use nix::libc;

/// Has this thread, and those it starts, wait for a processor until what runs there is due to leave
/// it (`SCHED_BATCH`): otherwise each wake-up for packets interrupts the very work that makes them. The
/// kernel's buffer lasts much longer than that.
#[allow(unsafe_code)]
pub(crate) fn give() {
    let priority = libc::sched_param { sched_priority: 0 };
    // SAFETY: the pointer is to a live structure, which is only read. A kernel that refuses leaves
    // all as it is.
    let _ = unsafe { libc::sched_setscheduler(0, libc::SCHED_BATCH, &raw const priority) };
}
