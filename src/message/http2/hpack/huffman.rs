use std::sync::LazyLock;

use loona_hpack::huffman::HuffmanDecoder;

use super::Broken;

/// The code of RFC 7541 appendix B.
pub(super) static HUFFMAN: LazyLock<Huffman> = LazyLock::new(|| Huffman::new(&codes()));

/// The code of a symbol: its bits, right-aligned, and how many they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Code {
    pub(super) symbol: u8,
    pub(super) bits: u32,
    pub(super) len: u32,
}

/// All codes but that of the end of a string, which no string may hold; ascending.
pub(super) fn codes() -> Vec<Code> {
    let mut decoder = HuffmanDecoder::new();
    let (mut codes, mut bits, mut len) = (Vec::with_capacity(256), 0, 1);
    // A canonical code: those of one length follow each other, and then the longer ones.
    while codes.len() < 256 && len < 32 {
        match symbol(&mut decoder, bits, len) {
            Some(symbol) => {
                codes.push(Code { symbol, bits, len });
                bits += 1;
            }
            None => (bits, len) = (bits << 1, len + 1),
        }
    }
    codes
}

/// The symbol whose code this is. Eight times a code are whole bytes without padding, and what they
/// say is eight times one symbol only if it is a code.
fn symbol(decoder: &mut HuffmanDecoder, bits: u32, len: u32) -> Option<u8> {
    let mut eight = Vec::with_capacity(len as usize);
    let (mut held, mut waiting) = (0_u64, 0);
    for _ in 0..8 {
        (held, waiting) = (held << len | u64::from(bits), waiting + len);
        while waiting >= 8 {
            waiting -= 8;
            eight.push((held >> waiting) as u8);
        }
    }
    match decoder.decode(&eight).ok()?[..] {
        [symbol, ref others @ ..] if others == [symbol; 7] => Some(symbol),
        _ => None,
    }
}

/// A walk through the tree of codes, a byte a step.
#[derive(Debug)]
pub(super) struct Huffman {
    steps: Vec<[Step; 256]>,
    /// Whether a string may end at the node: less than a byte of ones into a code.
    ends: Vec<bool>,
}

/// Where a byte leads. No code is shorter than five bits: it ends two at most.
#[derive(Clone, Copy, Debug, Default)]
struct Step {
    node: u16,
    /// The symbols whose codes it ends.
    symbols: [u8; 2],
    /// How many they are.
    count: u8,
}

/// The node that no string comes to, nor leaves.
const NOWHERE: u16 = 0;
const ROOT: u16 = 1;

impl Huffman {
    fn new(codes: &[Code]) -> Self {
        let mut tree = vec![[None; 2], [Some(Branch::Node(ROOT)); 2]];
        tree[usize::from(ROOT)] = [None; 2];
        for code in codes {
            let mut node = ROOT;
            for shift in (0..code.len).rev() {
                let bit = (code.bits >> shift & 1) as usize;
                if shift == 0 {
                    tree[usize::from(node)][bit] = Some(Branch::Symbol(code.symbol));
                    break;
                }
                let new = tree.len() as u16;
                node = match tree[usize::from(node)][bit] {
                    Some(Branch::Node(node)) => node,
                    _ => {
                        tree[usize::from(node)][bit] = Some(Branch::Node(new));
                        tree.push([None; 2]);
                        new
                    }
                };
            }
        }
        let steps =
            (0..tree.len() as u16).map(|node| std::array::from_fn(|byte| step(&tree, node, byte)));
        let mut ends = vec![false; tree.len()];
        let mut node = ROOT;
        for _ in 0..8 {
            ends[usize::from(node)] = true;
            match tree[usize::from(node)][1] {
                Some(Branch::Node(next)) => node = next,
                _ => break,
            }
        }
        Self { steps: steps.collect(), ends }
    }

    /// Decodes a string to the front of `room`, which grows as needed.
    pub(super) fn decode<'a>(
        &self,
        bytes: &[u8],
        room: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], Broken> {
        // Two symbols are written each time; what is none is written over by the next one.
        let most = bytes.len() * 2 + 2;
        if room.len() < most {
            room.resize(most, 0);
        }
        let (mut node, mut end) = (ROOT, 0);
        for &byte in bytes {
            let step = self.steps[usize::from(node)][usize::from(byte)];
            room[end..end + 2].copy_from_slice(&step.symbols);
            end += usize::from(step.count);
            node = step.node;
        }
        if self.ends[usize::from(node)] { Ok(&room[..end]) } else { Err(Broken) }
    }
}

#[derive(Clone, Copy, Debug)]
enum Branch {
    Node(u16),
    Symbol(u8),
}

fn step(tree: &[[Option<Branch>; 2]], node: u16, byte: usize) -> Step {
    let mut step = Step { node, ..Step::default() };
    for shift in (0..8).rev() {
        step.node = match tree[usize::from(step.node)][byte >> shift & 1] {
            Some(Branch::Node(next)) => next,
            Some(Branch::Symbol(symbol)) => {
                step.symbols[usize::from(step.count)] = symbol;
                step.count += 1;
                ROOT
            }
            None => NOWHERE,
        };
    }
    step
}
