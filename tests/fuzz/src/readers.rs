use std::io::{Cursor, Read};

use meshsniff::capture::{Item, LinkType, Mark, Packet, Reader, Timestamp, Writer};
use meshsniff::decode::{Segment, decode as read_headers};
use meshsniff::report::annotate::{self, Annotations, Options};
use meshsniff::report::{Ended, LeftOut, Lines, Numbers, Palette, Summary, write_exchange};
use meshsniff::{Analysis, Settings};

use super::cursor;
use super::laws::Pushed;

/// More items than this of one input tell nothing new.
const ITEMS: usize = 20_000;

/// Any bytes are a capture or an error that says why not, however they arrive, and what was read
/// is written and read again without a change.
pub fn capture_reader(input: &[u8]) {
    let whole = items(input);
    let drops = items(Drops(input));
    if [&whole, &drops].into_iter().any(|read| kind(read).starts_with("the capture cannot be")) {
        // How much is got out of damaged compression depends on the size of the reads.
        let same = whole.0.len().min(drops.0.len());
        assert_eq!(whole.0[..same], drops.0[..same], "what both have is the same");
    } else {
        assert_eq!((&whole.0, whole.1), (&drops.0, drops.1), "the same bytes in small pieces");
        assert_eq!(kind(&whole), kind(&drops), "the same end");
    }
    if let Some(written) = copy(input) {
        let (read, ..) = items(&*written);
        let (given, ..) = &whole;
        assert_eq!(read.len(), given.len(), "a copy has every packet");
        for (copied, packet) in read.iter().zip(given) {
            assert_eq!(copied, packet, "a copy is the same");
        }
    }
}

/// A packet and its comments, kept.
#[derive(Debug, PartialEq)]
struct Kept {
    mark: Mark,
    interface: u32,
    link: LinkType,
    original_len: u32,
    bytes: Vec<u8>,
    comments: Vec<String>,
}

/// The packets of a capture, how many other items it has, and its error.
fn items(read: impl Read) -> (Vec<Kept>, usize, Option<String>) {
    let mut reader = Reader::new(read);
    let (mut packets, mut others, mut interfaces) = (Vec::new(), 0, 0);
    while packets.len() + others < ITEMS {
        match reader.next() {
            Ok(Some(Item::Packet(packet, comments))) => {
                assert!(packet.interface < interfaces, "an interface that was described");
                packets.push(Kept {
                    mark: packet.mark,
                    interface: packet.interface,
                    link: packet.link,
                    original_len: packet.original_len,
                    bytes: packet.bytes.into(),
                    comments: comments.map(Into::into).collect(),
                });
                assert_eq!(packet.mark.number, packets.len() as u64);
            }
            Ok(Some(item)) => {
                if let Item::Interface(interface) = item {
                    assert_eq!(interface.index, interfaces, "interfaces count from 0");
                    interfaces += 1;
                }
                others += 1;
            }
            Ok(None) => return (packets, others, over(reader, None)),
            Err(error) => {
                assert!(!error.is_pause(), "memory does not pause");
                return (packets, others, over(reader, Some(error.to_string())));
            }
        }
    }
    (packets, others, None)
}

/// The first words of the error: what a file is that is no capture is guessed from what is there.
fn kind((_, _, error): &(Vec<Kept>, usize, Option<String>)) -> &str {
    error.as_ref().map_or("", |error| &error[..error.len().min(24)])
}

/// A capture that has ended stays so.
fn over(mut reader: Reader<impl Read>, error: Option<String>) -> Option<String> {
    assert!(matches!(reader.next(), Ok(None)));
    error
}

/// The capture written as pcapng; `None` if it has what the format cannot hold.
fn copy(input: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader::new(input);
    let mut writer = Writer::new(Vec::new(), &Default::default()).expect("into memory");
    let mut count = 0;
    while let Ok(Some(item)) = reader.next() {
        count += 1;
        if count > ITEMS {
            return None;
        }
        match item {
            Item::Packet(packet, comments) => {
                let comments: Vec<_> = comments.collect();
                if packet.mark.time < Timestamp::from_nanos(0)
                    || comments.iter().any(|text| text.len() > 65_535)
                {
                    return None;
                }
                let comments: Vec<&str> = comments.iter().map(|text| &**text).collect();
                // A comment's closing NUL is not part of it.
                if comments.iter().any(|text| text.ends_with('\0')) {
                    return None;
                }
                writer.packet(&packet, &comments).expect("a packet that was read can be written");
            }
            Item::Interface(interface) => {
                if matches!(interface.link, LinkType::Other(number) if number > 0xffff) {
                    return None;
                }
                writer.interface(interface).expect("an interface can be written");
            }
            Item::Statistics(statistics) => {
                writer.statistics(statistics).expect("statistics can be written");
            }
            _ => {}
        }
    }
    Some(writer.into_inner().expect("into memory"))
}

/// Gives a few bytes at a time, as pipes do.
struct Drops<'a>(&'a [u8]);

impl Read for Drops<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let len = (self.0.len() % 7 + 1).min(buffer.len());
        self.0.read(&mut buffer[..len])
    }
}

/// Any bytes of any link type are a segment within them, or a reason.
pub fn decode(input: &[u8]) {
    let mut cursor = cursor::Cursor::new(input);
    let link = LinkType::from_number(match cursor.u8() {
        20 => 276,
        byte => cursor::Cursor::new(&[byte]).one(&[1, 1, 1, 0, 101, 108, 113, 228, 229, 276, 147]),
    });
    let more = cursor.u16();
    let bytes = cursor.rest();
    let original_len = bytes.len() as u32 + u32::from(more);
    let mark = Mark { number: 1, time: Timestamp::from_nanos(1) };
    let packet = Packet { mark, interface: 0, link, original_len, bytes };
    if let Ok(segment) = read_headers(&packet) {
        inside(&segment, &packet);
    }
    assert_eq!(LinkType::from_number(link.number()), link);
}

fn inside(segment: &Segment<'_>, packet: &Packet<'_>) {
    let (payload, frame) = (segment.payload.as_ptr_range(), packet.bytes.as_ptr_range());
    let empty = segment.payload.is_empty();
    assert!(empty || frame.start <= payload.start && payload.end <= frame.end);
    assert!(segment.payload.len() as u64 <= u64::from(segment.payload_len), "{segment:?}");
    assert_eq!(segment.mark, packet.mark);
}

/// Any capture goes the whole road: exchanges whose marks are packets of it, and a report.
pub fn analysis_pcap(input: &[u8]) {
    let mut reader = Reader::new(Cursor::new(input));
    let settings = Settings { live: input.len().is_multiple_of(2), ..Settings::default() };
    let mut analysis = Analysis::new(settings.clone());
    let mut pushed = Pushed::default();
    let mut summary = Summary::new();
    let mut annotations = Annotations::default();
    let lines = Lines::new(Palette::Plain);
    let mut out = Vec::new();
    let mut each = |exchange: &_| {
        out.clear();
        write_exchange(&mut out, exchange, Numbers::Told, None);
        serde_json::from_slice::<serde_json::Value>(&out).expect("JSON");
        out.clear();
        lines.exchange(&mut out, exchange);
        summary.add(exchange);
        annotations.add(exchange);
    };
    while let Ok(Some(item)) = reader.next() {
        if let Item::Packet(packet, _) = item {
            if pushed.number() as usize >= ITEMS {
                return;
            }
            pushed.packet(packet.mark, packet.original_len, packet.bytes.len());
            analysis.push(&packet);
            pushed.judge(&mut analysis, &mut each);
        }
    }
    analysis.finish();
    pushed.judge(&mut analysis, &mut each);
    assert!(analysis.poll().is_none());
    let counts = analysis.counts();
    let ended = Ended {
        counts,
        dropped: None,
        left_out: LeftOut::default(),
        written: Some("evidence"),
        origins: None,
    };
    let mut out = Vec::new();
    summary.write_json(&mut out, &ended);
    serde_json::from_slice::<serde_json::Value>(&out).expect("JSON");
    summary.write_text(&mut out, &ended, Palette::Plain);
    let only_flagged = (input.len() / 2).is_multiple_of(2);
    let options =
        Options { only_flagged, no_bodies: (input.len() / 4).is_multiple_of(2), settings };
    second_pass(input, annotations, &options, pushed.number());
}

/// The capture with its comments is a capture with the same packets, or those of the flagged
/// connections.
fn second_pass(input: &[u8], annotations: Annotations, options: &Options, packets: u64) {
    let mut evidence = Vec::new();
    let written = annotate::write(&mut Reader::new(input), annotations, options, &mut evidence);
    // Damaged compression is an error here as it was in the first pass.
    let Ok(written) = written else { return };
    assert!(written == packets || options.only_flagged && written < packets);
    let mut reader = Reader::new(&*evidence);
    while let Some(_item) = reader.next().expect("what was written is whole") {}
    assert_eq!(reader.packets(), written);
}
