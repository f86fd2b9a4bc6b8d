//! The sets of labels. Names and values are Istio's where Istio has them.

use std::fmt::{Error, Write as _};
use std::sync::Arc;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};

/// What was asked, of which pod. A pod that is not known is empty, which is to Prometheus as if
/// there were no label.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Of {
    pub(super) namespace: Arc<str>,
    pub(super) pod: Arc<str>,
    pub(super) route: Arc<str>,
}

/// A request, and what its client got.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Request {
    #[prometheus(flatten)]
    pub(super) of: Of,
    pub(super) request_protocol: &'static str,
    /// 0 where it got no answer.
    pub(super) response_code: Option<u16>,
    pub(super) grpc_response_status: Option<u32>,
    pub(super) response_flags: Flags,
    pub(super) outcome: &'static str,
}

/// What became of requests on one side.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OnSide {
    #[prometheus(flatten)]
    pub(super) of: Of,
    pub(super) side: &'static str,
    pub(super) fate: &'static str,
}

/// A finding of single exchanges.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Finding {
    #[prometheus(flatten)]
    pub(super) of: Of,
    pub(super) code: &'static str,
}

/// Why packets are not there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Reason {
    pub(super) reason: &'static str,
}

/// Response flags that Envoy may have logged here, as `DC|DR`; `-` where none fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Flags(pub(super) &'static [&'static str]);

impl EncodeLabelValue for Flags {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), Error> {
        if self.0.is_empty() {
            return encoder.write_str("-");
        }
        for (place, flag) in self.0.iter().enumerate() {
            encoder.write_str(if place == 0 { "" } else { "|" })?;
            encoder.write_str(flag)?;
        }
        Ok(())
    }
}
