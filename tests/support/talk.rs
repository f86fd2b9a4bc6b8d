//! A small language for TCP conversations; what it says becomes real frames.
//!
//! ```ignore
//! talk().connects().client().sends(b"GET / HTTP/1.1\r\n\r\n").then().server().sends(b"...")
//! ```
//!
//! Each packet comes 1 ms after the one before it and acknowledges everything that its sender has
//! received, unless it is told otherwise.

use std::net::{IpAddr, SocketAddr};

use meshsniff::Settings;
use meshsniff::capture::LinkType;

use super::{Frame, Report, analyse, analyse_with};

pub(crate) const FIN: u8 = 1;
pub(crate) const SYN: u8 = 2;
pub(crate) const RST: u8 = 4;
pub(crate) const PSH: u8 = 8;
pub(crate) const ACK: u8 = 16;

/// When every conversation begins: 2023-11-14 22:13:20 UTC.
pub(crate) const BEGIN: i64 = 1_700_000_000_000_000_000;
const MS: i64 = 1_000_000;
/// The longest payload of one segment; longer ones are several.
const SEGMENT: usize = 16 << 10;

#[derive(Clone, Debug)]
struct Peer {
    at: SocketAddr,
    /// Where its packets seem to come from.
    from: SocketAddr,
    /// Where the other side sends packets that are meant for it.
    to: SocketAddr,
    /// Its next sequence number.
    next: u32,
    /// What it has acknowledged last.
    acked: u32,
}

/// A conversation so far.
#[derive(Clone, Debug)]
pub(crate) struct Talk {
    now: i64,
    peers: [Peer; 2],
    speaker: usize,
    frames: Vec<Frame>,
    captured: bool,
    stale: bool,
    snap: usize,
    segment: usize,
}

/// A conversation between 10.0.0.1:40000, the client, and 10.0.0.2:8080; nothing said yet.
pub(crate) fn talk() -> Talk {
    between("10.0.0.1:40000", "10.0.0.2:8080")
}

/// The same, after the handshake.
pub(crate) fn open() -> Talk {
    talk().connects()
}

pub(crate) fn between(client: &str, server: &str) -> Talk {
    let peer = |at: &str, next: u32| {
        let at = at.parse().unwrap();
        Peer { at, from: at, to: at, next, acked: 0 }
    };
    Talk {
        now: BEGIN,
        peers: [peer(client, 1000), peer(server, 5_000_000)],
        speaker: 0,
        frames: Vec::new(),
        captured: true,
        stale: false,
        snap: usize::MAX,
        segment: SEGMENT,
    }
}

impl Talk {
    /// The initial sequence numbers.
    pub(crate) fn numbered(mut self, client: u32, server: u32) -> Self {
        (self.peers[0].next, self.peers[1].next) = (client, server);
        self
    }

    /// The client's packets are redirected to a proxy at `proxy`; what the proxy answers seems to
    /// come from the server.
    pub(crate) fn redirected(mut self, proxy: &str) -> Self {
        self.peers[1].to = proxy.parse().unwrap();
        self
    }

    /// The capture keeps so many bytes of each frame.
    pub(crate) fn snapped(mut self, snap: usize) -> Self {
        self.snap = snap;
        self
    }

    /// No segment is longer than this.
    pub(crate) fn in_segments_of(mut self, segment: usize) -> Self {
        self.segment = segment;
        self
    }

    /// The client speaks.
    pub(crate) fn client(mut self) -> Self {
        self.speaker = 0;
        self
    }

    /// The server speaks.
    pub(crate) fn server(mut self) -> Self {
        self.speaker = 1;
        self
    }

    /// The other side takes what was said: an acknowledgment.
    pub(crate) fn then(mut self) -> Self {
        self.speaker = 1 - self.speaker;
        let talk = self.acks();
        Self { speaker: 1 - talk.speaker, ..talk }
    }

    /// Time passes.
    pub(crate) fn after(mut self, ms: i64) -> Self {
        self.now += ms * MS;
        self
    }

    /// SYN, SYN-ACK, ACK.
    pub(crate) fn connects(self) -> Self {
        self.client().syn().server().syn_ack().client().acks()
    }

    pub(crate) fn syn(self) -> Self {
        self.syn_with(b"")
    }

    /// A SYN that carries data already (TCP Fast Open).
    pub(crate) fn syn_with(self, bytes: &[u8]) -> Self {
        self.packet(SYN, bytes)
    }

    pub(crate) fn syn_ack(self) -> Self {
        self.packet(SYN | ACK, b"")
    }

    pub(crate) fn acks(self) -> Self {
        self.packet(ACK, b"")
    }

    /// Data, in as few segments as possible.
    pub(crate) fn sends(mut self, bytes: impl AsRef<[u8]>) -> Self {
        let segment = self.segment;
        for piece in bytes.as_ref().chunks(segment) {
            self = self.packet(PSH | ACK, piece);
        }
        self
    }

    /// Closes its half.
    pub(crate) fn fin(self) -> Self {
        self.packet(FIN | ACK, b"")
    }

    /// The last data, and closes its half with it.
    pub(crate) fn sends_and_fin(self, bytes: impl AsRef<[u8]>) -> Self {
        self.packet(FIN | PSH | ACK, bytes.as_ref())
    }

    /// Resets with RST,ACK, acknowledging nothing that it has not acknowledged before.
    pub(crate) fn rst(mut self) -> Self {
        self.stale = true;
        self.packet(RST | ACK, b"")
    }

    /// Refuses a connect: an RST that acknowledges the SYN.
    pub(crate) fn refuses(self) -> Self {
        self.packet(RST | ACK, b"")
    }

    /// Resets with a bare RST, as a host does where nobody listens any more.
    pub(crate) fn bare_rst(self) -> Self {
        self.packet(RST, b"")
    }

    /// What the next word says is lost by the capture; the other side gets it.
    pub(crate) fn unseen(mut self, word: impl FnOnce(Self) -> Self) -> Self {
        self.captured = false;
        let mut talk = word(self);
        talk.captured = true;
        talk
    }

    /// What the next packet's sender has received since its last packet is still on its way to it.
    pub(crate) fn crossing(mut self) -> Self {
        self.stale = true;
        self
    }

    /// The last frame is captured once more.
    pub(crate) fn again(mut self) -> Self {
        let last = self.frames.last().expect("a frame").clone();
        self.now += MS;
        self.frames.push(Frame { time: self.now, ..last });
        self
    }

    /// A keep-alive probe: an empty segment one before the next byte.
    pub(crate) fn probes(mut self) -> Self {
        let (seq, ack) = (self.peers[self.speaker].next.wrapping_sub(1), self.other().next);
        self.raw(ACK, seq, ack, b"");
        self
    }

    /// Both close, the client first, as after a complete exchange.
    pub(crate) fn closes(self) -> Self {
        self.client().fin().server().fin().client().acks()
    }

    /// The frames in the order captured.
    pub(crate) fn frames(self) -> Vec<Frame> {
        self.frames
    }

    /// A packet of a third party, so that the capture goes on for so many ms.
    pub(crate) fn capture_runs_on(mut self, ms: i64) -> Self {
        self.now += ms * MS;
        let at = |text: &str| text.parse().unwrap();
        let (a, b) = (at("10.9.9.9:50000"), at("10.9.9.8:9"));
        let bytes = frame(a, b, ACK, 1, 1, b"");
        self.push(bytes);
        self
    }

    /// What the analysis says of it.
    pub(crate) fn says(self) -> Report {
        analyse(&self.frames)
    }

    pub(crate) fn says_with(self, settings: Settings) -> Report {
        analyse_with(&self.frames, settings)
    }

    /// [`Report::brief`] of what the analysis says.
    pub(crate) fn brief(self) -> Vec<String> {
        self.says().brief()
    }

    fn other(&self) -> &Peer {
        &self.peers[1 - self.speaker]
    }

    fn packet(mut self, flags: u8, bytes: &[u8]) -> Self {
        let seq = self.peers[self.speaker].next;
        let received = if self.stale { self.peers[self.speaker].acked } else { self.other().next };
        self.stale = false;
        let ack = if flags & ACK != 0 { received } else { 0 };
        if flags & ACK != 0 {
            self.peers[self.speaker].acked = ack;
        }
        self.raw(flags, seq, ack, bytes);
        let takes = bytes.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        self.peers[self.speaker].next = seq.wrapping_add(takes);
        self
    }

    /// A packet of the speaker with any numbers; nobody takes notice of it.
    pub(crate) fn raw(&mut self, flags: u8, seq: u32, ack: u32, bytes: &[u8]) {
        self.now += MS;
        if self.captured {
            let (src, dst) = (self.peers[self.speaker].from, self.other().to);
            let bytes = frame(src, dst, flags, seq, ack, bytes);
            self.push(bytes);
        }
    }

    fn push(&mut self, mut bytes: Vec<u8>) {
        let original_len = bytes.len() as u32;
        bytes.truncate(self.snap);
        let (time, link) = (self.now, LinkType::Ethernet);
        self.frames.push(Frame { time, interface: 0, link, original_len, bytes });
    }
}

/// An Ethernet frame with a TCP segment over IPv4 or IPv6.
pub(crate) fn frame(
    src: SocketAddr,
    dst: SocketAddr,
    flags: u8,
    seq: u32,
    ack: u32,
    payload: &[u8],
) -> Vec<u8> {
    let mut frame = vec![0; 12];
    let tcp_len = u16::try_from(20 + payload.len()).expect("a segment fits into a packet");
    match (src.ip(), dst.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            frame.extend([0x08, 0x00, 0x45, 0x00]);
            frame.extend((20 + tcp_len).to_be_bytes());
            frame.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
            frame.extend(from.octets());
            frame.extend(to.octets());
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
            frame.extend(tcp_len.to_be_bytes());
            frame.extend([6, 64]);
            frame.extend(from.octets());
            frame.extend(to.octets());
        }
        _ => panic!("one family a conversation"),
    }
    frame.extend(src.port().to_be_bytes());
    frame.extend(dst.port().to_be_bytes());
    frame.extend(seq.to_be_bytes());
    frame.extend(ack.to_be_bytes());
    frame.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    frame.extend(payload);
    frame
}

/// Several conversations in one capture, in the order of time.
pub(crate) fn together(talks: impl IntoIterator<Item = Talk>) -> Vec<Frame> {
    let mut frames: Vec<Frame> = talks.into_iter().flat_map(Talk::frames).collect();
    frames.sort_by_key(|frame| frame.time);
    frames
}
