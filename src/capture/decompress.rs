use std::io::{self, BufReader, ErrorKind, Read};

use flate2::read::MultiGzDecoder;
use zstd::stream::read::Decoder as ZstdDecoder;

/// Read of gzip at once: where the stream is damaged, flate2 loses what it had decoded in the same
/// call, so a call is kept short.
const GZIP_PIECE: usize = 4 << 10;

/// A stream, decompressed if its first bytes are those of gzip or zstd.
///
/// Waits for no more than the first 4 bytes before it decides. Errors of the inner stream pass
/// through at any point, and reading can go on after them. A compressed stream that ends too early
/// ends with [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) after all that could be decoded.
#[derive(Debug)]
pub(super) struct Decompress<R>(Kind<R>);

enum Kind<R> {
    /// Not decided yet; `None` only while it is.
    Head(Option<Headed<R>>),
    Plain(Headed<R>),
    Gzip(Box<MultiGzDecoder<Headed<R>>>),
    Zstd(Box<ZstdDecoder<'static, BufReader<Headed<R>>>>),
}

impl<R> std::fmt::Debug for Kind<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Head(_) => "Head",
            Self::Plain(_) => "Plain",
            Self::Gzip(_) => "Gzip",
            Self::Zstd(_) => "Zstd",
        })
    }
}

impl<R: Read> Decompress<R> {
    pub(super) fn new(read: R) -> Self {
        Self(Kind::Head(Some(Headed { head: [0; 4], len: 0, used: 0, timed_out: false, read })))
    }

    /// Decides, as soon as the bytes for it are there.
    fn decide(slot: &mut Option<Headed<R>>) -> io::Result<Option<Kind<R>>> {
        let Some(headed) = slot else { return Ok(None) };
        while headed.len < 4 {
            match headed.read.read(&mut headed.head[headed.len..])? {
                0 => break,
                read => headed.len += read,
            }
        }
        let head = headed.head;
        let Some(headed) = slot.take() else { return Ok(None) };
        Ok(Some(match head {
            [0x1f, 0x8b, ..] => Kind::Gzip(Box::new(MultiGzDecoder::new(headed))),
            // A frame, or a skippable frame as pzstd writes first.
            [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => {
                Kind::Zstd(Box::new(ZstdDecoder::new(headed)?))
            }
            _ => Kind::Plain(headed),
        }))
    }
}

impl<R: Read> Read for Decompress<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match &mut self.0 {
                Kind::Plain(read) => {
                    let result = read.read(into);
                    return result.map_err(|error| read.restore(error));
                }
                Kind::Gzip(read) => {
                    let len = into.len().min(GZIP_PIECE);
                    let result = read.read(&mut into[..len]);
                    return result.map_err(|error| read.get_ref().restore(error));
                }
                Kind::Zstd(read) => {
                    let result = read.read(into);
                    return result.map_err(|error| read.get_ref().get_ref().restore(error));
                }
                Kind::Head(slot) => match Self::decide(slot)? {
                    Some(kind) => self.0 = kind,
                    None => return Ok(0),
                },
            }
        }
    }
}

/// A stream whose first bytes have been looked at already, made fit for the decoders.
///
/// flate2 goes on after `WouldBlock` only: any other error in a gzip header, `Interrupted` and
/// `TimedOut` too, makes it end as if there were no more bytes. So they never see those.
///
/// Invariant: `used <= len <= 4`.
struct Headed<R> {
    head: [u8; 4],
    len: usize,
    used: usize,
    /// Whether the last `WouldBlock` stands for a `TimedOut`.
    timed_out: bool,
    read: R,
}

impl<R> Headed<R> {
    /// The error as the stream gave it.
    fn restore(&self, error: io::Error) -> io::Error {
        match error.kind() {
            ErrorKind::WouldBlock if self.timed_out => ErrorKind::TimedOut.into(),
            _ => error,
        }
    }
}

impl<R: Read> Read for Headed<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.used < self.len {
            let read = (&self.head[self.used..self.len]).read(into)?;
            self.used += read;
            return Ok(read);
        }
        loop {
            let result = self.read.read(into);
            let kind = result.as_ref().map_err(io::Error::kind).err();
            self.timed_out = kind == Some(ErrorKind::TimedOut);
            match kind {
                Some(ErrorKind::Interrupted) => {}
                Some(ErrorKind::TimedOut) => return Err(ErrorKind::WouldBlock.into()),
                _ => return result,
            }
        }
    }
}
