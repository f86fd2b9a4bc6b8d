//! The interface: opened and filtered with rights, read without.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use meshsniff::capture::{Interface, LinkType, Mark, Packet, Timestamp};
use nix::errno::Errno;
use nix::net::if_::{InterfaceFlags, if_nameindex};
use nix::poll::{PollFd, PollTimeout, poll};
use pcap::{Active, Capture, Linktype, Precision};

use crate::args::Source;

/// How long the kernel may keep a packet before it hands it over, in milliseconds.
///
/// The kernel hands over blocks of 256 KiB, full or this old. A line is on the screen soon enough
/// after 50 to 100 ms, and even when every block goes nearly empty the 256 of the default buffer
/// last for 12 seconds of a reader that does not read. Immediate mode would shorten the delay but
/// makes libpcap use the older ring, of fixed slots of a whole frame's length each.
const HANDED_OVER: i32 = 50;

/// How long the end waits for packets that the kernel still holds: a block is looked at every
/// [`HANDED_OVER`], and one begun just after a look goes at the next but one.
pub(crate) const REST: Duration = Duration::from_millis(2 * HANDED_OVER as u64 + 20);

/// `any` with the interface's number in each frame (SLL2).
const COOKED: Linktype = Linktype(276);

/// What the interface counted since the capture began.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counted {
    /// Packets that met the filter, lost ones included.
    pub(crate) received: u64,
    /// Packets lost because the kernel's buffer was full.
    pub(crate) dropped: u64,
    /// Packets read.
    pub(crate) delivered: u64,
}

/// An interface being captured.
pub(crate) struct Live {
    capture: Capture<Active>,
    name: String,
    snaplen: u32,
    filter: Option<String>,
    /// How often libpcap counts a packet: on `lo` each one passes twice.
    copies: u64,
    /// libpcap's counters at the last look: 32 bits, which wrap.
    last: (u32, u32),
    counted: Counted,
}

/// What keeps a capture from beginning, or ends it. Every text has the next step.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("there is no interface {name:?} here; there is {}", names.join(", "))]
    NoInterface { name: String, names: Vec<String> },
    #[error(
        "no right to capture {name}: this needs the capability CAP_NET_RAW in the network \
         namespace. Run as root, or `setcap cap_net_raw+ep` this file, or add NET_RAW to the \
         container's capabilities ({reason})"
    )]
    NoRight { name: String, reason: pcap::Error },
    #[error("{name} is down; `ip link set {name} up` starts it")]
    Down { name: String },
    #[error("{name} cannot be captured: {reason}")]
    Open { name: String, reason: pcap::Error },
    #[error(
        "the filter {filter:?} is not understood: {reason}. An example: 'tcp port 8080 and not \
         host 10.0.0.1'; `man pcap-filter` has the language"
    )]
    Filter { filter: String, reason: pcap::Error },
    #[error("{name} is gone: it was removed while it was captured ({reason})")]
    Gone { name: String, reason: pcap::Error },
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Whether the filter is understood, without an interface and without rights.
///
/// # Errors
/// [`Error::Filter`] with libpcap's own words.
pub(crate) fn understood(source: &Source) -> Result<(), Error> {
    let Some(filter) = &source.filter else { return Ok(()) };
    let link = if source.interface == "any" { COOKED } else { Linktype::ETHERNET };
    Capture::dead(link)
        .and_then(|dead| dead.compile(filter, true))
        .map(drop)
        .map_err(|reason| Error::Filter { filter: filter.clone(), reason })
}

impl Live {
    /// Opens the interface. Needs CAP_NET_RAW; nothing is read.
    ///
    /// # Errors
    /// [`Error`], the first five kinds.
    pub(crate) fn open(source: &Source) -> Result<Self, Error> {
        let name = &source.interface;
        let device = device(name)?;
        let mut capture = Capture::from_device(name.as_str())
            .and_then(|capture| {
                capture
                    .snaplen(source.snaplen)
                    .buffer_size(source.buffer)
                    .timeout(HANDED_OVER)
                    .precision(Precision::Nano)
                    .open()?
                    // A read on an idle interface never returns: `poll` waits instead.
                    .setnonblock()
            })
            .map_err(|reason| refused(name, device.up, reason))?;
        if name == "any" {
            // An old libpcap knows only the older cooked header; that will do.
            let _ = capture.set_datalink(COOKED);
        }
        let copies = if device.loopback && !once(&capture) { 2 } else { 1 };
        Ok(Self {
            capture,
            name: name.clone(),
            snaplen: source.snaplen.unsigned_abs(),
            filter: None,
            copies,
            last: (0, 0),
            counted: Counted::default(),
        })
    }

    /// Lets through only what meets `filter`. Names in it are looked up here, in files.
    ///
    /// # Errors
    /// [`Error::Filter`] with libpcap's own words.
    pub(crate) fn filter(&mut self, filter: Option<&str>) -> Result<(), Error> {
        let Some(filter) = filter else { return Ok(()) };
        self.capture
            .filter(filter, true)
            .map_err(|reason| Error::Filter { filter: filter.to_owned(), reason })?;
        self.filter = Some(filter.to_owned());
        Ok(())
    }

    /// What has been counted so far.
    pub(crate) fn counted(&self) -> Counted {
        self.counted
    }

    /// Asks the kernel for its counters.
    pub(crate) fn count(&mut self) -> Counted {
        if let Ok(now) = self.capture.stats() {
            let since = |now: u32, last: u32| u64::from(now.wrapping_sub(last));
            self.counted.received += since(now.received, self.last.0) / self.copies;
            self.counted.dropped += since(now.dropped, self.last.1);
            self.last = (now.received, now.dropped);
        }
        self.counted
    }

    /// What there is to say about the interface.
    pub(crate) fn interface(&self) -> Interface {
        Interface {
            name: Some(self.name.clone()),
            filter: self.filter.clone(),
            ..Interface::new(self.link(), self.snaplen)
        }
    }

    fn link(&self) -> LinkType {
        LinkType::from_number(self.capture.get_datalink().0.unsigned_abs())
    }

    /// Gives `take` what the kernel has handed over, at most so many packets, and says how many
    /// there were. Needs no right and never waits. The packets' interface is `interface`.
    ///
    /// # Errors
    /// [`Error::Gone`].
    pub(crate) fn read(
        &mut self,
        most: usize,
        interface: u32,
        mut take: impl FnMut(&Packet<'_>),
    ) -> Result<usize, Error> {
        let link = self.link();
        let delivered = &mut self.counted.delivered;
        let read = self.capture.dispatch(Some(most), |packet| {
            *delivered += 1;
            // Nanoseconds stand where microseconds are called: the precision asked for.
            let time = packet.header.ts;
            let time = Timestamp::from_nanos(time.tv_sec * 1_000_000_000 + time.tv_usec);
            take(&Packet {
                mark: Mark { number: *delivered, time },
                interface,
                link,
                original_len: packet.header.len,
                bytes: packet.data,
            });
        });
        read.map_err(|reason| Error::Gone { name: self.name.clone(), reason })
    }
}

/// Waits for one of `wanted`, at most `time`.
///
/// # Errors
/// The system's.
pub(crate) fn wait(wanted: &mut [PollFd<'_>], time: Duration) -> io::Result<()> {
    // Rounded up: not to come back just before the time.
    let time = PollTimeout::try_from(time + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX);
    match poll(wanted, time) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The wall clock, as the kernel stamps packets.
pub(crate) fn now() -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(i64::try_from(now.as_nanos()).unwrap_or(i64::MAX))
}

impl AsFd for Live {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.capture.as_fd()
    }
}

/// What is known of an interface before it is opened.
struct Device {
    loopback: bool,
    up: bool,
}

fn device(name: &str) -> Result<Device, Error> {
    if name == "any" {
        return Ok(Device { loopback: false, up: true });
    }
    let mut names = Vec::new();
    for address in nix::ifaddrs::getifaddrs().map_err(io::Error::from)? {
        if address.interface_name == name {
            return Ok(Device {
                loopback: address.flags.contains(InterfaceFlags::IFF_LOOPBACK),
                up: address.flags.contains(InterfaceFlags::IFF_UP),
            });
        }
    }
    let found = if_nameindex().map_err(io::Error::from)?;
    names.extend(found.iter().map(|interface| interface.name().to_string_lossy().into_owned()));
    names.push("any".into());
    Err(Error::NoInterface { name: name.to_owned(), names })
}

/// The sentence for an interface that could not be opened.
fn refused(name: &str, up: bool, reason: pcap::Error) -> Error {
    let name = name.to_owned();
    let may = caps::has_cap(None, caps::CapSet::Effective, caps::Capability::CAP_NET_RAW);
    if !may.unwrap_or(true) || reason.to_string().contains("permission") {
        Error::NoRight { name, reason }
    } else if !up {
        Error::Down { name }
    } else {
        Error::Open { name, reason }
    }
}

/// Has the kernel leave out the copy of each packet on its way out, and says whether it does.
///
/// On a loopback interface every packet passes twice. libpcap drops the outgoing copy, but only
/// after it went through the buffer; leaving it out before halves the work. Linux 4.20.
#[allow(unsafe_code)]
fn once(capture: &Capture<Active>) -> bool {
    use std::os::fd::AsRawFd;

    use nix::libc;

    let on: libc::c_int = 1;
    // SAFETY: the descriptor is open for as long as `capture` is borrowed, and the pointer and
    // length are those of `on`.
    let set = unsafe {
        libc::setsockopt(
            capture.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_IGNORE_OUTGOING,
            (&raw const on).cast(),
            size_of_val(&on) as libc::socklen_t,
        )
    };
    set == 0
}
