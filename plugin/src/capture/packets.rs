//! Packets of several agents made into one capture.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::File;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use meshsniff::capture::{Error, Item, Packet, Reader, Section, Statistics, Writer};
use tokio::sync::mpsc;

use super::limit::Limit;
use super::received::Received;
use super::relay::Message;
use super::tally::Tally;

/// Bytes that have come of one stream and have not been read.
#[derive(Clone, Default)]
struct Feed(Arc<Mutex<VecDeque<u8>>>);

impl Feed {
    fn push(&self, bytes: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(bytes);
    }
}

impl Read for Feed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        bytes.read(into)
    }
}

/// One agent's stream, as far as it has come.
struct Source {
    feed: Feed,
    reader: Reader<Feed>,
    received: Arc<Received>,
    /// Our number of each of its interfaces.
    interfaces: BTreeMap<u32, u32>,
    targets: usize,
    /// Of them could not be opened: they are not in the capture.
    refused: BTreeSet<usize>,
}

impl Source {
    fn new(received: Arc<Received>, targets: usize) -> Self {
        let feed = Feed::default();
        Self {
            reader: Reader::new(feed.clone()),
            feed,
            received,
            interfaces: BTreeMap::new(),
            targets,
            refused: BTreeSet::new(),
        }
    }

    /// Another exec begins: it describes the same interfaces again.
    fn restart(&mut self) {
        self.feed = Feed::default();
        self.reader = Reader::new(self.feed.clone());
    }

    /// Writes what has come whole.
    fn drain(&mut self, out: &mut Writer<File>, limit: &mut Limit) -> anyhow::Result<()> {
        loop {
            match self.reader.next() {
                Ok(Some(Item::Packet(packet, _))) => {
                    if let Some(interface) = self.interfaces.get(&packet.interface)
                        && limit.takes(packet.bytes.len() as u64)
                    {
                        out.packet(&Packet { interface: *interface, ..packet }, &[])?;
                    }
                    self.received.unit();
                    self.received.more(packet.bytes.len());
                }
                Ok(Some(Item::Interface(interface))) => {
                    if !self.refused.contains(&(interface.index as usize))
                        && let Entry::Vacant(place) = self.interfaces.entry(interface.index)
                    {
                        place.insert(out.interface(interface)?);
                    }
                }
                Ok(Some(Item::Statistics(statistics))) => {
                    if let Some(interface) = self.interfaces.get(&statistics.interface) {
                        out.statistics(&Statistics { interface: *interface, ..*statistics })?;
                    }
                }
                Ok(Some(_)) => {}
                Ok(None) => return Ok(()),
                Err(error) if error.is_pause() => return Ok(()),
                Err(Error::Cut { .. }) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Merges the streams into `pipe` until all have ended. Nothing is written if nothing was captured.
pub(super) fn merge(
    mut from: mpsc::Receiver<Message>,
    pipe: File,
    mut limit: Limit,
) -> anyhow::Result<Tally> {
    let mut out = None;
    let mut sources: BTreeMap<usize, Source> = BTreeMap::new();
    let mut tally = Tally::default();
    while let Some(message) = from.blocking_recv() {
        match message {
            Message::Begin { agent, received, names } => {
                sources.insert(agent, Source::new(received, names.len()));
            }
            Message::Open { agent, refused } => {
                if let Some(source) = sources.get_mut(&agent) {
                    tally.captured |= refused.len() < source.targets;
                    source.refused = refused;
                }
            }
            Message::Fresh { agent, received } => {
                if let Some(source) = sources.get_mut(&agent) {
                    source.restart();
                    let _ = received.send(source.received.units());
                }
            }
            Message::Bytes { agent, bytes } => {
                let Some(source) = sources.get_mut(&agent) else { continue };
                if source.refused.len() == source.targets {
                    continue;
                }
                let out = match &mut out {
                    Some(out) => out,
                    None => out.insert(begin(pipe.try_clone()?)?),
                };
                source.feed.push(&bytes);
                source.drain(out, &mut limit)?;
                if from.is_empty() {
                    out.flush()?;
                }
            }
            Message::Lost { units, .. } => tally.lost += units,
            Message::Ended { cut, refused } => {
                tally.cut.extend(cut);
                tally.refused.extend(refused);
            }
        }
    }
    if let Some(out) = &mut out {
        out.flush()?;
    }
    Ok(tally)
}

fn begin(pipe: File) -> anyhow::Result<Writer<File>> {
    let application = concat!("kubectl-meshsniff ", env!("CARGO_PKG_VERSION")).to_owned();
    let section = Section { application: Some(application), ..Section::default() };
    Ok(Writer::new(pipe, &section)?)
}
