/// Types of records (RFC 8446 section 5.1).
pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
pub(crate) const ALERT: u8 = 21;
pub(crate) const HANDSHAKE: u8 = 22;
pub(crate) const DATA: u8 = 23;
const HEARTBEAT: u8 = 24;

/// The longest record: 2^14 bytes, and what encryption adds (RFC 5246 section 6.2.3).
const LONGEST: u16 = (1 << 14) + 2048;
/// The length of a record's header.
const HEADER: usize = 5;
/// The length of an alert that is not encrypted.
const PLAIN_ALERT: u16 = 2;

/// One direction as a row of records, however it is cut into segments.
#[derive(Debug, Default)]
pub(super) struct Records {
    state: State,
    header: [u8; HEADER],
    /// Bytes of the header that have come.
    have: usize,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Header,
    Body {
        kind: u8,
        len: u16,
        left: u16,
        sealed: bool,
    },
    /// Where the next record begins is not known.
    Lost,
}

/// The content of a record, or a part of it.
pub(super) struct Piece<'a> {
    pub(super) kind: u8,
    /// Of the whole record, without the header.
    pub(super) len: u16,
    /// Its content is encrypted.
    pub(super) sealed: bool,
    pub(super) bytes: &'a [u8],
    /// It is whole now.
    pub(super) whole: bool,
}

/// What became of bytes that were not captured.
pub(super) enum Skipped {
    /// They lie inside an encrypted record.
    Inside,
    /// They are the rest of an encrypted record.
    Whole { kind: u8, len: u16 },
    /// The place was lost.
    Lost,
}

/// Whether these bytes may be the header of a record, as far as they are there.
fn is_header(bytes: &[u8]) -> bool {
    let len = bytes.get(3..HEADER).map(|len| u16::from_be_bytes([len[0], len[1]]));
    let kind = bytes.first().copied();
    kind.is_none_or(|kind| (CHANGE_CIPHER_SPEC..=HEARTBEAT).contains(&kind))
        && bytes.get(1).is_none_or(|major| *major == 3)
        && bytes.get(2).is_none_or(|minor| *minor <= 4)
        && len.is_none_or(|len| len <= LONGEST && (len > 0 || kind == Some(DATA)))
}

/// The description of the alert in plaintext that these bytes begin with, if they do.
pub(crate) fn is_alert(bytes: &[u8]) -> Option<u8> {
    match bytes {
        [ALERT, 3, 0..=4, 0, 2, 1 | 2, description, ..] => Some(*description),
        _ => None,
    }
}

impl Records {
    pub(super) fn lose(&mut self) {
        self.state = State::Lost;
        self.have = 0;
    }

    pub(super) fn is_lost(&self) -> bool {
        matches!(self.state, State::Lost)
    }

    /// The start of a segment: where the place is lost, a row of records may begin here. Answers
    /// whether the place is known.
    pub(super) fn find(&mut self, segment: &[u8]) -> bool {
        if self.is_lost() && is_row(segment) {
            self.state = State::Header;
        }
        !self.is_lost()
    }

    /// The next piece of `bytes`, which is taken from them; `None` if none is left, or the place
    /// was lost. `changed`: handshake messages are encrypted by now.
    pub(super) fn next<'a>(&mut self, bytes: &mut &'a [u8], changed: bool) -> Option<Piece<'a>> {
        if let State::Header = self.state {
            let taken = (HEADER - self.have).min(bytes.len());
            self.header[self.have..self.have + taken].copy_from_slice(&bytes[..taken]);
            self.have += taken;
            *bytes = &bytes[taken..];
            if !is_header(&self.header[..self.have]) {
                self.lose();
            } else if self.have == HEADER {
                self.have = 0;
                let [kind, _, _, high, low] = self.header;
                let len = u16::from_be_bytes([high, low]);
                let sealed = match kind {
                    HANDSHAKE => changed,
                    ALERT => len != PLAIN_ALERT,
                    CHANGE_CIPHER_SPEC => false,
                    _ => true,
                };
                self.state = State::Body { kind, len, left: len, sealed };
            }
        }
        let State::Body { kind, len, left, sealed } = self.state else { return None };
        if bytes.is_empty() && left > 0 {
            return None;
        }
        let (taken, rest) = bytes.split_at(bytes.len().min(left.into()));
        *bytes = rest;
        let left = left - taken.len() as u16;
        let whole = left == 0;
        self.state = if whole { State::Header } else { State::Body { kind, len, left, sealed } };
        Some(Piece { kind, len, sealed, bytes: taken, whole })
    }

    /// Passes over bytes that were not captured.
    pub(super) fn skip(&mut self, missing: u64) -> Skipped {
        if let State::Body { kind, len, left, sealed: true } = self.state
            && u64::from(left) >= missing
        {
            let left = left - missing as u16;
            if left == 0 {
                self.state = State::Header;
                return Skipped::Whole { kind, len };
            }
            self.state = State::Body { kind, len, left, sealed: true };
            return Skipped::Inside;
        }
        self.lose();
        Skipped::Lost
    }
}

/// Whether a segment is a row of records, the last of which may be cut.
pub(crate) fn is_row(mut bytes: &[u8]) -> bool {
    if bytes.len() < HEADER {
        return false;
    }
    while !bytes.is_empty() {
        if !is_header(bytes) {
            return false;
        }
        let len = bytes.get(3..HEADER).map_or(0, |len| u16::from_be_bytes([len[0], len[1]]));
        bytes = bytes.get(HEADER + usize::from(len)..).unwrap_or_default();
    }
    true
}
