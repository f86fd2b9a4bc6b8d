//! The clever reassembly against a stupid one: a stream cut into segments, captured in a wrong
//! order, twice, or not at all, must be told as the bytes that were captured, each once, in order,
//! with gaps exactly where nothing was captured.

use super::*;
use crate::capture::{Mark, Timestamp};
use crate::decode::{Addresses, Endpoint, Flags, Segment, Seq};
use crate::limits::Limits;

const CLIENT: Endpoint = Endpoint::V4(0x7f00_0006_0000 | 40_000);
const SERVER: Endpoint = Endpoint::V4(0x0a00_0001_0000 | 80);

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// What was told of one connection: bytes, `None` for each missing one.
#[derive(Debug, Default)]
struct Told {
    to_server: Vec<Option<u8>>,
    to_client: Vec<Option<u8>>,
    ends: Vec<String>,
}

impl Told {
    fn stream(&mut self, direction: Direction) -> &mut Vec<Option<u8>> {
        match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        }
    }
}

#[derive(Default)]
struct Writer {
    counts: Counts,
    /// One entry a connection, by serial number from 1.
    told: Vec<Told>,
    infos: Vec<Info>,
}

impl Sink<()> for Writer {
    fn direction_of(&self, _: &[u8]) -> Option<Direction> {
        None
    }

    fn event(&mut self, (): &mut (), info: &Info, event: FlowEvent<'_>) {
        while self.told.len() < info.serial as usize {
            self.told.push(Told::default());
            self.infos.push(*info);
        }
        self.infos[info.serial as usize - 1] = *info;
        let told = &mut self.told[info.serial as usize - 1];
        match event {
            FlowEvent::Opened { .. } => {}
            FlowEvent::Data { direction, bytes, cut, .. } => {
                let stream = told.stream(direction);
                stream.extend(bytes.iter().map(|b| Some(*b)));
                stream.extend((0..cut).map(|_| None));
            }
            FlowEvent::Gap { direction, len, .. } => {
                told.stream(direction).extend((0..len).map(|_| None));
            }
            FlowEvent::Fin { direction, mark, .. } => {
                let seen = if mark.is_some() { "" } else { " unseen" };
                told.ends.push(format!("fin {direction:?}{seen}"));
            }
            FlowEvent::Settled { .. } => told.ends.push("settled".into()),
            FlowEvent::StillReading { .. } => told.ends.push("still reading".into()),
            FlowEvent::Reset { direction, .. } => told.ends.push(format!("reset {direction:?}")),
            FlowEvent::Refused { connect, .. } => {
                told.ends.push(format!("refused {}", connect.attempts));
            }
            FlowEvent::Closed => told.ends.push("closed".into()),
            FlowEvent::Ended { why, connect } => {
                let connect = if connect.is_some() { " unanswered" } else { "" };
                told.ends.push(format!("ended {why:?}{connect}"));
            }
        }
    }

    fn waits(&self, (): &()) -> bool {
        false
    }

    fn counts(&mut self) -> &mut Counts {
        &mut self.counts
    }
}

/// A segment of a conversation, before it is captured.
#[derive(Clone, Debug)]
struct Sent {
    from_client: bool,
    seq: u32,
    ack: u32,
    flags: u8,
    payload: Vec<u8>,
}

/// Captures segments at intervals of 1 ms.
fn capture(sent: &[Sent]) -> Writer {
    let mut flows = Flows::<()>::new(Limits::default());
    let mut writer = Writer::default();
    for (i, sent) in sent.iter().enumerate() {
        let (src, dst) = if sent.from_client { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
        let mark = Mark { number: i as u64 + 1, time: Timestamp::from_nanos(i as i64 * 1_000_000) };
        flows.push(&segment(mark, Addresses { src, dst }, sent), &mut writer);
    }
    flows.finish(&mut writer);
    writer
}

fn segment(mark: Mark, addresses: Addresses, sent: &Sent) -> Segment<'_> {
    Segment {
        mark,
        interface: 0,
        place: 0,
        addresses,
        seq: Seq(sent.seq),
        ack: Seq(sent.ack),
        flags: Flags::from_bits(sent.flags),
        payload: &sent.payload,
        payload_len: sent.payload.len() as u32,
    }
}

/// A conversation that both sides speak in turns, with their sequence numbers.
struct Talk {
    client: u32,
    server: u32,
    sent: Vec<Sent>,
}

impl Talk {
    fn open(client: u32, server: u32) -> Self {
        let mut talk = Self { client, server, sent: Vec::new() };
        talk.push(true, SYN, &[]);
        talk.push(false, SYN | ACK, &[]);
        talk.push(true, ACK, &[]);
        talk
    }

    fn push(&mut self, from_client: bool, flags: u8, payload: &[u8]) {
        let (seq, ack) =
            if from_client { (self.client, self.server) } else { (self.server, self.client) };
        self.sent.push(Sent { from_client, seq, ack, flags, payload: payload.into() });
        let len = payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        let own = if from_client { &mut self.client } else { &mut self.server };
        *own = own.wrapping_add(len);
    }

    fn close(mut self) -> Vec<Sent> {
        self.push(true, FIN | ACK, &[]);
        self.push(false, FIN | ACK, &[]);
        self.push(true, ACK, &[]);
        self.sent
    }
}

/// xorshift64*: the same numbers on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % n
    }
}

fn random_talk(random: &mut Random) -> (Vec<Sent>, Vec<u8>, Vec<u8>) {
    let mut talk = Talk::open(random.below(1 << 32) as u32, u32::MAX - random.below(300) as u32);
    let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
    for _ in 0..random.below(20) + 1 {
        let from_client = random.below(2) == 0;
        let payload: Vec<u8> = (0..random.below(60) + 2).map(|_| random.below(256) as u8).collect();
        talk.push(from_client, ACK, &payload);
        if from_client { &mut to_server } else { &mut to_client }.extend(&payload);
    }
    // Both sides say what they have received.
    talk.push(true, ACK, &[]);
    talk.push(false, ACK, &[]);
    (talk.close(), to_server, to_client)
}

#[test]
fn disorder_and_copies_change_nothing() {
    for seed in 1..=2000 {
        let mut random = Random(seed);
        let (sent, to_server, to_client) = random_talk(&mut random);
        let mut keyed: Vec<(u64, Sent)> = Vec::new();
        for (i, sent) in sent.iter().enumerate() {
            // The handshake tells where the streams begin: it stays in front.
            let late = if i > 2 && random.below(3) == 0 { random.below(5) } else { 0 };
            keyed.push((i as u64 * 2 + late * 2 + late.min(1), sent.clone()));
            if random.below(5) == 0 {
                keyed.push((i as u64 * 2 + 3, sent.clone()));
            }
        }
        keyed.sort_by_key(|(at, _)| *at);
        let mangled: Vec<Sent> = keyed.into_iter().map(|(_, sent)| sent).collect();
        let writer = capture(&mangled);
        let told = &writer.told[0];
        let some = |bytes: &[u8]| bytes.iter().map(|b| Some(*b)).collect::<Vec<_>>();
        assert_eq!(told.to_server, some(&to_server), "seed {seed}");
        assert_eq!(told.to_client, some(&to_client), "seed {seed}");
        assert_eq!(told.ends, ["fin ToServer", "fin ToClient", "closed"], "seed {seed}");
        assert_eq!(writer.counts.gaps, 0, "seed {seed}");
        assert_eq!(writer.told.len(), 1, "seed {seed}");
    }
}

#[test]
fn what_was_not_captured_is_a_gap_of_its_length() {
    for seed in 1..=2000 {
        let mut random = Random(seed);
        let (sent, _, _) = random_talk(&mut random);
        let (first, last) = (&sent[..3], &sent[sent.len() - 5..]);
        let middle = &sent[3..sent.len() - 5];
        let mut captured = first.to_vec();
        let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
        for sent in middle {
            let lost = random.below(4) == 0;
            let stream = if sent.from_client { &mut to_server } else { &mut to_client };
            stream.extend(sent.payload.iter().map(|b| (!lost).then_some(*b)));
            if !lost {
                captured.push(sent.clone());
            }
        }
        captured.extend_from_slice(last);
        let writer = capture(&captured);
        let told = &writer.told[0];
        assert_eq!(told.to_server, to_server, "seed {seed}");
        assert_eq!(told.to_client, to_client, "seed {seed}");
        assert_eq!(told.ends, ["fin ToServer", "fin ToClient", "closed"], "seed {seed}");
    }
}

#[test]
fn overlapping_retransmissions_are_told_once() {
    let mut talk = Talk::open(1000, 5000);
    talk.push(true, ACK, b"abcdef");
    let mut sent = talk.sent.clone();
    sent.push(Sent { seq: 1004, payload: b"defghi".to_vec(), ..sent[3].clone() });
    sent.push(Sent { seq: 1001, payload: b"abcdefghijk".to_vec(), ..sent[3].clone() });
    let writer = capture(&sent);
    let told: Vec<u8> = writer.told[0].to_server.iter().flatten().copied().collect();
    assert_eq!(told, b"abcdefghijk");
    assert_eq!(writer.counts.retransmissions, 2);
}

#[test]
fn keep_alive_probes_say_nothing() {
    let mut talk = Talk::open(1000, 5000);
    talk.push(true, ACK, b"abc");
    talk.push(false, ACK, b"xyz");
    let probe = Sent { seq: talk.client - 1, payload: vec![0], ..talk.sent[3].clone() };
    let mut sent = talk.sent.clone();
    sent.extend([probe.clone(), Sent { payload: vec![], ..probe }]);
    talk.sent = sent;
    let writer = capture(&talk.close());
    assert_eq!(writer.told[0].to_server, b"abc".map(Some));
    assert_eq!((writer.counts.gaps, writer.counts.retransmissions), (0, 0));
    assert_eq!(writer.told[0].ends, ["fin ToServer", "fin ToClient", "closed"]);
}

#[test]
fn the_same_endpoints_can_speak_again() {
    let mut first = Talk::open(1000, 5000);
    first.push(true, ACK, b"one");
    let mut second = Talk::open(900_000, 7000);
    second.push(true, ACK, b"two");
    // The first one closes, or its end was not captured.
    for sent in
        [[first.sent.clone(), second.sent.clone()].concat(), [first.close(), second.sent].concat()]
    {
        let writer = capture(&sent);
        assert_eq!(writer.told.len(), 2);
        assert_eq!(writer.told[0].to_server, b"one".map(Some));
        assert_eq!(writer.told[1].to_server, b"two".map(Some));
    }
}

#[test]
fn data_in_the_syn_comes_first() {
    let mut talk = Talk { client: 1000, server: 5000, sent: Vec::new() };
    talk.sent.push(Sent {
        from_client: true,
        seq: 1000,
        ack: 0,
        flags: SYN,
        payload: b"GET".to_vec(),
    });
    talk.client = 1004;
    talk.push(false, SYN | ACK, &[]);
    talk.push(true, ACK, b" / ");
    let writer = capture(&talk.sent);
    assert_eq!(writer.told[0].to_server, b"GET / ".map(Some));
}

#[test]
fn half_closed_clients_are_heard() {
    let mut talk = Talk::open(1000, 5000);
    talk.push(true, ACK, b"request");
    talk.push(true, FIN | ACK, &[]);
    talk.push(false, ACK, &[]);
    talk.push(false, ACK, b"response");
    talk.push(true, ACK, &[]);
    talk.push(false, FIN | ACK, &[]);
    talk.push(true, ACK, &[]);
    let writer = capture(&talk.sent);
    assert_eq!(writer.told[0].ends, ["fin ToServer", "still reading", "fin ToClient", "closed"]);
}

#[test]
fn acknowledging_a_fin_is_not_reading() {
    let mut talk = Talk::open(1000, 5000);
    talk.push(true, ACK, b"request");
    talk.push(true, FIN | ACK, &[]);
    talk.push(false, FIN | ACK, &[]);
    talk.push(true, ACK, &[]);
    let writer = capture(&talk.sent);
    assert_eq!(writer.told[0].ends, ["fin ToServer", "fin ToClient", "closed"]);
}

#[test]
fn a_fin_that_was_not_captured_follows_from_its_acknowledgment() {
    let mut talk = Talk::open(1000, 5000);
    talk.push(true, ACK, b"request");
    talk.push(true, FIN | ACK, &[]);
    talk.sent.pop();
    talk.push(false, ACK, &[]);
    talk.push(false, ACK, b"late");
    talk.push(true, RST, &[]);
    let writer = capture(&talk.sent);
    assert_eq!(writer.told[0].ends, ["fin ToServer unseen", "reset ToServer"]);
    assert_eq!(writer.told[0].to_client, b"late".map(Some));
}

#[test]
fn refused_and_unanswered_connects() {
    let mut talk = Talk::open(1000, 5000);
    talk.sent.truncate(1);
    let again = talk.sent[0].clone();
    let refused = Sent { from_client: false, seq: 0, ack: 1001, flags: RST | ACK, ..again.clone() };
    let told = |sent: &[Sent]| capture(sent).told[0].ends.clone();
    assert_eq!(told(&[again.clone(), again.clone()]), ["ended Capture unanswered"]);
    assert_eq!(told(&[again.clone(), refused.clone()]), ["refused 1"]);
    assert_eq!(told(&[refused, again]), ["refused 1"], "captured in the wrong order");
}

#[test]
fn redirected_halves_are_one_connection() {
    let mut talk = Talk::open(1000, 5000);
    talk.push(true, ACK, b"GET / HTTP/1.1\r\n\r\n");
    talk.push(false, ACK, b"HTTP/1.1 504\r\n\r\n");
    let proxy = Endpoint::V4(0x7f00_0001_0000 | 15001);
    for from in 0..talk.sent.len() {
        let mut flows = Flows::<()>::new(Limits::default());
        let mut writer = Writer::default();
        for (i, sent) in talk.sent.iter().enumerate().skip(from) {
            let (src, dst) = if sent.from_client { (CLIENT, proxy) } else { (SERVER, CLIENT) };
            let mark = Mark { number: i as u64 + 1, time: Timestamp::default() };
            flows.push(&segment(mark, Addresses { src, dst }, sent), &mut writer);
        }
        flows.finish(&mut writer);
        // From the answer alone nobody can tell; with a packet of each half everybody can.
        let info = writer.infos[0];
        if from + 1 < talk.sent.len() {
            assert_eq!(writer.told.len(), 1, "from {from}");
            assert!(info.redirected, "from {from}");
            assert_eq!((info.client, info.server), (CLIENT, SERVER), "from {from}");
            assert!(writer.told[0].to_client.ends_with(&b"504\r\n\r\n".map(Some)));
        }
    }
}

#[test]
fn memory_is_bounded_by_the_limits() {
    let limits = Limits { connections: 100, ..Limits::default() };
    let mut flows = Flows::<()>::new(limits);
    let mut writer = Writer::default();
    let syn = Sent { from_client: true, seq: 1, ack: 0, flags: SYN, payload: Vec::new() };
    for i in 0..1000 {
        let mark = Mark { number: i + 1, time: Timestamp::default() };
        let src = Endpoint::V4(0x7f00_0006_0000 | (1024 + i));
        flows.push(&segment(mark, Addresses { src, dst: SERVER }, &syn), &mut writer);
    }
    assert_eq!(writer.counts.limit(crate::limits::Limit::Connections), 900);
    assert_eq!(writer.told.iter().filter(|t| t.ends == ["ended Evicted unanswered"]).count(), 900);
}
