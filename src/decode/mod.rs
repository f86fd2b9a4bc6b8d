//! Stage 2 of 7: packets in, TCP segments out.

mod skip;

pub use skip::Skip;
