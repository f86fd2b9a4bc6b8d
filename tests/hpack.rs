//! HPACK against what others have encoded: every block says what its story says, whoever joins later
//! is right or does not know, and blocks that were tampered with do no harm.

use std::fs;
use std::path::Path;

use meshsniff::message::{Broken, Field, Hpack};
use serde_json::Value;

type Text = Vec<u8>;

/// The blocks of one direction of one connection.
struct Story {
    name: String,
    blocks: Vec<Block>,
}

/// A header block and its fields.
struct Block {
    wire: Vec<u8>,
    fields: Vec<(Text, Text)>,
}

fn stories() -> Vec<Story> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/hpack");
    let mut paths: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "zst"));
    paths.sort();
    paths.iter().map(|path| story(path)).collect()
}

fn story(path: &Path) -> Story {
    let json = zstd::decode_all(fs::File::open(path).unwrap()).unwrap();
    let story: Value = serde_json::from_slice(&json).unwrap();
    let block = |case: &Value| {
        let fields = case["headers"].as_array().unwrap().iter();
        let fields = fields.flat_map(|field| field.as_object().unwrap());
        let fields = fields.map(|(name, value)| (name.as_bytes().into(), text(value).into()));
        Block { wire: bytes(text(&case["wire"])), fields: fields.collect() }
    };
    Story {
        name: path.file_name().unwrap().to_string_lossy().into(),
        blocks: story["cases"].as_array().unwrap().iter().map(block).collect(),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

type Said = Vec<(Option<Text>, Option<Text>)>;

fn decode(hpack: &mut Hpack, block: &[u8]) -> Result<Said, Broken> {
    let mut said = Vec::new();
    let owned = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
    hpack.decode(block, |Field { name, value }| said.push((owned(name), owned(value))))?;
    Ok(said)
}

#[test]
fn every_block_of_every_story_says_what_was_told() {
    let stories = stories();
    for Story { name, blocks } in &stories {
        let mut hpack = Hpack::new();
        for (number, block) in blocks.iter().enumerate() {
            let truth = block.fields.iter().cloned().map(|(name, value)| (Some(name), Some(value)));
            let said = decode(&mut hpack, &block.wire);
            assert_eq!(said, Ok(truth.collect()), "{name}, block {number}");
        }
    }
    assert_eq!(stories.iter().map(|story| story.blocks.len()).sum::<usize>(), 2239);
}

#[test]
fn who_joins_later_is_right_or_does_not_know_and_soon_knows() {
    // Fields, and how many of them are known, by the number of blocks read before.
    let mut counts = [(0_u32, 0_u32); 30];
    for Story { name, blocks } in stories() {
        for joined in (1..blocks.len()).step_by(5) {
            let mut hpack = Hpack::unknown();
            for (block, count) in blocks[joined..].iter().zip(&mut counts) {
                let said = decode(&mut hpack, &block.wire).expect("it is not broken");
                assert_eq!(said.len(), block.fields.len(), "{name}");
                for (said, truth) in said.into_iter().zip(&block.fields) {
                    count.0 += 1;
                    count.1 += u32::from(said.0.is_some() && said.1.is_some());
                    assert!(said.0.is_none_or(|name| name == truth.0), "{name}: {truth:?}");
                    assert!(said.1.is_none_or(|value| value == truth.1), "{name}: {truth:?}");
                }
            }
        }
    }
    let known = counts.map(|(all, known)| known * 100 / all);
    assert!(known[0] > 45 && known[10] > 75 && known[29] > 90, "{known:?}");
}

const TAMPERED: usize = 1_000_000;

#[test]
fn blocks_that_were_tampered_with_do_no_harm() {
    let blocks: Vec<_> = stories().into_iter().flat_map(|story| story.blocks).collect();
    let mut random = Random(1);
    let mut hpack = Hpack::new();
    let (mut whole, mut broken, mut most) = (0, 0, 0);
    for number in 0..TAMPERED {
        if number % 100 == 0 {
            hpack = if number % 200 == 0 { Hpack::new() } else { Hpack::unknown() };
        }
        let mut block = blocks[random.below(blocks.len())].wire.clone();
        for _ in 0..1 + random.below(3) {
            tamper(&mut block, &blocks[random.below(blocks.len())].wire, &mut random);
        }
        let mut said = 0;
        let read = hpack.decode(&block, |Field { name, value }| {
            said += name.map_or(0, <[u8]>::len) + value.map_or(0, <[u8]>::len) + 32;
        });
        *if read.is_ok() { &mut whole } else { &mut broken } += 1;
        assert!(said <= 256 << 10, "{said} bytes of a head");
        most = most.max(hpack.kept());
    }
    assert!(most < 512 << 10, "{most} bytes of memory");
    assert!(whole > TAMPERED / 10 && broken > TAMPERED / 10, "{whole} whole, {broken} broken");
}

fn tamper(block: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let at = random.below(block.len() + 1);
    match random.below(5) {
        0 if at < block.len() => block[at] ^= 1 << random.below(8),
        0 | 1 => block.truncate(at),
        2 => {
            block.splice(at..at, other[random.below(other.len())..].iter().copied()).for_each(drop)
        }
        3 => block.insert(at, random.below(256) as u8),
        _ => {
            // A size, an index, a length that goes on.
            let first = [0x3f, 0x7f, 0xff, 0x1f, 0x0f][random.below(5)];
            let more = [first, 0x80 | random.below(128) as u8, random.below(128) as u8];
            block.splice(at..at, more).for_each(drop);
        }
    }
}

/// Numbers that are the same in every run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % bound
    }
}
