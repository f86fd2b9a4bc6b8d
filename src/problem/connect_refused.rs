use super::{Code, Detector, Severity};
use crate::pairing::{Exchange, Outcome};

/// The connect was answered by a reset.
pub(super) const DETECTOR: Detector = Detector {
    code: Code::ConnectRefused,
    severity: Severity::Error,
    title: "the connect was refused",
    applies: Some(|exchange, _| exchange.outcome == Outcome::Refused),
    sentence,
    explain: include_str!("../../docs/findings/connect-refused.md"),
};

fn sentence(exchange: &Exchange) -> String {
    format!("{} refused the connect: nothing listens there", exchange.server)
}
