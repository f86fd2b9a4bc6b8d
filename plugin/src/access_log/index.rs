use std::collections::HashMap;
use std::hash::Hash;
use std::net::SocketAddr;

use super::entry::Entry;
use super::fit::{SAME_CLOCK, SKEW, id};
use super::seen::Seen;

/// Finds the entries of a log that may be an exchange's.
pub(super) struct Index<'a> {
    entries: &'a [Entry],
    ids: HashMap<(&'a str, &'a str), Vec<u32>>,
    upstream: HashMap<SocketAddr, Vec<u32>>,
    downstream: HashMap<SocketAddr, Vec<u32>>,
}

/// Entries looked at for one exchange and key; where more begin before its end than that, the
/// earlier ones are not looked at: an id of so many requests names none of them.
const MOST: usize = 256;

impl<'a> Index<'a> {
    pub(super) fn new(entries: &'a [Entry]) -> Self {
        fn by<'a, K: Hash + Eq>(
            entries: &'a [Entry],
            key: impl Fn(&'a Entry) -> Option<K>,
        ) -> HashMap<K, Vec<u32>> {
            let mut all: HashMap<K, Vec<u32>> = HashMap::new();
            for (place, entry) in entries.iter().enumerate() {
                if let Some(key) = key(entry) {
                    all.entry(key).or_default().push(place as u32);
                }
            }
            all
        }
        Self {
            entries,
            ids: by(entries, |entry| entry.request_id.as_deref().map(id)),
            upstream: by(entries, |entry| entry.upstream_local),
            downstream: by(entries, |entry| entry.downstream_remote),
        }
    }

    /// Places of entries with the exchange's id or with an address of its client, each once.
    pub(super) fn candidates(&self, seen: &Seen) -> Vec<usize> {
        // By its address alone a line must be of the same clock.
        let buckets = [
            (seen.request_id.as_deref().and_then(|text| self.ids.get(&id(text))), SKEW),
            (self.upstream.get(&seen.client), SAME_CLOCK),
            (self.downstream.get(&seen.client), SAME_CLOCK),
        ];
        let mut all = Vec::new();
        for (bucket, skew) in buckets {
            let Some(bucket) = bucket else { continue };
            let latest = seen.until().after(skew);
            let end = bucket.partition_point(|place| self.entries[*place as usize].start <= latest);
            all.extend(bucket[..end].iter().rev().take(MOST).map(|place| *place as usize));
        }
        all.sort_unstable();
        all.dedup();
        all
    }
}
