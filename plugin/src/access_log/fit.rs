//! Whether a line of a log and an exchange can be the same request.
//!
//! Evidence, in this order: addresses of the connection, the request's id, method and path, times.
//! What contradicts excludes; what is not known on one side does not.

use std::net::SocketAddr;
use std::time::Duration;

use super::entry::Entry;
use super::seen::Seen;
use meshsniff::capture::Timestamp;

/// Where the proxy that logged the line stands to the connection that was captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leg {
    /// It is the client there.
    Upstream,
    /// It is the server there.
    Downstream,
    /// The addresses do not say, or it stands further off, as a gateway does.
    Elsewhere,
}

/// How far two clocks may be apart where the id is the same.
pub(super) const SKEW: Duration = Duration::from_secs(2);
/// How far log and capture may be apart on the same machine where there is no id: the log's times
/// are cut to the millisecond, and a proxy on a busy node takes its packets late.
pub(super) const SAME_CLOCK: Duration = Duration::from_millis(50);
/// Envoy writes into this digit of an id that is a UUID why the request is traced.
const TRACED: usize = 14;

/// The leg, if they can be the same request. `peer` is who asked the proxy that is the client of
/// the exchange, as its own log says.
pub(super) fn fit(seen: &Seen, entry: &Entry, peer: Option<SocketAddr>) -> Option<Leg> {
    let same_id = match (seen.request_id.as_deref(), entry.request_id.as_deref()) {
        (Some(seen), Some(logged)) => Some(id(seen) == id(logged)),
        _ => None,
    };
    if same_id == Some(false) || differ(seen.method.as_deref(), entry.method.as_deref()) {
        return None;
    }
    let same_id = same_id == Some(true);
    let skew = if same_id { SKEW } else { SAME_CLOCK };
    let overlap = entry.start <= seen.until().after(skew) && seen.start <= entry.end().after(skew);
    if !overlap {
        return None;
    }
    let leg = leg(seen, entry);
    let same_path = !differ(seen.path.as_deref(), entry.path.as_deref());
    match leg {
        // A proxy may ask for another path than it was asked for.
        Some(leg) => (same_id || same_path).then_some(leg),
        None if !same_id || !same_path || entry.asked_nobody || contradicts(seen, entry) => None,
        None => match (peer, entry.upstream_local) {
            (Some(peer), Some(from)) => peer == from,
            _ => entry.upstream_host.is_none_or(|host| reaches(host, seen.server)),
        }
        .then_some(Leg::Elsewhere),
    }
}

/// How far apart they are in time, where both are by the same clock.
pub(super) fn distance(seen: &Seen, entry: &Entry) -> Duration {
    let apart = |a: Timestamp, b: Timestamp| a.since(b).max(b.since(a));
    let ends = seen.end.map_or(Duration::ZERO, |end| apart(end, entry.end()));
    apart(seen.start, entry.start) + ends
}

fn leg(seen: &Seen, entry: &Entry) -> Option<Leg> {
    let is = |logged: Option<SocketAddr>, seen| logged == Some(seen);
    if is(entry.upstream_local, seen.client) && is(entry.upstream_host, seen.server) {
        return Some(Leg::Upstream);
    }
    // Of a redirected connection whose answers were not captured the original destination is not known.
    let meant = is(entry.downstream_local, seen.server) || seen.server.ip().is_loopback();
    (is(entry.downstream_remote, seen.client) && meant).then_some(Leg::Downstream)
}

/// The proxy shares an address with the client, and it was another connection: another attempt, or
/// another request with the same id.
fn contradicts(seen: &Seen, entry: &Entry) -> bool {
    let shares = |address: Option<SocketAddr>| {
        address.is_some_and(|address| address.ip() == seen.client.ip() && address.port() != 0)
    };
    shares(entry.upstream_local) || shares(entry.downstream_remote)
}

/// A sidecar takes what is sent to `host` and passes it on to `server`: the same, or the same port of
/// the loopback (Istio before 1.10).
fn reaches(host: SocketAddr, server: SocketAddr) -> bool {
    host == server || (server.ip().is_loopback() && host.port() == server.port())
}

fn differ(one: Option<&str>, other: Option<&str>) -> bool {
    one.zip(other).is_some_and(|(one, other)| one != other)
}

/// What an id is known by.
pub(super) fn id(text: &str) -> (&str, &str) {
    let uuid = text.len() == 36 && text.is_ascii() && text.as_bytes()[TRACED - 1] == b'-';
    if uuid { (&text[..TRACED], &text[TRACED + 1..]) } else { (text, "") }
}
