use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use meshsniff::capture::Timestamp;
use meshsniff::problem::EnvoyFlags;

use super::entry::Entry;
use super::fit::{Leg, SKEW, id};
use super::join::{Joined, Joins};
use super::log::Log;
use super::seen::Seen;

/// At both ends of a capture or a log, what is in one alone for so long may be in the other's dark;
/// longer by what their clocks are apart.
const EDGE: Duration = Duration::from_secs(1);

/// What a log has, and what it has not.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Lines that are an exchange's.
    pub(super) joined: usize,
    /// Exchanges for which no line was the only one.
    pub(super) ambiguous: usize,
    /// Exchanges that were given up: of the pod whose proxy this is, or of all pods.
    pub(super) all_given_up: usize,
    /// How often the proxy logged these flags and this code of an exchange that was given up.
    pub(super) given_up: BTreeMap<(Box<str>, u16), u64>,
    /// Lines about connections that were captured, at a time when they were, of which no packet tells.
    pub(super) only_in_log: Vec<usize>,
    /// Exchanges of connections that this proxy logs, at a time when it did, without a line.
    pub(super) only_in_packets: Vec<usize>,
}

/// Whether logs say what packets say.
#[derive(Debug, Default)]
pub(super) struct Agreement {
    /// Lines of exchanges whose packets tell which flags may be logged.
    pub(super) compared: u64,
    /// Those that have none of them.
    pub(super) differ: Vec<(usize, Joined)>,
}

/// What was captured, for what must be in it.
#[derive(Default)]
struct Captured {
    servers: HashMap<SocketAddr, (Timestamp, Timestamp)>,
    clients: HashSet<IpAddr>,
}

impl Tally {
    pub(super) fn of_all(all: &[Seen], logs: &[Log], joins: &Joins) -> Vec<Self> {
        let mut captured = Captured::default();
        for seen in all.iter().filter(|seen| seen.counts) {
            captured.clients.insert(seen.client.ip());
            let span = captured.servers.entry(seen.server).or_insert((seen.start, seen.start));
            *span = (span.0.min(seen.start), span.1.max(seen.until()));
        }
        let of = |place| Self::of(place, &captured, all, logs, joins);
        (0..logs.len()).map(of).collect()
    }

    fn of(place: usize, captured: &Captured, all: &[Seen], logs: &[Log], joins: &Joins) -> Self {
        let mut tally = Self::default();
        let log = &logs[place];
        let mut lines = HashSet::new();
        // Connections whose requests this proxy logs.
        let mut own = HashSet::new();
        let mut pods = HashSet::new();
        let mut apart = None;
        for (seen, joined) in all.iter().zip(&joins.joined) {
            for joined in joined.iter().filter(|joined| joined.log == place) {
                let entry = &log.entries[joined.entry];
                let is_new = lines.insert(joined.entry) && seen.counts;
                tally.joined += usize::from(is_new);
                apart = apart
                    .max(Some(seen.start.since(entry.start).max(entry.start.since(seen.start))));
                if joined.leg != Leg::Elsewhere {
                    own.insert((seen.client.ip(), seen.server));
                    pods.insert(seen.interface);
                }
                if seen.counts && seen.gave_up {
                    let flags = entry.flags.clone().unwrap_or_else(|| "-".into());
                    *tally.given_up.entry((flags, entry.code)).or_default() += 1;
                }
            }
        }
        let given_up = all.iter().filter(|seen| seen.counts && seen.gave_up);
        tally.all_given_up =
            given_up.filter(|seen| pods.is_empty() || pods.contains(&seen.interface)).count();
        let edge = EDGE + apart.unwrap_or(SKEW).min(SKEW);
        let ambiguous: HashSet<usize> = joins.ambiguous[place].iter().copied().collect();
        tally.ambiguous = ambiguous.iter().filter(|seen| all[**seen].counts).count();
        let unsure: HashSet<_> =
            ambiguous.iter().filter_map(|seen| all[*seen].request_id.as_deref().map(id)).collect();
        let unsure_clients: HashSet<_> = ambiguous.iter().map(|seen| all[*seen].client).collect();
        tally.only_in_log = (0..log.entries.len())
            .filter(|entry| !lines.contains(entry))
            .filter(|entry| {
                let entry = &log.entries[*entry];
                let unsure =
                    entry.request_id.as_deref().is_some_and(|text| unsure.contains(&id(text)))
                        || entry.upstream_local.is_some_and(|from| unsure_clients.contains(&from));
                !unsure && captured.should_have(entry, edge)
            })
            .collect();
        let Some(first) = log.entries.first().map(|entry| entry.start.after(edge)) else {
            return tally;
        };
        let last = log.entries.iter().map(Entry::end).max().unwrap_or_default();
        tally.only_in_packets = (0..all.len())
            .filter(|seen| all[*seen].counts && !ambiguous.contains(seen))
            .filter(|seen| {
                !joins.joined[*seen]
                    .iter()
                    .any(|joined| joined.log == place && joined.leg != Leg::Elsewhere)
            })
            .filter(|seen| own.contains(&(all[*seen].client.ip(), all[*seen].server)))
            .filter(|seen| {
                all[*seen].start >= first
                    && all[*seen].end.is_some_and(|end| end.after(edge) <= last)
            })
            .collect();
        tally
    }
}

impl Captured {
    /// Whether the request of this line must have been captured.
    fn should_have(&self, entry: &Entry, edge: Duration) -> bool {
        let upstream = entry.upstream_host.filter(|_| reached(entry));
        let upstream = upstream.and_then(|server| self.servers.get(&server));
        let from_here =
            entry.downstream_remote.is_some_and(|client| self.clients.contains(&client.ip()));
        let downstream = entry.downstream_local.filter(|_| from_here);
        let downstream = downstream.and_then(|server| self.servers.get(&server));
        upstream.or(downstream).is_some_and(|(first, last)| {
            entry.start >= first.after(edge) && entry.end().after(edge) <= *last
        })
    }
}

/// Whether the proxy had a connection to whom it asked. Envoy names the host that it could not
/// connect to as well.
fn reached(entry: &Entry) -> bool {
    let failed = entry.flags.as_deref().is_some_and(|flags| flags.split(',').any(|it| it == "UF"));
    let has_addresses = entry.downstream_remote.is_some();
    !failed && (entry.upstream_local.is_some() || !has_addresses)
}

/// What a proxy there may have logged. One that is the client of the connection may be the one that
/// gave up.
pub(super) fn expected(told: EnvoyFlags, leg: Leg) -> Vec<&'static str> {
    let mut flags = told.here.to_vec();
    if leg != Leg::Downstream {
        flags.extend(told.caller.iter().filter(|flag| !told.here.contains(flag)));
    }
    flags
}

/// Compares the flags that packets tell with those logged. Where the packets tell none nothing is
/// compared: what else a proxy knows, as that its own client has left, is not on this connection.
pub(super) fn agreement(all: &[Seen], logs: &[Log], joins: &Joins) -> Agreement {
    let mut agreement = Agreement::default();
    for (place, (seen, joined)) in all.iter().zip(&joins.joined).enumerate() {
        let Some(told) = seen.flags.filter(|_| seen.counts) else { continue };
        for joined in joined {
            if joined.leg == Leg::Elsewhere && told.caller.is_empty() {
                continue;
            }
            let expected = expected(told, joined.leg);
            agreement.compared += 1;
            let logged =
                logs[joined.log].entries[joined.entry].flags.as_deref().unwrap_or_default();
            if !logged.split(',').any(|flag| expected.contains(&flag)) {
                agreement.differ.push((place, *joined));
            }
        }
    }
    agreement
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_the_client_there_may_have_given_up_itself() {
        let told = EnvoyFlags { here: &["DC", "DR"], caller: &["UT", "DC"] };
        assert_eq!(expected(told, Leg::Downstream), ["DC", "DR"]);
        assert_eq!(expected(told, Leg::Upstream), ["DC", "DR", "UT"]);
        assert_eq!(expected(told, Leg::Elsewhere), ["DC", "DR", "UT"]);
    }

    #[test]
    fn a_request_that_could_not_be_sent_need_not_be_captured() {
        let server: SocketAddr = ([10, 9, 0, 2], 9080).into();
        let span = (Timestamp::default(), Timestamp::default().after(Duration::from_secs(1 << 31)));
        let captured = Captured { servers: [(server, span)].into(), ..Captured::default() };
        let line = |flags: &str, from: &str| {
            let line = format!(
                "[2026-11-27T06:42:24.644Z] \"GET / HTTP/1.1\" 503 {flags} - - \"-\" 0 0 31 30 \"-\" \
                 \"x\" \"id\" \"catalog\" \"{server}\" outbound|9080||catalog {from} 10.96.0.1:9080 \
                 10.9.0.1:44910 - -"
            );
            Entry::parse(&line).unwrap()
        };
        assert!(captured.should_have(&line("-", "10.9.0.1:4000"), EDGE));
        assert!(!captured.should_have(&line("URX,UF", "10.9.0.1:4000"), EDGE));
        assert!(!captured.should_have(&line("-", "-"), EDGE));
    }
}
