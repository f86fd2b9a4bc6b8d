//! Stage 6 of 7: exchanges in, findings out.
//!
//! In:  [`Exchange`](crate::pairing::Exchange), when it has ended.
//! Out: [`Findings`], the codes of what is worth saying about it, and the words for them.
//!
//! One file a finding, named after its code. To add one: its file, its line in [`DETECTORS`], its
//! text in `docs/findings/`, a capture that shows it.

mod capture_lossy;
mod client_closed_first;
mod client_reset;
mod client_reset_stream;
mod connect_refused;
mod connect_timeout;
mod detector;
mod envoy;
mod finding;
mod flow_control_stall;
mod grpc_deadline_exceeded;
mod grpc_error;
mod inferred_timeout;
mod no_response;
mod proxy_answered;
#[cfg(test)]
pub(crate) mod samples;
mod server_closed_first;
mod server_error;
mod server_reset_stream;
mod slow_response;
mod stream_refused;
mod truncated;
mod words;

pub use capture_lossy::{Loss, loss};
pub use detector::{Context, DETECTORS, Detector, detect};
pub use envoy::{EnvoyFlags, envoy_flags};
pub use finding::{Code, Findings, Severity};
pub use inferred_timeout::{InferredTimeout, infer_timeout};
pub use words::Span;
