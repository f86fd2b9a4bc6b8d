//! Which pod is slow: exchanges of several pods in, one verdict out.
//!
//! Beside the road of a packet, for captures of several pods that do the same work.
//!
//! ```text
//! Samples ─► usual time and limit of a route ─► Table of cells ─► compare ─► find ─► Case ─► Verdict
//! ```
//!
//! 1. Every route has a usual time: the median on its quarter-fastest pod.
//! 2. A request is slow if it took over twice the usual time, over five times, or reached the limit
//!    at which clients of that route give up: three [`Test`]s.
//! 3. Each pod's slow requests are compared with what it would have if the slow ones of the same
//!    route and the same seconds were dealt to the pods at random: a Cochran-Mantel-Haenszel
//!    comparison (risk difference) with a Rao-Scott design effect and a Chernoff tail.
//! 4. A pod is named if the surplus is large, spread over several seconds, and too unlikely for
//!    chance over all pods and tests.
//! 5. Named pods are left out and one looks again. Each route is also tested alone.
//! 6. A pod that answers nothing while its siblings do is named without that.

mod alike;
mod attributes;
mod case;
mod compare;
mod enough;
mod evidence;
mod figures;
mod find;
mod notes;
mod own;
mod sample;
mod samples;
mod silent;
mod table;
mod tail;
mod test;
mod usual;
mod verdict;

pub use evidence::{Evidence, Medians};
pub use figures::{Figures, Wait};
pub use sample::Took;
pub use samples::Samples;
pub use test::Test;
pub use verdict::{Answer, Question, Verdict};
