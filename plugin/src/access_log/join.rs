//! Exchanges and lines of logs, brought together.
//!
//! First the proxies that were a side of the captured connection: the connection's addresses name
//! its lines, the id and the nearest time (one clock) the line. Then those further off, by the id: a
//! gateway's line is the exchange's if it is the only one of that id within [`SKEW`](super::fit) and
//! no other exchange claims it; of several attempts, the sidecar's line says who its caller was, and
//! the gateway's whence it called last. Where two fit equally, neither is taken.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::fit::{Leg, distance, fit};
use super::index::Index;
use super::log::Log;
use super::seen::Seen;

/// Two that are not further apart than this are equally near.
const MARGIN: Duration = Duration::from_millis(5);

/// A line that is an exchange's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Joined {
    pub(super) log: usize,
    pub(super) entry: usize,
    pub(super) leg: Leg,
}

/// What came together.
#[derive(Debug, Default)]
pub(super) struct Joins {
    /// By exchange.
    pub(super) joined: Vec<Vec<Joined>>,
    /// By log: places of exchanges for which several lines fit, or whose line several claim.
    pub(super) ambiguous: Vec<Vec<usize>>,
}

/// A line that fits an exchange.
struct Claim {
    seen: usize,
    joined: Joined,
    distance: Duration,
}

pub(super) fn join(all: &[Seen], logs: &[Log]) -> Joins {
    let mut joins =
        Joins { joined: vec![Vec::new(); all.len()], ambiguous: vec![Vec::new(); logs.len()] };
    let indices: Vec<_> = logs.iter().map(|log| Index::new(&log.entries)).collect();
    for near in [true, false] {
        for (log, index) in indices.iter().enumerate() {
            let mut claims = Vec::new();
            for (place, seen) in all.iter().enumerate() {
                let peer = peer(&joins.joined[place], logs);
                let fits = index.candidates(seen).into_iter().filter_map(|entry| {
                    let line = &logs[log].entries[entry];
                    let leg = fit(seen, line, peer)?;
                    let joined = Joined { log, entry, leg };
                    let distance = match leg {
                        // Another machine's clock says nothing about which of two is nearer.
                        Leg::Elsewhere => Duration::ZERO,
                        _ => distance(seen, line),
                    };
                    Some(Claim { seen: place, joined, distance })
                });
                let fits: Vec<_> =
                    fits.filter(|fit| (fit.joined.leg != Leg::Elsewhere) == near).collect();
                match nearest(fits) {
                    Nearest::None => {}
                    Nearest::One(claim) => claims.push(claim),
                    Nearest::Several => joins.ambiguous[log].push(place),
                }
            }
            joins.settle(log, claims, all);
        }
    }
    joins
}

impl Joins {
    /// Each line goes to one exchange of a leg and an interface.
    fn settle(&mut self, log: usize, claims: Vec<Claim>, all: &[Seen]) {
        let mut by_line: HashMap<_, Vec<Claim>> = HashMap::new();
        for claim in claims {
            let side = claim.joined.leg as u8;
            let key = (claim.joined.entry, side, all[claim.seen].interface);
            by_line.entry(key).or_default().push(claim);
        }
        for claims in by_line.into_values() {
            let places: Vec<_> = claims.iter().map(|claim| claim.seen).collect();
            match nearest(claims) {
                Nearest::One(claim) => self.joined[claim.seen].push(claim.joined),
                _ => self.ambiguous[log].extend(places),
            }
        }
    }
}

enum Nearest {
    None,
    One(Claim),
    Several,
}

fn nearest(mut claims: Vec<Claim>) -> Nearest {
    claims.sort_by_key(|claim| claim.distance);
    let next = claims.get(1).map(|claim| claim.distance);
    match claims.into_iter().next() {
        None => Nearest::None,
        Some(first) if next.is_none_or(|next| next - first.distance > MARGIN) => {
            Nearest::One(first)
        }
        Some(_) => Nearest::Several,
    }
}

/// Who asked the proxy that is the client of the exchange. Without a port it was taken from a header.
fn peer(joined: &[Joined], logs: &[Log]) -> Option<SocketAddr> {
    let own = joined.iter().find(|joined| joined.leg == Leg::Upstream)?;
    let peer = logs[own.log].entries[own.entry].downstream_remote;
    peer.filter(|peer| peer.port() != 0)
}
