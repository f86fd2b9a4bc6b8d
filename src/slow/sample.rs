use std::time::Duration;

use crate::pairing::{Exchange, Outcome};

/// One request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// When it began, in ms: since the pod's base, or since the capture began.
    pub(super) at: u32,
    /// How long it took, in ms: to the first byte of the answer, late ones included; or as long as
    /// it was waited for, if `unseen`.
    pub(super) took: f32,
    /// When its client gave up, in ms; infinite if it did not.
    pub(super) gave_up: f32,
    pub(super) route: u16,
    /// The place of its server among those seen at its pod.
    pub(super) server: u8,
    /// Its answer was never seen.
    pub(super) unseen: bool,
    /// Neither answered nor given up when the capture ended.
    pub(super) open: bool,
}

impl Sample {
    /// How long it took, as bits: infinite if its answer was never seen.
    pub(super) fn known(&self) -> u32 {
        if self.unseen { f32::INFINITY.to_bits() } else { self.took.to_bits() }
    }

    /// Its client left before the answer.
    pub(super) fn is_given_up(&self) -> bool {
        self.gave_up.is_finite()
    }
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Took {
    /// The answer began after so long.
    Answered(Duration),
    /// The client gave up after so long; its answer began later, or was never seen.
    GaveUp(Duration, Option<Duration>),
    /// The server left after so long without an answer.
    Failed(Duration),
    /// Neither, until the capture ended.
    Open,
}

impl Took {
    /// What became of an exchange; `None` if it says nothing of how fast its server is.
    pub(super) fn of(exchange: &Exchange) -> Option<Self> {
        match exchange.outcome {
            Outcome::ClientFinBeforeResponse
            | Outcome::ClientRstBeforeResponse
            | Outcome::ClientRstStreamBeforeResponse => {
                Some(Took::GaveUp(exchange.gap()?, exchange.late()))
            }
            Outcome::ServerClosedBeforeResponse | Outcome::ServerRstStreamBeforeResponse => {
                Some(Took::Failed(exchange.gap()?))
            }
            Outcome::InProgress if exchange.response.is_none() => Some(Took::Open),
            _ => exchange.ttfb().map(Took::Answered),
        }
    }
}

/// Whether it failed for another reason than that its client gave up.
pub(super) fn is_error(exchange: &Exchange) -> bool {
    let status = exchange.response.as_ref().map(|response| response.status);
    let grpc = exchange.grpc().and_then(|grpc| grpc.status);
    match exchange.outcome {
        Outcome::ServerClosedBeforeResponse
        | Outcome::ServerRstStreamBeforeResponse
        | Outcome::TruncatedResponse => true,
        _ => status.is_some_and(|status| status >= 500) || grpc.is_some_and(|status| status != 0),
    }
}
