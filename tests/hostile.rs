//! Traffic that means harm: no panic, limits counted, memory bounded, work in proportion.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use meshsniff::capture::{LinkType, Mark, Packet, Timestamp};
use meshsniff::pairing::Outcome;
use meshsniff::{Analysis, Counts, Event, Limit, Settings};
use support::Random;
use support::talk::{ACK, BEGIN, FIN, PSH, RST, SYN, frame, open};

/// Counts what is allocated, and how often.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
static COPIED: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is done by the system's allocator; only sizes are added up.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        // SAFETY: the caller keeps the contract of `alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the memory came from `System`, with this layout.
        unsafe { System.dealloc(memory, layout) }
    }
}

fn grown(size: usize) {
    COPIED.fetch_add(size, Relaxed);
    PEAK.fetch_max(NOW.fetch_add(size, Relaxed) + size, Relaxed);
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What the analysis may hold at most, whatever comes.
const MEMORY: usize = 64 << 20;

/// Tests here measure memory, so one runs at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// An analysis under attack: frames are made, pushed and forgotten.
struct Attack {
    analysis: Analysis,
    number: u64,
    time: i64,
    before: usize,
    copied: usize,
    outcomes: [u64; Outcome::ALL.len()],
}

impl Attack {
    fn begin() -> Self {
        let analysis = Analysis::new(Settings::default());
        let before = NOW.load(Relaxed);
        PEAK.store(before, Relaxed);
        let copied = COPIED.load(Relaxed);
        Self { analysis, number: 0, time: BEGIN, before, copied, outcomes: Default::default() }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.time += 1000;
        self.number += 1;
        let mark = Mark { number: self.number, time: Timestamp::from_nanos(self.time) };
        let original_len = bytes.len() as u32;
        let link = LinkType::Ethernet;
        self.analysis.push(&Packet { mark, interface: 0, link, original_len, bytes });
        self.hear();
    }

    fn hear(&mut self) {
        while let Some(event) = self.analysis.poll() {
            if let Event::Exchange(exchange) = event {
                self.outcomes[exchange.outcome as usize] += 1;
            }
        }
    }

    fn said(&self, outcome: Outcome) -> u64 {
        self.outcomes[outcome as usize]
    }

    /// The end of the capture; memory must have stayed within bounds all the time.
    #[track_caller]
    fn end(&mut self) -> Counts {
        self.analysis.finish();
        self.hear();
        let peak = PEAK.load(Relaxed) - self.before;
        assert!(peak <= MEMORY, "{} MiB", peak >> 20);
        self.analysis.counts().clone()
    }

    /// All bytes that were ever allocated: quadratic copying shows here on every machine.
    fn copied(&self) -> usize {
        COPIED.load(Relaxed) - self.copied
    }
}

fn alone() -> std::sync::MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A frame of client `n`, or of the server to it.
fn of(n: u32, to_server: bool, flags: u8, seq: u32, ack: u32, payload: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = (n >> 15).to_be_bytes();
    let port = 32_768 + (n & 0x7fff) as u16;
    let client = std::net::SocketAddr::from(([10, a, b, c], port));
    let server = std::net::SocketAddr::from(([192, 168, 0, 1], 80));
    let (src, dst) = if to_server { (client, server) } else { (server, client) };
    frame(src, dst, flags, seq, ack, payload)
}

#[test]
fn syn_flood() {
    let _alone = alone();
    let mut attack = Attack::begin();
    for n in 0..300_000 {
        attack.push(&of(n, true, SYN, n, 0, b""));
    }
    let counts = attack.end();
    assert_eq!(counts.connections, 300_000);
    assert_eq!(counts.limit(Limit::Connections), 300_000 - 65_536);
    assert_eq!(attack.outcomes.iter().sum::<u64>(), 300_000);
}

#[test]
fn connections_without_end() {
    let _alone = alone();
    let mut attack = Attack::begin();
    for n in 0..120_000 {
        attack.push(&of(n, true, SYN, 0, 0, b""));
        attack.push(&of(n, false, SYN | ACK, 0, 1, b""));
        attack.push(&of(n, true, ACK | PSH, 1, 1, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"));
    }
    let counts = attack.end();
    assert_eq!(counts.limit(Limit::Connections), 120_000 - 65_536);
    assert!(counts.limit(Limit::Buffered) > 0);
    assert!(attack.said(Outcome::Unknown) >= 120_000 - 65_536);
    assert_eq!(attack.outcomes.iter().sum::<u64>(), 120_000);
}

#[test]
fn heads_without_end() {
    let _alone = alone();
    let mut attack = Attack::begin();
    let piece = [b'x'; 1400];
    for n in 0..2000 {
        attack.push(&of(n, true, SYN, 0, 0, b""));
        attack.push(&of(n, true, ACK, 1, 1, b"GET / HTTP/1.1\r\nx: "));
    }
    for round in 0..50 {
        for n in 0..2000 {
            attack.push(&of(n, true, ACK, 20 + round * 1400, 1, &piece));
        }
    }
    let counts = attack.end();
    assert!(counts.limit(Limit::Head) + counts.limit(Limit::Buffered) > 0);
}

/// ClientHellos and Certificates that announce 16 MiB and go on and on, on many connections.
#[test]
fn handshake_messages_without_end() {
    let _alone = alone();
    let mut attack = Attack::begin();
    let piece = [&[22, 3, 3, 5, 120][..], &[1; 1400]].concat();
    for n in 0..2000 {
        attack.push(&of(n, true, SYN, 0, 0, b""));
        attack.push(&of(n, false, SYN | ACK, 0, 1, b""));
        attack.push(&of(n, true, ACK, 1, 1, b"\x16\x03\x03\x00\x04\x01\xff\xff\xff"));
        attack.push(&of(n, false, ACK, 1, 10, b"\x16\x03\x03\x00\x04\x0b\xff\xff\xff"));
    }
    for round in 0..50 {
        for n in 0..2000 {
            let (seq, place) = (10 + round * 1405, 10 + round * 1405);
            attack.push(&of(n, true, ACK, seq, place, &piece));
            attack.push(&of(n, false, ACK, place, seq, &piece));
        }
    }
    attack.end();
}

/// Hellos with as many protocols and as long a name as there is room for, from ever new clients.
#[test]
fn hellos_with_all_that_fits() {
    let _alone = alone();
    let mut attack = Attack::begin();
    let protocols = [1, b'x'].repeat(1000);
    let mut extensions = Vec::new();
    let mut extension = |kind: u16, content: &[u8]| {
        extensions.extend(kind.to_be_bytes());
        extensions.extend((content.len() as u16).to_be_bytes());
        extensions.extend(content);
    };
    extension(16, &[&(protocols.len() as u16).to_be_bytes()[..], &protocols].concat());
    let name = [b'a'; 1000];
    let len = (name.len() as u16).to_be_bytes();
    let list = (name.len() as u16 + 3).to_be_bytes();
    extension(0, &[&list[..], &[0], &len, &name].concat());
    let mut hello = [&[3, 3][..], &[7; 32], &[0, 0, 2, 19, 1, 1, 0]].concat();
    hello.extend((extensions.len() as u16).to_be_bytes());
    hello.extend(extensions);
    let mut message = vec![1, 0];
    message.extend((hello.len() as u16).to_be_bytes());
    message.extend(hello);
    let mut record = vec![22, 3, 1];
    record.extend((message.len() as u16).to_be_bytes());
    record.extend(message);
    for n in 0..8_000 {
        attack.push(&of(n, true, SYN, 0, 0, b""));
        attack.push(&of(n, true, ACK, 1, 1, &record));
    }
    let counts = attack.end();
    assert!(counts.limit(Limit::Buffered) > 0);
    assert_eq!(attack.outcomes.iter().sum::<u64>(), 8_000);
}

#[test]
fn a_head_byte_by_byte() {
    let _alone = alone();
    let mut attack = Attack::begin();
    let mut head = b"GET /a HTTP/1.1\r\n".to_vec();
    while head.len() < 60 << 10 {
        head.extend(b"field: ");
        head.extend([b'x'; 100]);
        head.extend(b"\r\n");
    }
    head.extend(b"\r\n");
    attack.push(&of(0, true, SYN, 0, 0, b""));
    for (seq, byte) in (1..).zip(&head) {
        attack.push(&of(0, true, ACK, seq, 1, &[*byte]));
    }
    let frames = head.len() * 200;
    attack.end();
    assert_eq!(attack.said(Outcome::InProgress), 1);
    // Copying the head at every byte would be 2 GB.
    assert!(attack.copied() < frames + (4 << 20), "{} MiB", attack.copied() >> 20);
}

#[test]
fn chunks_of_every_giant_size() {
    let _alone = alone();
    let sizes = [
        "ffffffffffffffff",
        "fffffffffffffffff",
        "7fffffffffffffff",
        "8000000000000000",
        "00000000000000000000000000000001",
        "-1",
        "+1",
        " 1",
        "1 ",
        "0x1",
        "",
        ";",
        "g",
    ];
    for size in sizes {
        let response = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{size}\r\nx");
        let talk = open().client().sends("GET / HTTP/1.1\r\n\r\n").then().server().sends(response);
        let report = talk.sends([b'x'; 5000]).then().closes().says();
        assert_eq!(report.exchanges.len(), 1, "{size}: {:?}", report.brief());
    }
    let length = "HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551615\r\n\r\nx";
    let talk = open().client().sends("GET / HTTP/1.1\r\n\r\n").then().server().sends(length);
    assert_eq!(talk.then().closes().brief(), ["GET / 200 truncated_response 0+1"]);
}

#[test]
fn chunks_of_one_byte() {
    let _alone = alone();
    let mut attack = Attack::begin();
    attack.push(&of(0, true, SYN, 0, 0, b""));
    attack.push(&of(0, false, SYN | ACK, 0, 1, b""));
    attack.push(&of(0, true, ACK, 1, 1, b"GET / HTTP/1.1\r\n\r\n"));
    attack.push(&of(
        0,
        false,
        ACK,
        1,
        19,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
    ));
    let chunks = b"1\r\nx\r\n".repeat(1000);
    for n in 0..500 {
        attack.push(&of(0, false, ACK, 48 + n * 6000, 19, &chunks));
    }
    attack.push(&of(0, false, ACK, 48 + 500 * 6000, 19, b"0\r\n\r\n"));
    attack.end();
    assert_eq!(attack.said(Outcome::Complete), 1);
}

#[test]
fn nothing_in_order_and_nothing_acknowledged() {
    let _alone = alone();
    let mut attack = Attack::begin();
    let payload = [b'x'; 1000];
    for n in 0..200 {
        attack.push(&of(n, true, SYN, 0, 0, b""));
    }
    let mut random = Random::new(1);
    for _ in 0..150_000 {
        let n = random.below(200) as u32;
        let seq = 2 + random.below(1 << 26) as u32;
        attack.push(&of(n, true, 0, seq, 0, &payload));
    }
    let counts = attack.end();
    assert!(counts.gaps > 1000);
}

#[test]
fn one_byte_segments_out_of_order() {
    let _alone = alone();
    let mut attack = Attack::begin();
    for n in 0..20 {
        attack.push(&of(n, true, SYN, 0, 0, b""));
    }
    // Every second byte, backwards: what waits is never adjacent.
    for seq in (1..10_000u32).rev() {
        for n in 0..20 {
            attack.push(&of(n, true, 0, 2 * seq, 0, b"x"));
        }
    }
    let counts = attack.end();
    assert_eq!(counts.connections, 20);
    assert!(counts.gaps > 0);
}

#[test]
fn ten_thousand_requests_at_once() {
    let _alone = alone();
    let mut attack = Attack::begin();
    attack.push(&of(0, true, SYN, 0, 0, b""));
    attack.push(&of(0, false, SYN | ACK, 0, 1, b""));
    let request = b"GET / HTTP/1.1\r\n\r\n";
    for n in 0..10_000 {
        attack.push(&of(0, true, ACK, 1 + n * 18, 1, request));
    }
    let counts = attack.end();
    assert_eq!(attack.outcomes.iter().sum::<u64>(), 10_000);
    assert_eq!(counts.limit(Limit::Pipelined), 10_000 / 1024);
}

#[test]
fn a_thousand_requests_answered_in_one_go() {
    let _alone = alone();
    let requests = b"GET / HTTP/1.1\r\n\r\n".repeat(1000);
    let responses = b"HTTP/1.1 204 No Content\r\n\r\n".repeat(1000);
    let report = open().client().sends(requests).then().server().sends(responses).then().says();
    assert_eq!(report.brief(), vec!["GET / 204 complete 0+0"; 1000]);
}

#[test]
fn requests_in_flight_on_many_connections() {
    let _alone = alone();
    let mut attack = Attack::begin();
    let request = format!("GET /{} HTTP/1.1\r\nhost: h\r\n\r\n", "p".repeat(1000));
    let each = request.len() as u32;
    for round in 0..50 {
        for n in 0..2000 {
            if round == 0 {
                attack.push(&of(n, true, SYN, 0, 0, b""));
            }
            attack.push(&of(n, true, ACK, 1 + round * each, 1, request.as_bytes()));
        }
    }
    attack.end();
    assert_eq!(attack.outcomes.iter().sum::<u64>(), 100_000);
}

#[test]
fn long_paths_on_many_connections() {
    let _alone = alone();
    let mut attack = Attack::begin();
    let request = format!("GET /{} HTTP/1.1\r\n\r\n", "p".repeat(60_000));
    for n in 0..2000 {
        attack.push(&of(n, true, SYN, 0, 0, b""));
        attack.push(&of(n, true, ACK, 1, 1, request.as_bytes()));
    }
    attack.end();
    assert_eq!(attack.outcomes.iter().sum::<u64>(), 2000);
}

/// Anything at all, on few connections so that it meets: 200,000 segments.
#[test]
fn anything() {
    let _alone = alone();
    let flags = [
        0,
        ACK,
        ACK,
        ACK | PSH,
        ACK | PSH,
        SYN,
        SYN | ACK,
        FIN,
        FIN | ACK,
        RST,
        RST | ACK,
        SYN | FIN,
        SYN | RST,
        FIN | RST,
        0xff,
    ];
    let texts: &[&[u8]] = &[
        b"",
        b"",
        b"x",
        b"\r\n",
        b"\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a",
        b"HEAD / HTTP/1.1\r\n\r\n",
        b"CONNECT a:1 HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 100\r\n\r\n",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 101 X\r\n\r\n",
        b"HTTP/1.1 204 X\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        b"5\r\nhello\r\n",
        b"0\r\n\r\n",
        b"ffffffff\r\n",
        b"\x16\x03\x01\x00\x05\x01",
        include_bytes!("fuzz/words/client-hello-13"),
        include_bytes!("fuzz/words/server-hello-12"),
        include_bytes!("fuzz/words/certificate"),
        b"\x15\x03\x03\x00\x02\x02\x30",
        b"\x17\x03\x03\x00\x05hello",
        b"\x14\x03\x03\x00\x01\x01\x16\x03\x03\x00\x04\x0b\xff\xff\xff",
        b"\x00\xff\xfe",
        b"HTTP/1.1",
        b"GE",
    ];
    for seed in 1..=4 {
        let mut random = Random::new(seed);
        let mut attack = Attack::begin();
        let mut next = [[0u32; 2]; 40];
        for step in 0..50_000 {
            let n = random.below(40) as usize;
            let to_server = random.chance(0.5);
            let (mine, other) = (usize::from(!to_server), usize::from(to_server));
            let flags = random.pick(&flags);
            let text = random.pick(texts);
            let jump = |random: &mut Random| match random.below(12) {
                0 => random.next() as u32,
                1 => random.below(100) as u32,
                2 => (random.below(100) as u32).wrapping_neg(),
                3 => 1 << random.below(32),
                _ => 0,
            };
            let seq = next[n][mine].wrapping_add(jump(&mut random));
            let ack = next[n][other].wrapping_add(jump(&mut random));
            let mut bytes = of(n as u32, to_server, flags, seq, ack, text);
            match random.below(40) {
                0 => bytes.truncate(random.below(bytes.len() as u64 + 1) as usize),
                1 => {
                    let at = random.below(bytes.len() as u64) as usize;
                    bytes[at] ^= 1 << random.below(8);
                }
                _ => {}
            }
            attack.time +=
                random.pick(&[0, 0, 0, 1_000_000, 300_000_000, 5_000_000_000, -40_000_000]);
            attack.push(&bytes);
            if random.chance(0.9) {
                let takes = text.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
                next[n][mine] = seq.wrapping_add(takes);
            }
            if random.chance(0.001) {
                attack.analysis.advance(Timestamp::from_nanos(attack.time + step));
                attack.hear();
            }
        }
        let counts = attack.end();
        assert_eq!(counts.packets, 50_000, "seed {seed}");
        assert!(attack.outcomes.iter().sum::<u64>() > 500, "seed {seed}");
    }
}

/// The same without any structure.
#[test]
fn noise() {
    let _alone = alone();
    let mut random = Random::new(7);
    let mut attack = Attack::begin();
    let links = [0, 1, 12, 108, 113, 228, 229, 276, 999].map(LinkType::from_number);
    for number in 0..100_000 {
        let mut bytes: Vec<u8> = (0..random.below(120)).map(|_| random.next() as u8).collect();
        // Often enough, it looks like the beginning of a packet.
        for (at, byte) in [(12, 8), (13, 0), (14, 0x45), (23, 6)] {
            if random.chance(0.8) && at < bytes.len() {
                bytes[at] = byte;
            }
        }
        let original_len = random.next() as u32;
        let time = Timestamp::from_nanos(random.next() as i64);
        let (link, interface) = (random.pick(&links), random.next() as u32);
        let mark = Mark { number, time };
        attack.analysis.push(&Packet { mark, interface, link, original_len, bytes: &bytes });
        attack.hear();
    }
    assert_eq!(attack.end().packets, 100_000);
}
