use std::time::Duration;

use super::{
    Code, Findings, Severity, capture_lossy, client_closed_first, client_reset,
    client_reset_stream, connect_refused, connect_timeout, flow_control_stall,
    grpc_deadline_exceeded, grpc_error, idle_timeout, inferred_timeout, max_connection_age,
    no_response, proxy_answered, server_closed_first, server_error, server_reset_stream,
    server_unavailable, slow_connect, slow_response, stream_refused, tls_and_plaintext,
    tls_certificate_expired, tls_certificate_rejected, tls_client_certificate,
    tls_handshake_failed, tls_left_silently, truncated, websocket_aborted, websocket_error,
    websocket_refused,
};
use crate::capture::Timestamp;
use crate::pairing::{Detail, Exchange, Outcome};

/// What a detector may know beside the exchange.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// A response that begins later than this after its request is slow.
    pub slow: Duration,
    /// The capture's time now; at its end, the time of its last packet.
    pub now: Timestamp,
}

/// One kind of finding: how it is recognised, and the words for it.
#[derive(Clone, Copy, Debug)]
pub struct Detector {
    /// Its code.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// What happened, in a few words.
    pub title: &'static str,
    /// Whether it is to be said of this exchange. `None`: it is said of a route or of the whole
    /// capture, not of one exchange.
    pub applies: Option<fn(&Exchange, &Context) -> bool>,
    /// What happened in this exchange, with figures. Meaningful where `applies` says yes.
    pub sentence: fn(&Exchange) -> String,
    /// What it means, what usually causes it, what to check next: the page of the documentation.
    pub explain: &'static str,
}

/// Every detector, in the order of [`Code::ALL`].
pub static DETECTORS: [Detector; Code::ALL.len()] = [
    client_closed_first::DETECTOR,
    client_reset::DETECTOR,
    server_closed_first::DETECTOR,
    truncated::DETECTOR,
    slow_response::DETECTOR,
    connect_refused::DETECTOR,
    connect_timeout::DETECTOR,
    no_response::DETECTOR,
    proxy_answered::DETECTOR,
    server_error::DETECTOR,
    websocket_error::DETECTOR,
    websocket_aborted::DETECTOR,
    websocket_refused::DETECTOR,
    tls_certificate_rejected::DETECTOR,
    tls_client_certificate::DETECTOR,
    tls_handshake_failed::DETECTOR,
    tls_left_silently::DETECTOR,
    tls_and_plaintext::DETECTOR,
    tls_certificate_expired::DETECTOR,
    slow_connect::DETECTOR,
    server_unavailable::DETECTOR,
    max_connection_age::DETECTOR,
    idle_timeout::DETECTOR,
    client_reset_stream::DETECTOR,
    server_reset_stream::DETECTOR,
    stream_refused::DETECTOR,
    flow_control_stall::DETECTOR,
    grpc_error::DETECTOR,
    grpc_deadline_exceeded::DETECTOR,
    inferred_timeout::DETECTOR,
    capture_lossy::DETECTOR,
];

/// Sets [`Exchange::findings`] to what the detectors say of it.
pub fn detect(exchange: &mut Exchange, context: &Context) {
    exchange.findings = match is_plain(exchange, context) {
        true => Findings::default(),
        false => asked(exchange, context),
    };
}

/// What the detectors say, each asked.
fn asked(exchange: &Exchange, context: &Context) -> Findings {
    let says =
        |detector: &&Detector| detector.applies.is_some_and(|applies| applies(exchange, context));
    DETECTORS.iter().filter(says).map(|detector| detector.code).collect()
}

/// Whether nothing can be found: a whole answer in time, without an error. Nearly all are so, and
/// asking every detector costs as much as reading a head.
#[inline]
fn is_plain(exchange: &Exchange, context: &Context) -> bool {
    let detail = match exchange.detail.as_deref() {
        None => true,
        Some(Detail::Http2(http2)) => {
            http2.stall.is_none()
                && !http2.refused
                && http2.error.is_none()
                && http2.grpc.as_ref().is_none_or(|grpc| matches!(grpc.status, None | Some(0)))
        }
        Some(Detail::WebSocket(_) | Detail::Tls(_) | Detail::Connect(_)) => false,
    };
    detail
        && exchange.outcome == Outcome::Complete
        && exchange.request.upgrade.is_none()
        && exchange.response.as_ref().is_some_and(|response| response.status < 500)
        && exchange.ttfb().is_none_or(|ttfb| ttfb < context.slow)
}

impl Code {
    /// What recognises and explains this code.
    pub fn detector(self) -> &'static Detector {
        &DETECTORS[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Upgrade;
    use crate::pairing::ProxyAnswer;
    use crate::pairing::detail::{Grpc, Http2};
    use crate::problem::samples;

    #[test]
    fn the_list_is_in_the_order_of_the_codes() {
        for (code, detector) in Code::ALL.into_iter().zip(&DETECTORS) {
            assert_eq!(code, detector.code);
        }
    }

    #[test]
    fn every_page_begins_with_its_code_and_fits_80_columns() {
        for detector in &DETECTORS {
            let name = detector.code.name();
            assert!(detector.explain.starts_with(&format!("# {name}\n")), "{name}");
            assert!(detector.explain.lines().all(|line| line.chars().count() <= 80), "{name}");
            assert!(detector.explain.contains("\nWhat to check next\n"), "{name}");
        }
    }

    #[test]
    fn nothing_is_found_of_what_is_plain() {
        let context = Context { slow: Duration::from_millis(50), now: samples::at_ms(60_000) };
        let grpc =
            |status| Http2 { grpc: Some(Grpc { status, ..Grpc::default() }), ..Http2::default() };
        let mut details = vec![None, Some(Http2::default())];
        details.extend([None, Some(0), Some(1), Some(4), Some(5), Some(14)].map(|s| Some(grpc(s))));
        details.push(Some(Http2 { refused: true, ..Http2::default() }));
        details.push(Some(Http2 { error: Some(7), ..Http2::default() }));
        let mut plain = 0;
        for outcome in Outcome::ALL {
            for (status, millis) in [(200, 30), (404, 49), (200, 50), (500, 30), (503, 30)] {
                for proxy in [None, Some(ProxyAnswer::Envoy), Some(ProxyAnswer::EnvoyPerhaps)] {
                    for upgrade in [None, Some(Upgrade::WebSocket), Some(Upgrade::H2c)] {
                        for detail in &details {
                            let mut exchange = samples::answered(status, millis, proxy.clone());
                            exchange.outcome = outcome;
                            exchange.request.upgrade = upgrade;
                            exchange.detail = detail.clone().map(Detail::Http2).map(Box::new);
                            if is_plain(&exchange, &context) {
                                assert!(asked(&exchange, &context).is_empty(), "{exchange:?}");
                                plain += 1;
                            }
                        }
                    }
                }
            }
        }
        assert!(plain > 10, "{plain}");
    }

    #[test]
    fn every_outcome_leads_to_its_code() {
        let context = Context { slow: Duration::from_secs(1), now: samples::at_ms(60_000) };
        let codes = |outcome| {
            let mut exchange = samples::exchange(outcome);
            detect(&mut exchange, &context);
            exchange.findings.iter().collect::<Vec<_>>()
        };
        assert_eq!(codes(Outcome::Complete), []);
        assert_eq!(codes(Outcome::HalfCloseOk), []);
        assert_eq!(codes(Outcome::ClientFinBeforeResponse), [Code::ClientClosedFirst]);
        assert_eq!(codes(Outcome::ClientRstBeforeResponse), [Code::ClientReset]);
        assert_eq!(codes(Outcome::ServerClosedBeforeResponse), [Code::ServerClosedFirst]);
        assert_eq!(codes(Outcome::ClientRstStreamBeforeResponse), [Code::ClientResetStream]);
        assert_eq!(codes(Outcome::ServerRstStreamBeforeResponse), [Code::ServerResetStream]);
        assert_eq!(codes(Outcome::TruncatedResponse), [Code::Truncated]);
        assert_eq!(codes(Outcome::TruncatedRequest), [Code::Truncated]);
        assert_eq!(codes(Outcome::Refused), [Code::ConnectRefused]);
        assert_eq!(codes(Outcome::ConnectTimeout), [Code::ConnectTimeout]);
        assert_eq!(codes(Outcome::WsAborted), [Code::WebsocketAborted]);
        assert_eq!(codes(Outcome::InProgress), [Code::NoResponse]);
        assert_eq!(codes(Outcome::Unknown), []);
    }
}
