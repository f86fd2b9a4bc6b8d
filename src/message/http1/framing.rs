use super::head::Asked;

/// How the length of a message's body is told (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is no body.
    None,
    /// This many bytes.
    Length(u64),
    /// Chunks, each with its length.
    Chunked,
    /// All until the server closes.
    UntilClose,
    /// No body, and no more messages: a tunnel or another protocol.
    Switch,
    /// It contradicts itself.
    Invalid,
}

/// The fields of a head that frame its body.
#[derive(Default)]
pub(super) struct Lengths {
    length: Option<u64>,
    contradiction: bool,
    coded: bool,
    chunked_last: bool,
}

impl Lengths {
    pub(super) fn field(&mut self, name: &str, value: &[u8]) {
        let is = |usual, lower| name == usual || name.eq_ignore_ascii_case(lower);
        if is("Content-Length", "content-length") {
            if let Some(length) = digits(value).filter(|_| self.length.is_none()) {
                self.length = Some(length);
                return;
            }
            for item in value.split(|b| *b == b',') {
                match digits(item.trim_ascii()) {
                    Some(length) if self.length.is_none_or(|l| l == length) => {
                        self.length = Some(length);
                    }
                    _ => self.contradiction = true,
                }
            }
        } else if is("Transfer-Encoding", "transfer-encoding") {
            self.coded = true;
            let last = value.rsplit(|b| *b == b',').next().unwrap_or_default();
            self.chunked_last = last.trim_ascii().eq_ignore_ascii_case(b"chunked");
        }
    }

    pub(super) fn of_request(self) -> Framing {
        match self {
            // Transfer-Encoding overrides Content-Length.
            Self { coded: true, chunked_last: true, .. } => Framing::Chunked,
            Self { coded: true, .. } | Self { contradiction: true, .. } => Framing::Invalid,
            Self { length: Some(length), .. } => Framing::Length(length),
            _ => Framing::None,
        }
    }

    pub(super) fn of_response(self, status: u16, asked: Asked) -> Framing {
        match (status, asked) {
            (101, _) | (200..300, Asked::Connect) => Framing::Switch,
            (100..200 | 204 | 304, _) | (_, Asked::Head) => Framing::None,
            _ => match self {
                Self { coded: true, chunked_last: true, .. } => Framing::Chunked,
                Self { coded: true, .. } => Framing::UntilClose,
                Self { contradiction: true, .. } => Framing::Invalid,
                Self { length: Some(length), .. } => Framing::Length(length),
                _ => Framing::UntilClose,
            },
        }
    }
}

fn digits(value: &[u8]) -> Option<u64> {
    let digit = |b: &u8| b.is_ascii_digit().then(|| u64::from(b - b'0'));
    let add = |sum: u64, b| sum.checked_mul(10)?.checked_add(digit(b)?);
    (!value.is_empty()).then_some(())?;
    value.iter().try_fold(0, add)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(fields: &[(&str, &str)]) -> Lengths {
        let mut lengths = Lengths::default();
        for (name, value) in fields {
            lengths.field(name, value.as_bytes());
        }
        lengths
    }

    #[test]
    fn transfer_encoding_overrides_content_length() {
        let both = [("Content-Length", "5"), ("Transfer-Encoding", "gzip, Chunked")];
        assert_eq!(lengths(&both).of_request(), Framing::Chunked);
        assert_eq!(lengths(&both).of_response(200, Asked::Other), Framing::Chunked);
    }

    #[test]
    fn equal_lengths_are_one_and_different_ones_are_none() {
        let of = |v| lengths(&[("content-length", v)]).of_request();
        assert_eq!(of("5, 5"), Framing::Length(5));
        for bad in ["5, 6", "+5", "", "0x5", "99999999999999999999999"] {
            assert_eq!(of(bad), Framing::Invalid, "{bad}");
        }
    }

    #[test]
    fn some_responses_have_no_body() {
        let five = [("content-length", "5")];
        for (status, asked) in
            [(204, Asked::Other), (304, Asked::Other), (100, Asked::Other), (200, Asked::Head)]
        {
            assert_eq!(lengths(&five).of_response(status, asked), Framing::None);
        }
        assert_eq!(lengths(&five).of_response(200, Asked::Connect), Framing::Switch);
        assert_eq!(lengths(&five).of_response(403, Asked::Connect), Framing::Length(5));
        assert_eq!(lengths(&[]).of_response(200, Asked::Other), Framing::UntilClose);
    }
}
