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
mod idle_timeout;
mod inferred_timeout;
mod max_connection_age;
mod no_response;
mod ports;
mod proxy_answered;
#[cfg(test)]
pub(crate) mod samples;
mod server_closed_first;
mod server_error;
mod server_reset_stream;
mod server_unavailable;
mod slow_connect;
mod slow_response;
mod stream_refused;
mod tls_and_plaintext;
mod tls_certificate_expired;
mod tls_certificate_rejected;
mod tls_client_certificate;
mod tls_handshake_failed;
mod tls_left_silently;
mod truncated;
mod websocket_aborted;
mod websocket_error;
mod websocket_refused;
mod websocket_words;
mod words;

pub use capture_lossy::{Loss, loss};
pub use detector::{Context, DETECTORS, Detector, detect};
pub use envoy::{EnvoyFlags, envoy_flags};
pub use finding::{Code, Findings, Severity};
pub use idle_timeout::infer_idle_timeout;
pub use inferred_timeout::{InferredTimeout, infer_timeout};
pub use max_connection_age::{Closed, Heap, infer_max_age};
pub use ports::{Port, known_port};
pub use server_unavailable::{Attempt, Fate, Outage, outages};
pub(crate) use websocket_words::websocket_end;
pub use words::Span;
