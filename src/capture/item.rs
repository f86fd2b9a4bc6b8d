use std::ops::Range;

use super::order::Order;
use super::{Comments, LinkType, Packet, Timestamp};

/// What a capture holds, in its order.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Item<'a> {
    /// A frame, and the comments on it; those cost nothing if they are not asked for.
    Packet(Packet<'a>, Comments<'a>),
    /// A section begins; pcapng only.
    Section(&'a Section),
    /// An interface is described; always before its packets, and once for a pcap file too.
    Interface(&'a Interface),
    /// An interface's counters; pcapng only, mostly at the end.
    Statistics(&'a Statistics),
}

/// Who wrote a section of a pcapng file, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// The hardware it was captured on.
    pub hardware: Option<String>,
    /// The operating system it was captured on.
    pub os: Option<String>,
    /// The program that wrote it, with its version.
    pub application: Option<String>,
    /// What people and programs noted about the section.
    pub comments: Vec<String>,
}

/// Where packets were captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its number, from 0 over the whole capture: sections go on counting. What
    /// [`Packet::interface`] says.
    pub index: u32,
    /// What its frames begin with.
    pub link: LinkType,
    /// At most so many bytes were kept of a frame; 0 is no limit. Files lie here: frames may be
    /// longer.
    pub snaplen: u32,
    /// Its name on the host, as `eth0`.
    pub name: Option<String>,
    /// Its description.
    pub description: Option<String>,
    /// The capture filter, as text.
    pub filter: Option<String>,
    /// Its hardware.
    pub hardware: Option<String>,
    /// The operating system of its host.
    pub os: Option<String>,
    /// What people and programs noted about it.
    pub comments: Vec<String>,
}

impl Interface {
    /// An interface of which no more than this is known.
    pub fn new(link: LinkType, snaplen: u32) -> Self {
        Self {
            index: 0,
            link,
            snaplen,
            name: None,
            description: None,
            filter: None,
            hardware: None,
            os: None,
            comments: Vec::new(),
        }
    }
}

/// What an interface counted since its capture began; `None` is not told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// The interface: [`Interface::index`].
    pub interface: u32,
    /// When it was counted.
    pub time: Timestamp,
    /// When the capture began.
    pub started: Option<Timestamp>,
    /// When the capture ended.
    pub ended: Option<Timestamp>,
    /// Packets received by the interface.
    pub received: Option<u64>,
    /// Packets dropped by the interface.
    pub dropped: Option<u64>,
    /// Packets that met the capture filter.
    pub accepted: Option<u64>,
    /// Packets dropped by the operating system.
    pub os_dropped: Option<u64>,
    /// Packets delivered to the program.
    pub delivered: Option<u64>,
}

/// An item as a format finds it: ranges of the buffer and places in the format's own state, so
/// that looking on for one borrows nothing.
#[derive(Debug)]
pub(super) enum Found {
    Packet {
        time: Timestamp,
        interface: u32,
        link: LinkType,
        original_len: u32,
        bytes: Range<usize>,
        options: Range<usize>,
        order: Order,
    },
    Section,
    /// The last interface described.
    Interface,
    /// The last statistics read.
    Statistics,
}

/// The last of each kind, for [`Item`] to point to.
#[derive(Debug)]
pub(super) struct Last {
    pub(super) section: Section,
    pub(super) interface: Interface,
    pub(super) statistics: Statistics,
}

impl Default for Last {
    fn default() -> Self {
        Self {
            section: Section::default(),
            interface: Interface::new(LinkType::Null, 0),
            statistics: Statistics::default(),
        }
    }
}
