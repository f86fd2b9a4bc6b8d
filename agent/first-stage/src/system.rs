//! System calls, and the first instructions of the process, for each architecture.

use core::arch::{asm, global_asm};

/// The calls that are made, by their number.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
#[repr(usize)]
pub(crate) enum Call {
    Write = 1,
    Close = 3,
    Sendfile = 40,
    Execve = 59,
    ExitGroup = 231,
    Openat = 257,
    Unlinkat = 263,
}

/// The calls that are made, by their number.
#[cfg(target_arch = "aarch64")]
#[derive(Clone, Copy)]
#[repr(usize)]
pub(crate) enum Call {
    Unlinkat = 35,
    Openat = 56,
    Close = 57,
    Write = 64,
    Sendfile = 71,
    ExitGroup = 94,
    Execve = 221,
}

// The kernel jumps here with the arguments on the stack and nothing else: no return address.
#[cfg(target_arch = "x86_64")]
global_asm!(
    ".globl _start",
    "_start:",
    "xor ebp, ebp",
    "mov rdi, rsp",
    "and rsp, -16",
    "call {}",
    "ud2",
    sym crate::start
);

#[cfg(target_arch = "aarch64")]
global_asm!(
    ".globl _start",
    "_start:",
    "mov x29, xzr",
    "mov x0, sp",
    "bl {}",
    "brk 1",
    sym crate::start
);

/// The kernel refused. Why is not asked: the sentence says what to look at.
pub(crate) struct Failed;

/// Makes a call. Its pointers are to memory that lives on: the arguments of the process, or what
/// the caller holds.
#[inline]
pub(crate) fn call(number: Call, [a, b, c, d]: [usize; 4]) -> Result<usize, Failed> {
    let result: isize;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: none of these calls writes to this process's memory; two registers are overwritten.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number as usize => result,
            in("rdi") a,
            in("rsi") b,
            in("rdx") c,
            in("r10") d,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: none of these calls writes to this process's memory.
    unsafe {
        asm!(
            "svc 0",
            in("x8") number as usize,
            inlateout("x0") a => result,
            in("x1") b,
            in("x2") c,
            in("x3") d,
        );
    }
    usize::try_from(result).map_err(|_| Failed)
}
