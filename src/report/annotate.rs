//! The second pass over a capture: the same packets, with comments on those that prove a finding.

use std::collections::HashSet;
use std::io::{self, Read, Write};

use super::comment::{self, Role};
use super::share::Share;
use crate::analysis::{Analysis, Settings};
use crate::capture::{Error, Item, Packet, Reader, Section, Writer};
use crate::pairing::Exchange;

/// Most comments, and most bytes of their words: a capture where everything fails has more than
/// anybody reads, and together they are 20 MB.
const COMMENTS: usize = 150_000;
const WORDS: usize = 12 << 20;
/// Most connections with findings that are remembered, at 16 bytes each.
const FLAGGED: usize = 250_000;

/// What is to be written beside which packet, collected in the first pass.
#[derive(Debug, Default)]
pub struct Annotations {
    list: Vec<Annotation>,
    words: String,
    flagged: HashSet<u64>,
    dropped: u64,
}

/// One comment. Those of one exchange share their words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Annotation {
    /// The packet.
    number: u64,
    role: Role,
    /// The request's packet; of the request itself, its number in the written capture.
    request: u64,
    begin: u32,
    middle: u32,
    end: u32,
}

/// How the capture is written.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Only connections with findings.
    pub only_flagged: bool,
    /// Bodies are cut off, credentials blanked.
    pub no_bodies: bool,
    /// As in the first pass, so that connections get the same numbers.
    pub settings: Settings,
}

impl Annotations {
    /// Takes what is to be said of an exchange; nothing if it has no findings.
    pub fn add(&mut self, exchange: &Exchange) {
        if exchange.findings.is_empty() {
            return;
        }
        if self.flagged.len() < FLAGGED {
            self.flagged.insert(exchange.connection);
        } else if !self.flagged.contains(&exchange.connection) {
            self.dropped += 1;
            return;
        }
        let answer = exchange.response.as_ref().map(|response| response.first);
        let marks = [
            (Role::Request, exchange.request.last),
            (Role::Close, exchange.close.filter(|_| exchange.by.is_some())),
            (Role::Answer, exchange.late.map(|late| late.mark).or(answer)),
        ];
        if self.list.len() + marks.len() > COMMENTS || self.words.len() > WORDS {
            self.dropped += 1;
            return;
        }
        let (begin, middle, end) = self.keep(exchange);
        let request = exchange.request.last.map_or(0, |mark| mark.number);
        for (role, mark) in marks {
            if let Some(mark) = mark {
                let number = mark.number;
                self.list.push(Annotation { number, role, request, begin, middle, end });
            }
        }
    }

    fn keep(&mut self, exchange: &Exchange) -> (u32, u32, u32) {
        let begin = self.words.len();
        comment::subject(&mut self.words, exchange);
        let middle = self.words.len();
        comment::predicate(&mut self.words, exchange);
        let end = self.words.len();
        // WORDS and the bounds of a comment keep them far below 32 bits.
        (begin as u32, middle as u32, end as u32)
    }

    /// Exchanges whose comments are not written because there are too many.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The comments of packet `number`, which becomes packet `written`; `from` is where the list
    /// was left.
    fn of(&mut self, from: &mut usize, number: u64, written: u64) -> Vec<String> {
        let mut comments = Vec::new();
        while let Some(next) = self.list.get_mut(*from).filter(|next| next.number <= number) {
            *from += 1;
            if next.number < number {
                continue;
            }
            if next.role == Role::Request {
                next.request = written;
            }
            let next = *next;
            let (begin, middle, end) =
                (next.begin as usize, next.middle as usize, next.end as usize);
            let request = self.written(next);
            comments.push(comment::join(
                &self.words[begin..middle],
                next.role,
                &self.words[middle..end],
                request,
            ));
        }
        comments
    }

    /// The number of an annotation's request in the written capture.
    fn written(&self, of: Annotation) -> Option<u64> {
        if of.role == Role::Request || of.request == 0 {
            return None;
        }
        let place = self
            .list
            .partition_point(|other| (other.number, other.role) < (of.request, Role::Request));
        let same = |other: &&Annotation| (other.begin, other.role) == (of.begin, Role::Request);
        let among = self.list[place..].iter().take_while(|other| other.number == of.request);
        among.filter(|other| other.number < of.number).find(same).map(|request| request.request)
    }
}

/// Reads a capture again and writes it as pcapng with the comments.
///
/// Interfaces, their counters and the comments of others are passed on; comments that an earlier
/// run of this program made are replaced. Answers how many packets were written.
///
/// # Errors
/// If it cannot be written. A capture that cannot be read to its end is written as far as it can:
/// the first pass has said so.
pub fn write<R: Read, W: Write>(
    reader: &mut Reader<R>,
    mut annotations: Annotations,
    options: &Options,
    out: W,
) -> io::Result<u64> {
    annotations.list.sort_unstable();
    let mut analysis = options.only_flagged.then(|| Analysis::new(options.settings.clone()));
    let mut out = Output::new(out, options.no_bodies);
    let (mut place, mut written) = (0, 0);
    loop {
        let (packet, foreign) = match reader.next() {
            Ok(Some(Item::Packet(packet, comments))) => (packet, comments),
            Ok(Some(item)) => {
                out.described(&item)?;
                continue;
            }
            Ok(None) => break,
            Err(Error::Io(error)) => return Err(error),
            Err(_) => break,
        };
        if let Some(analysis) = &mut analysis {
            analysis.push(&packet);
            while analysis.poll().is_some() {}
            let flagged = analysis.connection().is_some_and(|c| annotations.flagged.contains(&c));
            if !flagged {
                continue;
            }
        }
        written += 1;
        let ours = annotations.of(&mut place, packet.mark.number, written);
        let foreign: Vec<_> = foreign.filter(|text| !comment::is_ours(text)).collect();
        let comments: Vec<&str> =
            foreign.iter().map(AsRef::as_ref).chain(ours.iter().map(String::as_str)).collect();
        out.packet(&packet, &comments)?;
    }
    out.finish()?;
    Ok(written)
}

/// A writer that begins with the first thing to write, so that the section is passed on.
#[derive(Debug)]
pub struct Output<W: Write> {
    to: Option<W>,
    writer: Option<Writer<W>>,
    share: Option<Share>,
}

impl<W: Write> Output<W> {
    /// Nothing is written yet. With `no_bodies`, bodies are cut off and credentials blanked.
    pub fn new(to: W, no_bodies: bool) -> Self {
        Self { to: Some(to), writer: None, share: no_bodies.then(Share::default) }
    }

    /// Passes on what is not a packet: sections, interfaces, counters.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn described(&mut self, item: &Item<'_>) -> io::Result<()> {
        match item {
            Item::Section(section) if self.writer.is_none() => {
                self.writer(section)?;
            }
            Item::Interface(interface) => {
                self.writer(&Section::default())?.interface(interface)?;
            }
            Item::Statistics(statistics) => {
                self.writer(&Section::default())?.statistics(statistics)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Passes on a packet, with comments.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn packet(&mut self, packet: &Packet<'_>, comments: &[&str]) -> io::Result<()> {
        let writer = begun(&mut self.writer, &mut self.to, &Section::default())?;
        match &mut self.share {
            Some(share) => writer.packet(&share.packet(packet), comments),
            None => writer.packet(packet, comments),
        }
    }

    /// Hands on what was collected, so that a reader sees it.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.writer.as_mut().map_or(Ok(()), Writer::flush)
    }

    /// Ends the capture; one without packets is a capture, too.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn finish(mut self) -> io::Result<()> {
        self.writer(&Section::default())?.flush()
    }

    fn writer(&mut self, section: &Section) -> io::Result<&mut Writer<W>> {
        begun(&mut self.writer, &mut self.to, section)
    }
}

fn begun<'a, W: Write>(
    writer: &'a mut Option<Writer<W>>,
    to: &mut Option<W>,
    section: &Section,
) -> io::Result<&'a mut Writer<W>> {
    if let Some(to) = to.take() {
        *writer = Some(Writer::new(to, section)?);
    }
    writer.as_mut().ok_or_else(|| io::Error::other("the capture could not be begun"))
}
