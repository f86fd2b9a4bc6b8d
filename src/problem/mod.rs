//! Stage 6 of 7: exchanges in, findings out.
//!
//! In:  [`Exchange`](crate::pairing::Exchange), when it has ended.
//! Out: [`Findings`], the codes of what is worth saying about it.

mod finding;

pub use finding::{Code, Findings, Severity};
