use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use meshsniff::capture::{Comments, Item, Packet, Reader};
use meshsniff::pairing::Exchange;
use meshsniff::report::annotate::{self, Annotations, Options, Output};
use meshsniff::report::comment::{self, Role};

use super::input::Input;
use super::is_dash;
use super::session::settings;
use crate::args::Report;

/// The packets that prove it (`-w`).
///
/// Of a file, comments are a second pass. A live capture is passed on packet by packet, each
/// comment on the packet that decided, or on the next one if silence decided; if it went to a file, the second pass is made over that file
/// at the end, beside it, and takes its place when it is whole.
pub(crate) struct Evidence {
    to: Option<Target>,
    options: Options,
    annotations: Annotations,
    /// The capture to read in the second pass.
    source: Option<PathBuf>,
    live: Option<Live>,
}

#[derive(Debug)]
enum Target {
    Stdout,
    /// A named pipe or a device: written once, from its beginning to its end.
    Stream(PathBuf),
    File(PathBuf),
}

impl Target {
    fn of(path: &Path) -> Self {
        match fs::metadata(path) {
            _ if is_dash(path) => Self::Stdout,
            Ok(metadata) if !metadata.is_file() => Self::Stream(path.to_owned()),
            _ => Self::File(path.to_owned()),
        }
    }
}

/// Whether what is written there cannot be written again, with comments that came later.
pub(super) fn is_passed_on(path: &Path) -> bool {
    !matches!(Target::of(path), Target::File(_))
}

/// Whether a file can be written there. None is left that was not there.
///
/// # Errors
/// The system's, with the file's name.
pub(crate) fn check(path: &Path) -> anyhow::Result<()> {
    let Target::File(path) = Target::of(path) else { return Ok(()) };
    let new = !path.exists();
    let opened = File::options().append(true).create(true).open(&path);
    opened.with_context(|| cannot("be written", &path))?;
    if new {
        let _ = fs::remove_file(&path);
    }
    Ok(())
}

/// A capture that is passed on while it comes.
struct Live {
    out: Output<Box<dyn Write>>,
    /// What the next packet decides.
    comments: Vec<String>,
}

impl Evidence {
    /// Ready to write what `-w` asks for.
    pub(crate) fn new(args: &Report, input: &Input) -> anyhow::Result<Self> {
        let to = args.write.as_deref().map(Target::of);
        let options = Options {
            only_flagged: args.only_flagged,
            no_bodies: args.no_bodies,
            settings: settings(args, false),
        };
        let mut source = input.path().map(Path::to_owned);
        let mut live = None;
        if let (Some(to), None) = (&to, &source) {
            let out: Box<dyn Write> = match to {
                Target::Stdout => Box::new(io::stdout()),
                Target::Stream(path) | Target::File(path) => Box::new(create(path)?),
            };
            live = Some(Live { out: Output::new(out, args.no_bodies), comments: Vec::new() });
            if let Target::File(path) = to {
                source = Some(path.clone());
            }
        }
        Ok(Self { to, options, annotations: Annotations::default(), source, live })
    }

    /// Passes packets on to a program.
    pub(crate) fn passed_on(args: &Report, to: impl Write + 'static) -> Self {
        let out = Output::new(Box::new(to) as Box<dyn Write>, args.no_bodies);
        let live = Some(Live { out, comments: Vec::new() });
        Self { live, ..Self::none(args) }
    }

    /// No packets to write.
    pub(crate) fn none(args: &Report) -> Self {
        Self {
            to: None,
            options: Options {
                only_flagged: false,
                no_bodies: false,
                settings: settings(args, false),
            },
            annotations: Annotations::default(),
            source: None,
            live: None,
        }
    }

    /// The file's name, for people.
    pub(crate) fn name(&self) -> Option<String> {
        match &self.to {
            Some(Target::File(path) | Target::Stream(path)) => Some(path.display().to_string()),
            Some(Target::Stdout) | None => None,
        }
    }

    /// An exchange has ended.
    #[inline]
    pub(crate) fn exchange(&mut self, exchange: &Exchange) {
        let wanted = self.to.is_some() || self.live.is_some();
        if !wanted || exchange.findings.is_empty() {
            return;
        }
        self.annotations.add(exchange);
        if let Some(live) = &mut self.live {
            let request = exchange.request.last.map(|mark| mark.number);
            live.comments.extend(comment::text(exchange, Role::Verdict, request));
        }
    }

    /// A packet has been judged.
    #[inline]
    pub(crate) fn packet(&mut self, packet: &Packet<'_>, foreign: &Comments<'_>) -> io::Result<()> {
        let Some(live) = &mut self.live else { return Ok(()) };
        let foreign: Vec<_> = (*foreign).collect();
        let ours = live.comments.iter().map(String::as_str);
        let comments: Vec<&str> = foreign.iter().map(AsRef::as_ref).chain(ours).collect();
        let written = live.out.packet(packet, &comments);
        live.comments.clear();
        written.map_err(|error| self.named(error))
    }

    /// The error with the file that it is about.
    fn named(&self, error: io::Error) -> io::Error {
        match self.name() {
            Some(name) => {
                io::Error::new(error.kind(), format!("{name} cannot be written: {error}"))
            }
            None => error,
        }
    }

    /// Something else than a packet came.
    pub(crate) fn described(&mut self, item: &Item<'_>) -> io::Result<()> {
        self.live.as_mut().map_or(Ok(()), |live| live.out.described(item))
    }

    /// Nothing more is there now: whoever reads shall see what was.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let flushed = self.live.as_mut().map_or(Ok(()), |live| live.out.flush());
        flushed.map_err(|error| self.named(error))
    }

    /// There is nothing to prove: the input was no capture.
    pub(crate) fn discard(self) {
        if let (Some(Target::File(path)), Some(_)) = (&self.to, &self.live) {
            // It was made a moment ago and is empty; if it stays, no harm is done.
            let _ = fs::remove_file(path);
        }
    }

    /// Ends the capture, or makes the second pass.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        if let Some(live) = self.live {
            live.out.finish()?;
            let late = live.comments.len();
            if late > 0 && !matches!(self.to, Some(Target::File(_))) {
                let _ = writeln!(
                    io::stderr(),
                    "note: {late} comments came after the last packet and are not in the capture"
                );
            }
        }
        let (Some(to), Some(source)) = (self.to, self.source) else { return Ok(()) };
        let dropped = self.annotations.dropped();
        let file = File::open(&source).with_context(|| cannot("read again", &source))?;
        let mut reader = Reader::new(file);
        match to {
            Target::Stdout => {
                annotate::write(&mut reader, self.annotations, &self.options, io::stdout())?;
            }
            Target::Stream(path) => {
                annotate::write(&mut reader, self.annotations, &self.options, create(&path)?)
                    .with_context(|| cannot("be written", &path))?;
            }
            Target::File(path) => {
                let beside = beside(&path);
                let out = create(&beside)?;
                let written = annotate::write(&mut reader, self.annotations, &self.options, out)
                    .with_context(|| cannot("be written", &beside))
                    .and_then(|_| {
                        fs::rename(&beside, &path).with_context(|| cannot("be written", &path))
                    });
                if let Err(error) = written {
                    // What is half written helps nobody; a live file stays as it is.
                    let _ = fs::remove_file(&beside);
                    return Err(error);
                }
            }
        }
        if dropped > 0 {
            let _ = writeln!(
                io::stderr(),
                "note: too many findings for comments on all of them: {dropped} have none"
            );
        }
        Ok(())
    }
}

fn create(path: &Path) -> anyhow::Result<BufWriter<File>> {
    let file = File::create(path).with_context(|| cannot("be written", path))?;
    Ok(BufWriter::with_capacity(256 << 10, file))
}

fn cannot(what: &str, path: &Path) -> String {
    format!("{} cannot {what}", path.display())
}

/// The name under which the file is written until it is whole.
pub(crate) fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    path.with_file_name(name)
}
