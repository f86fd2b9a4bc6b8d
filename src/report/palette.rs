/// Whether and how output is coloured. Colour only marks what words say as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Palette {
    /// No colour.
    #[default]
    Plain,
    /// The sixteen colours that every terminal lets its user choose.
    Ansi,
}

impl Palette {
    /// For what failed.
    pub(super) fn bad(self) -> &'static [u8] {
        self.code(b"\x1b[1;31m")
    }

    /// For what is slow or not decided.
    pub(super) fn doubtful(self) -> &'static [u8] {
        self.code(b"\x1b[33m")
    }

    /// For the sentence that matters.
    pub(super) fn strong(self) -> &'static [u8] {
        self.code(b"\x1b[1m")
    }

    /// For what is there in case it is needed.
    pub(super) fn quiet(self) -> &'static [u8] {
        self.code(b"\x1b[2m")
    }

    /// Back to normal.
    pub(super) fn end(self) -> &'static [u8] {
        self.code(b"\x1b[0m")
    }

    fn code(self, code: &'static [u8]) -> &'static [u8] {
        match self {
            Self::Plain => b"",
            Self::Ansi => code,
        }
    }
}
