//! Between `serve` and `relay`: which bytes are for which of the relay's streams.

use std::io::{self, Read};

/// Where the bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// The relay's stdout.
    Stream = 1,
    /// The relay's stderr.
    Words = 2,
    /// Nowhere: everything was sent.
    End = 3,
}

/// The most bytes a frame has.
pub(crate) const LONGEST: usize = 1 << 20;

/// Kind and length.
const HEAD: usize = 5;

/// Appends frames of these bytes; none if there are none.
pub(crate) fn write(kind: Kind, bytes: &[u8], out: &mut Vec<u8>) {
    for part in bytes.chunks(LONGEST) {
        out.push(kind as u8);
        out.extend_from_slice(&(part.len() as u32).to_le_bytes());
        out.extend_from_slice(part);
    }
}

/// Appends the frame that says that all was sent.
pub(crate) fn write_end(out: &mut Vec<u8>) {
    out.extend_from_slice(&[Kind::End as u8, 0, 0, 0, 0]);
}

/// Reads the next frame into `bytes`.
///
/// # Errors
/// `UnexpectedEof` if it was cut short, `InvalidData` if it is none.
pub(crate) fn read(from: &mut impl Read, bytes: &mut Vec<u8>) -> io::Result<Kind> {
    let mut head = [0; HEAD];
    from.read_exact(&mut head)?;
    let [kind, length @ ..] = head;
    let kind = match kind {
        1 => Kind::Stream,
        2 => Kind::Words,
        3 => Kind::End,
        _ => return Err(io::ErrorKind::InvalidData.into()),
    };
    let length = u32::from_le_bytes(length) as usize;
    if length > LONGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    bytes.resize(length, 0);
    from.read_exact(bytes)?;
    Ok(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut out = Vec::new();
        let long = vec![b'x'; LONGEST + 7];
        write(Kind::Stream, &long, &mut out);
        write(Kind::Words, b"words", &mut out);
        write(Kind::Stream, b"", &mut out);
        write_end(&mut out);
        let (mut rest, mut bytes, mut read_all) = (&out[..], Vec::new(), Vec::new());
        while let Ok(kind) = read(&mut rest, &mut bytes) {
            read_all.push((kind, bytes.len()));
        }
        let kinds = [(Kind::Stream, LONGEST), (Kind::Stream, 7), (Kind::Words, 5), (Kind::End, 0)];
        assert_eq!(read_all, kinds);
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        let mut bytes = Vec::new();
        let error =
            |mut from: &[u8], bytes: &mut Vec<u8>| read(&mut from, bytes).unwrap_err().kind();
        assert_eq!(error(&[1, 9, 0, 0, 0, 1], &mut bytes), io::ErrorKind::UnexpectedEof);
        assert_eq!(error(&[9, 0, 0, 0, 0], &mut bytes), io::ErrorKind::InvalidData);
        assert_eq!(error(&[1, 255, 255, 255, 255], &mut bytes), io::ErrorKind::InvalidData);
    }
}
