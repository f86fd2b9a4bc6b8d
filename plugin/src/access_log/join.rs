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

#[cfg(test)]
mod tests {
    use super::super::entry::{Entry, address};
    use super::*;
    use meshsniff::capture::Timestamp;

    const ID: &str = "3ce4a634-c57e-4867-ae94-7e590b32cf2b";

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_nanos(1_795_761_744_000_000_000 + millis * 1_000_000)
    }

    /// The sidecar's request to the application, from this port, in this time.
    fn seen(id: Option<&str>, port: u16, from: i64, to: i64) -> Seen {
        Seen {
            interface: 0,
            client: ([127, 0, 0, 6], port).into(),
            server: ([10, 9, 0, 2], 9080).into(),
            method: Some("GET".into()),
            path: Some("/items".into()),
            request_id: id.map(Into::into),
            start: at(from),
            end: Some(at(to)),
            gave_up: false,
            flags: None,
            counts: true,
        }
    }

    /// A line about it; `far` is the other side of the sidecar.
    fn line(id: Option<&str>, from: (&str, &str), begin: i64, took: u64) -> Entry {
        Entry {
            start: at(begin),
            duration: Duration::from_millis(took),
            method: Some("GET".into()),
            path: Some("/items".into()),
            request_id: id.map(Into::into),
            code: 200,
            flags: None,
            details: None,
            upstream_host: address("10.9.0.2:9080"),
            upstream_local: address(from.0),
            asked_nobody: false,
            downstream_remote: address(from.1),
            downstream_local: address("10.9.0.2:9080"),
            direction: None,
        }
    }

    fn log(entries: Vec<Entry>) -> Log {
        Log { entries, ..Log::default() }
    }

    /// The entries of each exchange, as log and place.
    fn joined(all: &[Seen], logs: &[Log]) -> Vec<Vec<(usize, usize)>> {
        let joins = join(all, logs);
        let places = |joined: &Vec<Joined>| joined.iter().map(|it| (it.log, it.entry)).collect();
        joins.joined.iter().map(places).collect()
    }

    #[test]
    fn of_two_attempts_the_gateway_means_the_last() {
        let all = [seen(Some(ID), 1, 0, 500), seen(Some(ID), 2, 525, 600)];
        let own = log(vec![
            line(Some(ID), ("127.0.0.6:1", "10.9.0.1:71"), 0, 500),
            line(Some(ID), ("127.0.0.6:2", "10.9.0.1:72"), 525, 75),
        ]);
        let gateway = || log(vec![line(Some(ID), ("10.9.0.1:72", "10.9.0.9:5"), 0, 600)]);
        assert_eq!(joined(&all, &[own, gateway()]), [vec![(0, 0)], vec![(0, 1), (1, 0)]]);
        // Nobody says which without the sidecar's log.
        let joins = join(&all, &[gateway()]);
        assert!(joins.joined.iter().all(Vec::is_empty));
        assert_eq!(joins.ambiguous[0].len(), 2);
    }

    #[test]
    fn a_line_of_a_request_that_went_nowhere_is_no_attempts() {
        let all = [seen(Some(ID), 1, 0, 100)];
        let nowhere = || Entry {
            code: 503,
            flags: Some("UH".into()),
            upstream_host: None,
            upstream_local: None,
            asked_nobody: true,
            ..line(Some(ID), ("10.9.0.1:72", "10.9.0.9:5"), 0, 200)
        };
        assert_eq!(joined(&all, &[log(vec![nowhere()])]), [[]]);
        let own = log(vec![line(Some(ID), ("127.0.0.6:1", "10.9.0.1:71"), 0, 100)]);
        assert_eq!(joined(&all, &[own, log(vec![nowhere()])]), [[(0, 0)]]);
    }

    #[test]
    fn another_machines_clock_may_be_off() {
        let all = [seen(Some(ID), 1, 0, 100)];
        let gateway = |off| log(vec![line(Some(ID), ("10.9.0.1:72", "10.9.0.9:5"), off, 100)]);
        assert_eq!(joined(&all, &[gateway(1900)]), [[(0, 0)]]);
        assert_eq!(joined(&all, &[gateway(-1900)]), [[(0, 0)]]);
        assert_eq!(joined(&all, &[gateway(9000)]), [[]]);
    }

    #[test]
    fn one_connection_has_many_requests() {
        let own = |id: Option<&str>| {
            let from = ("127.0.0.6:1", "10.9.0.1:71");
            log((0..9).map(|n| line(id, from, n * 20, 11)).collect())
        };
        for id in [None, Some("the-same")] {
            let all: Vec<_> = (0..9).map(|n| seen(id, 1, n * 20 + 1, n * 20 + 11)).collect();
            let expected: Vec<_> = (0..9).map(|n| vec![(0, n)]).collect();
            assert_eq!(joined(&all, &[own(id)]), expected);
        }
    }

    #[test]
    fn a_busy_connection_has_its_lines_nearby() {
        let from = ("127.0.0.6:1", "10.9.0.1:71");
        let all: Vec<_> = (0..600).map(|n| seen(None, 1, n * 6, n * 6 + 3)).collect();
        let own = log((0..600).map(|n| line(None, from, n * 6, 3)).collect());
        let expected: Vec<_> = (0..600).map(|n| vec![(0, n)]).collect();
        assert_eq!(joined(&all, &[own]), expected);
    }

    #[test]
    fn two_that_are_equally_near_are_not_told_apart() {
        let all = [seen(None, 1, 0, 10), seen(None, 1, 2, 12)];
        let from = ("127.0.0.6:1", "10.9.0.1:71");
        let joins = join(&all, &[log(vec![line(None, from, 0, 10), line(None, from, 2, 10)])]);
        assert!(joins.joined.iter().all(Vec::is_empty));
        assert_eq!(joins.ambiguous, [[0, 1]]);
    }

    #[test]
    fn a_port_that_is_used_again_is_another_connection() {
        let all = [seen(None, 1, 0, 10)];
        let later = log(vec![line(None, ("127.0.0.6:1", "10.9.0.1:71"), 500, 10)]);
        assert_eq!(joined(&all, &[later]), [[]]);
    }

    #[test]
    fn envoy_writes_into_an_id_why_it_is_traced() {
        let traced = ID.replace("-4867", "-9867");
        let from = ("127.0.0.6:1", "10.9.0.1:71");
        let own = |id: &str| [log(vec![line(Some(id), from, 0, 10)])];
        assert_eq!(joined(&[seen(Some(ID), 1, 0, 10)], &own(&traced)), [[(0, 0)]]);
        let other = ID.replace("-4867", "-4868");
        assert_eq!(joined(&[seen(Some(ID), 1, 0, 10)], &own(&other)), [[]]);
    }

    #[test]
    fn the_same_id_for_another_path_server_or_attempt_is_another_request() {
        let all = [seen(Some(ID), 1, 0, 10)];
        let gateway = || line(Some(ID), ("10.9.0.1:72", "10.9.0.9:5"), 0, 10);
        let path = Entry { path: Some("/other".into()), ..gateway() };
        let method = Entry { method: Some("POST".into()), ..gateway() };
        let server = Entry { upstream_host: address("10.9.0.7:9080"), ..gateway() };
        let attempt = line(Some(ID), ("127.0.0.6:2", "10.9.0.1:71"), 0, 10);
        for other in [path, method, server, attempt] {
            assert_eq!(joined(&all, &[log(vec![other])]), [[]]);
        }
    }
}
