use std::io::{self, Write as _};

/// Fuller than this, the buffer is handed on.
const FULL: usize = 256 << 10;

/// stdout, or stderr if stdout has the packets: collected in one buffer, handed on when it is full
/// or when there is nothing else to do.
#[derive(Debug)]
pub(crate) struct Output {
    buffer: Vec<u8>,
    to_stderr: bool,
}

impl Output {
    pub(crate) fn new(to_stderr: bool) -> Self {
        Self { buffer: Vec::with_capacity(FULL + (64 << 10)), to_stderr }
    }

    /// Where to write to.
    #[inline]
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Hands it on if there is enough of it.
    #[inline]
    pub(crate) fn relieve(&mut self) -> io::Result<()> {
        if self.buffer.len() < FULL { Ok(()) } else { self.flush() }
    }

    /// Hands everything on.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let written = if self.to_stderr {
            io::stderr().lock().write_all(&self.buffer)
        } else {
            let mut out = io::stdout().lock();
            out.write_all(&self.buffer).and_then(|()| out.flush())
        };
        self.buffer.clear();
        written
    }
}
