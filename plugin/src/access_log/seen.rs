use std::net::SocketAddr;

use meshsniff::capture::Timestamp;
use meshsniff::pairing::{Exchange, Outcome, Protocol};
use meshsniff::problem::{Code, EnvoyFlags, envoy_flags};

/// What is kept of an exchange until the logs are there.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) interface: u32,
    pub(super) client: SocketAddr,
    pub(super) server: SocketAddr,
    pub(super) method: Option<Box<str>>,
    pub(super) path: Option<Box<str>>,
    pub(super) request_id: Option<Box<str>>,
    /// The packet with the request's first byte.
    pub(super) start: Timestamp,
    /// The packet with the end of the response, or with which somebody left; absent: it had not ended.
    pub(super) end: Option<Timestamp>,
    /// Its client gave it up.
    pub(super) gave_up: bool,
    /// What the packets say that proxies may have logged.
    pub(super) flags: Option<EnvoyFlags>,
    /// The report is about it; otherwise it only takes the entry that is its own.
    pub(super) counts: bool,
}

impl Seen {
    /// `None`: it has no request that a proxy could log.
    pub(super) fn new(exchange: &Exchange, counts: bool) -> Option<Self> {
        let request = &exchange.request;
        if matches!(exchange.protocol, Protocol::Tcp | Protocol::Tls) {
            return None;
        }
        let last = request.last?.time;
        let response = exchange.response.as_ref().map(|response| response.last.time);
        let end = match exchange.outcome {
            Outcome::InProgress | Outcome::Unknown => None,
            _ => exchange.close.map(|close| close.time).or(response),
        };
        Some(Self {
            interface: exchange.interface,
            client: exchange.client,
            server: exchange.server,
            method: request.method.as_deref().map(Into::into),
            path: request.path.clone(),
            request_id: request.request_id.clone(),
            start: request.first.map_or(last, |first| first.time),
            end,
            gave_up: Code::GIVE_UPS.into_iter().any(|code| exchange.findings.contains(code)),
            flags: envoy_flags(exchange),
            counts,
        })
    }

    /// The end as far as it is known.
    pub(super) fn until(&self) -> Timestamp {
        self.end.unwrap_or(self.start)
    }
}
