use super::proxy_answered::is_proxys;
use super::words::Span;
use super::{Code, Detector, Severity};
use crate::pairing::{Exchange, ProxyAnswer};

/// The application answered with 5xx.
pub(super) const DETECTOR: Detector = Detector {
    code: Code::ServerError,
    severity: Severity::Error,
    title: "the application answered with an error",
    applies: Some(|exchange, _| {
        exchange.response.as_ref().is_some_and(|response| {
            response.status >= 500 && response.proxy != Some(ProxyAnswer::EnvoyPerhaps)
        }) && !is_proxys(exchange)
    }),
    sentence,
    explain: include_str!("../../docs/findings/server-error.md"),
};

fn sentence(exchange: &Exchange) -> String {
    let Some(response) = &exchange.response else { return DETECTOR.title.into() };
    match exchange.ttfb() {
        Some(ttfb) => format!("the application answered {} after {}", response.status, Span(ttfb)),
        None => format!("the application answered {}", response.status),
    }
}
