/// Where in a chunked body the stream is (RFC 9112 section 7.1).
///
/// ```text
/// Size ── LF ──► Data ──(all of it)──► DataEnd ── LF ──► Size
///   │ ";"                                                  │ size 0
///   ▼                                                      ▼
/// Extension ── LF ──► as after Size               Trailer ── empty line ──► done
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunked {
    /// In the hexadecimal size; so many digits have come.
    Size { size: u64, digits: u8 },
    /// Behind the size: extensions are passed over.
    Extension { size: u64 },
    /// In a chunk, with so many bytes left.
    Data { left: u64 },
    /// In the line end behind a chunk.
    DataEnd,
    /// In a trailer line that has so many bytes so far (2 stands for more).
    Trailer { len: u8 },
}

/// What a step through a chunked body found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// So many bytes were taken, so many of them body; go on.
    Took(usize, u64),
    /// The body ended behind so many bytes.
    Done(usize),
    /// This is no chunked body.
    Invalid,
}

impl Chunked {
    pub(super) const START: Self = Self::Size { size: 0, digits: 0 };

    /// Takes bytes from the front of `bytes`, at least one of them.
    pub(super) fn step(&mut self, bytes: &[u8]) -> Step {
        let Some(&byte) = bytes.first() else { return Step::Took(0, 0) };
        match *self {
            Self::Size { size, digits } => {
                *self = match (byte, char::from(byte).to_digit(16)) {
                    (_, Some(digit)) if digits < 15 => {
                        Self::Size { size: size << 4 | u64::from(digit), digits: digits + 1 }
                    }
                    (b'\n', _) if digits > 0 => Self::after_size(size),
                    (b';' | b' ' | b'\t' | b'\r', _) if digits > 0 => Self::Extension { size },
                    _ => return Step::Invalid,
                };
                Step::Took(1, 0)
            }
            Self::Extension { size } => match bytes.iter().position(|b| *b == b'\n') {
                Some(end) => {
                    *self = Self::after_size(size);
                    Step::Took(end + 1, 0)
                }
                None => Step::Took(bytes.len(), 0),
            },
            Self::Data { left } => {
                let taken = left.min(bytes.len() as u64);
                *self = Self::data(left - taken);
                Step::Took(taken as usize, taken)
            }
            Self::DataEnd => {
                match byte {
                    b'\r' => {}
                    b'\n' => *self = Self::START,
                    _ => return Step::Invalid,
                }
                Step::Took(1, 0)
            }
            Self::Trailer { len } => match byte {
                b'\n' if len == 0 => Step::Done(1),
                b'\n' => {
                    *self = Self::Trailer { len: 0 };
                    Step::Took(1, 0)
                }
                b'\r' if len == 0 => Step::Took(1, 0),
                _ => {
                    *self = Self::Trailer { len: 2 };
                    let line = bytes.iter().position(|b| *b == b'\n').unwrap_or(bytes.len());
                    Step::Took(line.max(1), 0)
                }
            },
        }
    }

    /// Passes over bytes that were not captured; answers whether they lay within a chunk.
    pub(super) fn skip(&mut self, len: u64) -> bool {
        match *self {
            Self::Data { left } if left >= len => {
                *self = Self::data(left - len);
                true
            }
            _ => false,
        }
    }

    fn after_size(size: u64) -> Self {
        if size == 0 { Self::Trailer { len: 0 } } else { Self::Data { left: size } }
    }

    fn data(left: u64) -> Self {
        if left == 0 { Self::DataEnd } else { Self::Data { left } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Body bytes and length of the whole, or why not.
    fn run(mut bytes: &[u8]) -> Result<(u64, usize), &'static str> {
        let (mut state, mut body, mut len) = (Chunked::START, 0, 0);
        loop {
            match state.step(bytes) {
                Step::Took(0, _) => return Err("open"),
                Step::Took(taken, of_body) => {
                    body += of_body;
                    len += taken;
                    bytes = &bytes[taken..];
                }
                Step::Done(taken) => return Ok((body, len + taken)),
                Step::Invalid => return Err("invalid"),
            }
        }
    }

    #[test]
    fn chunks_extensions_and_trailers() {
        assert_eq!(run(b"5\r\nhello\r\n0\r\n\r\nGET"), Ok((5, 15)));
        assert_eq!(run(b"5;a=\"b\"\r\nhello\r\n00\r\nX: y\r\nZ: 1\r\n\r\n"), Ok((5, 34)));
        assert_eq!(run(b"A \nhellohello\n0\n\n"), Ok((10, 17)));
        assert_eq!(run(b"5\r\nhello\r\n0\r\nX: y\r\n"), Err("open"));
    }

    #[test]
    fn what_is_no_chunk_is_said() {
        for bytes in [&b"\r\n"[..], b"g\r\n", b"5\r\nhelloX", b"1111111111111111\r\n"] {
            assert_eq!(run(bytes), Err("invalid"), "{bytes:?}");
        }
    }
}
