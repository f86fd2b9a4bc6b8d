use std::collections::VecDeque;

use loona_hpack::encoder::encode_integer_into;
use loona_hpack::huffman::HuffmanDecoder;

use super::fixed::FIXED;
use super::huffman::{Code, HUFFMAN, codes};
use super::{Broken, Field, Hpack};

type Text = Vec<u8>;

/// Numbers that are the same in every run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % bound
    }

    fn one<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// The other end, written the stupid way: it uses all that RFC 7541 allows, by chance.
struct Encoder<'a> {
    random: Random,
    /// By their symbols.
    codes: &'a [Code],
    /// The newest entry first.
    table: VecDeque<(Text, Text)>,
    max: usize,
    /// The largest table that it may use.
    allowed: usize,
}

impl<'a> Encoder<'a> {
    fn new(seed: u64, codes: &'a [Code]) -> Self {
        let mut random = Random(seed);
        let allowed = random.one(&[0, 200, 4096, 4096, 4096, 16_384, 65_536]);
        let table = VecDeque::new();
        Self { random, codes, table, max: 4096, allowed }
    }

    /// A block, and what it says.
    fn block(&mut self) -> (Vec<u8>, Vec<(Text, Text)>) {
        let (mut block, mut fields) = (Vec::new(), Vec::new());
        if self.max > self.allowed || self.random.below(20) == 0 {
            for _ in 0..=self.random.below(2) {
                self.max = self.random.one(&[0, 60, 500, 4096, 65_536, 65_536]).min(self.allowed);
                encode_integer_into(self.max, 5, 0x20, &mut block).unwrap();
                self.drop_to(self.max);
            }
        }
        for _ in 0..self.random.below(10) {
            let field = (self.name(), self.value());
            self.field(&field, &mut block);
            fields.push(field);
        }
        (block, fields)
    }

    fn name(&mut self) -> Text {
        let names: [&[u8]; 9] =
            [b":path", b":status", b"te", b"x", b"", b"date", b"grpc-timeout", b"cookie", b"x-y"];
        match self.random.below(20) {
            0 => format!("x-{}", self.random.below(1000)).into(),
            1 => vec![b'n'; self.random.below(300)],
            _ => self.random.one(&names).into(),
        }
    }

    fn value(&mut self) -> Text {
        match self.random.below(400) {
            0 => vec![self.random.below(256) as u8; self.random.below(9000)],
            1..100 => format!("{}", self.random.below(1_000_000)).into(),
            _ => self.random.one(&[&b"/"[..], b"200", b"trailers", b"1S", b""]).into(),
        }
    }

    fn field(&mut self, field: &(Text, Text), block: &mut Vec<u8>) {
        let (mut whole, mut named) = (Vec::new(), vec![0]);
        for (place, entry) in FIXED.iter().chain(&self.table).enumerate() {
            if entry == field {
                whole.push(place + 1);
            }
            if entry.0 == field.0 {
                named.push(place + 1);
            }
        }
        if !whole.is_empty() && self.random.below(10) > 0 {
            return encode_integer_into(self.random.one(&whole), 7, 0x80, block).unwrap();
        }
        let index = self.random.one(&named);
        let (prefix, bits) = self.random.one(&[(6, 0x40), (6, 0x40), (4, 0), (4, 0x10)]);
        encode_integer_into(index, prefix, bits, block).unwrap();
        if index == 0 {
            self.string(&field.0, block);
        }
        self.string(&field.1, block);
        if bits == 0x40 {
            let size = field.0.len() + field.1.len() + 32;
            self.drop_to(self.max.saturating_sub(size));
            if size <= self.max {
                self.table.push_front(field.clone());
            }
        }
    }

    fn string(&mut self, text: &[u8], block: &mut Vec<u8>) {
        if self.random.below(2) == 0 {
            encode_integer_into(text.len(), 7, 0, block).unwrap();
            return block.extend(text);
        }
        let mut bits = String::new();
        for symbol in text {
            let code = self.codes[usize::from(*symbol)];
            bits.push_str(&format!("{:0len$b}", code.bits, len = code.len as usize));
        }
        while !bits.len().is_multiple_of(8) {
            bits.push('1');
        }
        encode_integer_into(bits.len() / 8, 7, 0x80, block).unwrap();
        block.extend(
            bits.as_bytes()
                .chunks(8)
                .map(|byte| byte.iter().fold(0, |byte, bit| byte << 1 | (bit - b'0'))),
        );
    }

    fn drop_to(&mut self, size: usize) {
        let len = |entry: &(Text, Text)| entry.0.len() + entry.1.len() + 32;
        while self.table.iter().map(len).sum::<usize>() > size {
            self.table.pop_back();
        }
    }
}

fn codes_by_symbol() -> Vec<Code> {
    let mut codes = codes();
    codes.sort_by_key(|code| code.symbol);
    codes
}

type Said = Vec<(Option<Text>, Option<Text>)>;

fn decode(hpack: &mut Hpack, block: &[u8]) -> Result<Said, Broken> {
    let mut said = Vec::new();
    let owned = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
    hpack.decode(block, |Field { name, value }| said.push((owned(name), owned(value))))?;
    Ok(said)
}

fn text(text: &str) -> Option<Text> {
    Some(text.into())
}

#[test]
fn from_the_beginning_all_is_known() {
    let codes = codes_by_symbol();
    for seed in 1..200 {
        let mut encoder = Encoder::new(seed, &codes);
        let mut hpack = Hpack::new();
        for _ in 0..40 {
            let (block, fields) = encoder.block();
            let all: Said =
                fields.into_iter().map(|(name, value)| (Some(name), Some(value))).collect();
            assert_eq!(decode(&mut hpack, &block), Ok(all), "seed {seed}");
        }
    }
}

#[test]
fn values_that_are_not_wanted_change_nothing_else() {
    let codes = codes_by_symbol();
    let wanted = |name: &[u8]| name.len().is_multiple_of(2);
    let mut empty = 0;
    for seed in 1..200 {
        let mut encoder = Encoder::new(seed, &codes);
        let mut hpack = Hpack::new();
        for _ in 0..40 {
            let (block, mut fields) = encoder.block();
            fields.reverse();
            let read = hpack.decode_wanted(&block, wanted, |said| {
                let (name, value) = fields.pop().expect("no more are said");
                assert_eq!(said.name, Some(&name[..]), "seed {seed}");
                if wanted(&name) || said.value != Some(b"") {
                    assert_eq!(said.value, Some(&value[..]), "seed {seed}");
                } else {
                    empty += usize::from(!value.is_empty());
                }
            });
            assert_eq!((read, fields.len()), (Ok(()), 0), "seed {seed}");
        }
    }
    assert!(empty > 5000, "{empty} values");
}

#[test]
fn in_the_middle_what_is_said_is_right_or_unknown() {
    let codes = codes_by_symbol();
    let (mut all, mut known) = (0, 0);
    for seed in 1..1000 {
        let mut encoder = Encoder::new(seed, &codes);
        for _ in 0..encoder.random.below(60) {
            encoder.block();
        }
        let mut hpack = Hpack::unknown();
        for _ in 0..20 {
            let (block, fields) = encoder.block();
            if encoder.random.below(20) == 0 {
                hpack.lost();
                continue;
            }
            let said = decode(&mut hpack, &block).expect("it is never broken");
            assert_eq!(said.len(), fields.len());
            for ((name, value), truth) in said.into_iter().zip(fields) {
                all += 2;
                known += usize::from(name.is_some()) + usize::from(value.is_some());
                assert!(name.is_none_or(|name| name == truth.0), "seed {seed}");
                assert!(value.is_none_or(|value| value == truth.1), "seed {seed}");
            }
        }
    }
    assert!(known < all && known > all * 8 / 10, "{known} of {all} are known");
}

#[test]
fn a_field_that_was_told_before_has_its_place() {
    let mut hpack = Hpack::unknown();
    // x: 1 goes to the front of what is not known; then that, and what is behind it.
    let said = decode(&mut hpack, b"\x40\x01x\x011\xbe\xbf\x82");
    let one = (text("x"), text("1"));
    let unknown = (None, None);
    assert_eq!(said, Ok(vec![one.clone(), one.clone(), unknown, (text(":method"), text("GET"))]));
    // A value told under a name that is behind it, told for later: then the others are one further.
    let said = decode(&mut hpack, b"\x7f\x00\x012\xbe\xbf\xc0");
    let two = (None, text("2"));
    assert_eq!(said, Ok(vec![two.clone(), two, one, (None, None)]));
}

#[test]
fn after_a_lost_block_nothing_has_its_place() {
    let mut hpack = Hpack::new();
    decode(&mut hpack, b"\x40\x01x\x011").unwrap();
    assert_eq!(decode(&mut hpack, b"\xbe"), Ok(vec![(text("x"), text("1"))]));
    hpack.lost();
    assert_eq!(decode(&mut hpack, b"\xbe"), Ok(vec![(None, None)]));
}

#[test]
fn what_is_not_hpack_is_broken_and_what_follows_unknown() {
    let cases: [(&[u8], &str); 9] = [
        (b"\x80", "index 0"),
        (b"\xbf", "an index that nothing was told of"),
        (b"\xff\x80\x80\x80\x80\x01", "a number of six bytes"),
        (b"\xff\x80", "a number that is cut"),
        (b"\x00\x05abc", "a string that is cut"),
        (b"\x00\x01x", "no value"),
        (b"\x00\x01x\x81\xff\xff\xff\xff\xff", "more behind it"),
        (b"\x00\x01x\x84\xff\xff\xff\xff", "the end of a string within it"),
        (b"\x00\x01x\x81\x18", "zeros as padding"),
    ];
    for (block, why) in cases {
        let mut hpack = Hpack::new();
        decode(&mut hpack, b"\x40\x01x\x011").unwrap();
        assert_eq!(decode(&mut hpack, block), Err(Broken), "{why}");
        assert_eq!(decode(&mut hpack, b"\xbe"), Ok(vec![(None, None)]), "{why}");
    }
}

#[test]
fn an_entry_larger_than_the_table_empties_it() {
    let mut hpack = Hpack::new();
    decode(&mut hpack, b"\x40\x01x\x011\x3f\x02").unwrap();
    assert!(decode(&mut hpack, b"\xbe").is_err(), "33 bytes are too few for it");
}

#[test]
fn a_block_that_says_a_large_field_time_and_again_is_broken() {
    let mut hpack = Hpack::new();
    let mut bomb = b"\x40\x01x".to_vec();
    encode_integer_into(4000, 7, 0, &mut bomb).unwrap();
    bomb.resize(bomb.len() + 4000, b'b');
    bomb.resize(bomb.len() + 60_000, 0xbe);
    let mut said = 0;
    let read = hpack.decode(&bomb, |field| said += field.value.unwrap().len());
    assert_eq!(read, Err(Broken));
    assert!((200_000..=256 << 10).contains(&said), "{said}");
}

#[test]
fn a_table_of_gigabytes_is_not_kept() {
    let mut hpack = Hpack::new();
    // 128 MiB.
    decode(&mut hpack, b"\x3f\xe1\xff\xff\x3f").unwrap();
    for number in 0..100_000 {
        let block = format!("\x40\x05{number:05}\x00");
        decode(&mut hpack, block.as_bytes()).unwrap();
    }
    assert_eq!(decode(&mut hpack, b"\xbe"), Ok(vec![(text("99999"), text(""))]));
    // What it no longer holds is there, but not known.
    assert_eq!(decode(&mut hpack, b"\xff\xff\x7f"), Ok(vec![(None, None)]));
    assert!(hpack.kept() < 256 << 10, "{}", hpack.kept());
}

#[test]
fn the_codes_are_all_and_ascend_to_the_end_of_a_string() {
    let codes = codes();
    let mut symbols: Vec<_> = codes.iter().map(|code| code.symbol).collect();
    symbols.sort_unstable();
    assert_eq!(symbols, (0..=255).collect::<Vec<_>>());
    assert_eq!(codes.first(), Some(&Code { symbol: b'0', bits: 0, len: 5 }));
    assert_eq!(codes.last(), Some(&Code { symbol: 22, bits: (1 << 30) - 2, len: 30 }));
    assert_eq!(FIXED.len(), 61);
    assert_eq!(FIXED[60], (b"www-authenticate".to_vec(), Vec::new()));
}

#[test]
fn huffman_as_loona_reads_it() {
    let mut random = Random(7);
    let mut loona = HuffmanDecoder::new();
    let (mut right, mut wrong) = (0, 0);
    for _ in 0..20_000 {
        // Many ones: long codes, padding, the end of a string.
        let ones = random.one(&[0, 0x81, 0xff]);
        let string: Text = (0..random.below(9)).map(|_| random.below(256) as u8 | ones).collect();
        let mut room = Vec::new();
        let ours = HUFFMAN.decode(&string, &mut room).ok().map(<[u8]>::to_vec);
        *if ours.is_some() { &mut right } else { &mut wrong } += 1;
        assert_eq!(ours, loona.decode(&string).ok(), "{string:x?}");
    }
    assert!(right > 2000 && wrong > 2000, "{right} {wrong}");
}
