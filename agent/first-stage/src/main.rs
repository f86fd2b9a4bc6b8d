//! The first stage: joins `/meshsniff/part.00`, `part.01`, ... into a file and becomes it.
//!
//! ```text
//! first-stage FILE [ARGUMENT...]
//! ```
//!
//! The agent is larger than what an object of the cluster may hold (1 MiB), so it comes in parts,
//! mounted side by side with this executable. It runs in the target's own image, which may hold no
//! file at all: no shell, no `cat`, no C library. Hence system calls and nothing else; it never
//! maps a byte of memory, and what it leaves is the agent with the same process number.
//!
//! Into a file, not into memory (memfd): executing memory is what tools that guard a node alarm on.
#![no_std]
#![no_main]

mod system;

use core::ptr;

use system::{Call, Failed, call};

/// The name of a part; its digits are filled in.
const PART: [u8; 19] = *b"/meshsniff/part.00\0";

/// Where the digits are in [`PART`].
const DIGITS: (usize, usize) = (16, 17);

/// For the calls that take a directory: paths are absolute, or relative to this process.
const AT_FDCWD: usize = -100isize as usize;

/// `O_WRONLY | O_CREAT | O_EXCL`, the same number on all architectures here.
const CREATE: usize = 0o301;

/// To be read and executed by anyone: what follows may not be root for long.
const MODE: usize = 0o555;

/// As much as one call may copy.
const MOST: usize = 1 << 30;

/// `unsafe`: `stack` is where the kernel put the arguments, as the psABI describes.
unsafe extern "C" fn start(stack: *const usize) -> ! {
    // SAFETY: the count comes first, then so many pointers to arguments and a null, then those to
    // the environment and a null.
    let (file, arguments, environment) = unsafe {
        let count = *stack;
        if count < 2 {
            fail(b"meshsniff: the first stage is not told which file to make\n");
        }
        let arguments = stack.add(1);
        (*arguments.add(1), arguments.add(1), arguments.add(count + 1))
    };
    join(file);
    let _ = call(Call::Execve, [file, arguments.addr(), environment.addr(), 0]);
    fail(b"meshsniff: the agent cannot be executed; is its volume mounted noexec, or is it for another architecture?\n")
}

/// Makes the file from its parts.
fn join(file: usize) {
    // What a container that is started again finds.
    let _ = call(Call::Unlinkat, [AT_FDCWD, file, 0, 0]);
    let Ok(out) = call(Call::Openat, [AT_FDCWD, file, CREATE, MODE]) else {
        fail(b"meshsniff: the agent's file cannot be made; is its volume writable?\n");
    };
    let mut path = PART;
    for number in 0..100 {
        (path[DIGITS.0], path[DIGITS.1]) = (b'0' + number / 10, b'0' + number % 10);
        match call(Call::Openat, [AT_FDCWD, ptr::from_ref(&path).addr(), 0, 0]) {
            Ok(part) => append(out, part),
            Err(Failed) if number > 0 => break,
            Err(Failed) => fail(b"meshsniff: there is no /meshsniff/part.00\n"),
        }
    }
    // While it is open for writing it cannot be executed.
    let _ = call(Call::Close, [out, 0, 0, 0]);
}

fn append(out: usize, part: usize) {
    loop {
        match call(Call::Sendfile, [out, part, 0, MOST]) {
            Ok(0) => break,
            Ok(_) => {}
            Err(Failed) => {
                fail(b"meshsniff: the agent's parts cannot be copied; is its volume full?\n")
            }
        }
    }
    let _ = call(Call::Close, [part, 0, 0, 0]);
}

/// Says why, and ends with the code that shells have for what cannot be executed.
fn fail(words: &[u8]) -> ! {
    let _ = call(Call::Write, [2, words.as_ptr().addr(), words.len(), 0]);
    loop {
        let _ = call(Call::ExitGroup, [127, 0, 0, 0]);
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    fail(b"meshsniff: the first stage is at fault\n")
}
