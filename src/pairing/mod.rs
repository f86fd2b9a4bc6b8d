//! Stage 5 of 7: messages and what became of the connection in, exchanges out.

mod exchange;
mod outcome;

pub use exchange::{Exchange, Late, Protocol, ProxyAnswer, Request, Response, Side};
pub use outcome::Outcome;
