use std::borrow::Cow;
use std::io::{self, BufWriter, Write};
use std::time::Duration;

use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::pcapng::blocks::interface_statistics::{
    InterfaceStatisticsBlock, InterfaceStatisticsOption,
};
use pcap_file::pcapng::blocks::section_header::{SectionHeaderBlock, SectionHeaderOption};
use pcap_file::{Endianness, PcapError};

use super::{Interface, Packet, Section, Statistics, Timestamp};

/// The longest option there can be: its length has 16 bits.
const OPTION_MAX: usize = u16::MAX as usize;

/// The nanosecond, as if_tsresol.
const NANOSECONDS: u8 = 9;

/// Writes pcapng: one section, little-endian, times in nanoseconds.
///
/// Collects small writes; [`flush`](Self::flush) when a reader waits. Texts longer than 65 535
/// bytes are cut, times before 1970 become 1970: the format cannot hold them.
pub struct Writer<W: Write> {
    inner: PcapNgWriter<BufWriter<W>>,
    interfaces: u32,
}

impl<W: Write> std::fmt::Debug for Writer<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("interfaces", &self.interfaces).finish_non_exhaustive()
    }
}

impl<W: Write> Writer<W> {
    /// Begins a capture that says about itself what `section` says.
    ///
    /// # Errors
    ///
    /// If it cannot be written; so for the others.
    pub fn new(write: W, section: &Section) -> io::Result<Self> {
        use SectionHeaderOption as Opt;
        let mut options: Vec<Opt<'static>> =
            section.comments.iter().map(|text| Opt::Comment(owned(text))).collect();
        options.extend(section.hardware.as_deref().map(|text| Opt::Hardware(owned(text))));
        options.extend(section.os.as_deref().map(|text| Opt::OS(owned(text))));
        options
            .extend(section.application.as_deref().map(|text| Opt::UserApplication(owned(text))));
        let header = SectionHeaderBlock {
            endianness: Endianness::Little,
            options,
            ..SectionHeaderBlock::default()
        };
        let inner = PcapNgWriter::with_section_header(BufWriter::new(write), header).map_err(io)?;
        Ok(Self { inner, interfaces: 0 })
    }

    /// Describes an interface and answers its number, for [`Packet::interface`].
    ///
    /// Numbers are given from 0 in the order of the calls; [`Interface::index`] is not looked at.
    /// Interfaces passed on as they are read keep their numbers.
    pub fn interface(&mut self, interface: &Interface) -> io::Result<u32> {
        use InterfaceDescriptionOption as Opt;
        let Interface {
            index: _,
            link,
            snaplen,
            name,
            description,
            filter,
            hardware,
            os,
            comments,
        } = interface;
        let mut options: Vec<Opt<'_>> =
            comments.iter().map(|text| Opt::Comment(clip(text).into())).collect();
        options.extend(name.as_deref().map(|text| Opt::IfName(clip(text).into())));
        options.extend(description.as_deref().map(|text| Opt::IfDescription(clip(text).into())));
        options.push(Opt::IfTsResol(NANOSECONDS));
        // Kind 0: text.
        options.extend(filter.as_deref().map(|text| {
            let filter = [b"\0", text.as_bytes()].concat();
            Opt::IfFilter(Cow::Owned(filter.into_iter().take(OPTION_MAX).collect()))
        }));
        options.extend(os.as_deref().map(|text| Opt::IfOs(clip(text).into())));
        options.extend(hardware.as_deref().map(|text| Opt::IfHardware(clip(text).into())));
        let (linktype, snaplen) = (link.number().into(), *snaplen);
        self.inner
            .write_pcapng_block(InterfaceDescriptionBlock { linktype, snaplen, options })
            .map_err(io)?;
        let index = self.interfaces;
        self.interfaces += 1;
        Ok(index)
    }

    /// Writes a packet, with a comment for each of `comments`.
    ///
    /// Its mark's number is not written: packets are counted again by whoever reads them.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) if its interface was not described.
    pub fn packet<'a>(&mut self, packet: &Packet<'a>, comments: &[&'a str]) -> io::Result<()> {
        let comment = |text: &&'a str| EnhancedPacketOption::Comment(clip(text).into());
        let block = EnhancedPacketBlock {
            interface_id: packet.interface,
            timestamp: Duration::from_nanos(nanos(packet.mark.time)),
            original_len: packet.original_len,
            data: packet.bytes.into(),
            options: comments.iter().map(comment).collect(),
        };
        self.inner.write_pcapng_block(block).map(drop).map_err(io)
    }

    /// Writes an interface's counters.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) if the interface was not described.
    pub fn statistics(&mut self, statistics: &Statistics) -> io::Result<()> {
        use InterfaceStatisticsOption as Opt;
        let options = [
            statistics.started.map(|time| Opt::IsbStartTime(halves(time))),
            statistics.ended.map(|time| Opt::IsbEndTime(halves(time))),
            statistics.received.map(Opt::IsbIfRecv),
            statistics.dropped.map(Opt::IsbIfDrop),
            statistics.accepted.map(Opt::IsbFilterAccept),
            statistics.os_dropped.map(Opt::IsbOsDrop),
            statistics.delivered.map(Opt::IsbUsrDeliv),
        ];
        let block = InterfaceStatisticsBlock {
            interface_id: statistics.interface,
            timestamp: halves(statistics.time),
            options: options.into_iter().flatten().collect(),
        };
        self.inner.write_pcapng_block(block).map(drop).map_err(io)
    }

    /// Hands on what was collected.
    pub fn flush(&mut self) -> io::Result<()> {
        self.inner.get_mut().flush()
    }

    /// The stream, with what was handed on so far.
    pub fn get_mut(&mut self) -> &mut W {
        self.inner.get_mut().get_mut()
    }

    /// Hands on what was collected and gives the stream back.
    pub fn into_inner(self) -> io::Result<W> {
        self.inner.into_inner().into_inner().map_err(io::IntoInnerError::into_error)
    }
}

fn nanos(time: Timestamp) -> u64 {
    u64::try_from(time.nanos()).unwrap_or(0)
}

/// A time as pcap-file must be given it: it writes one little-endian number, where the format has
/// two with the high half first.
fn halves(time: Timestamp) -> u64 {
    nanos(time).rotate_left(32)
}

/// As much of a text as fits an option.
fn clip(text: &str) -> &str {
    let mut end = text.len().min(OPTION_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn owned(text: &str) -> Cow<'static, str> {
    clip(text).to_owned().into()
}

fn io(error: PcapError) -> io::Error {
    match error {
        PcapError::IoError(error) => error,
        PcapError::InvalidInterfaceId(_) => {
            io::Error::new(io::ErrorKind::InvalidInput, "the interface was not described")
        }
        other => io::Error::other(other),
    }
}
