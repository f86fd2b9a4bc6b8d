use meshsniff::capture::Timestamp;
use serde_json::{Map, Value, json};

use super::entry::Entry;
use super::found::Found;
use super::seen::Seen;
use super::write_text::clean;

/// How many of those that are in one alone are named.
const NAMED: usize = 5;

impl Found {
    /// What was logged of the exchange in this place, as a JSON array; `None`: nothing.
    pub(crate) fn logged(&self, place: usize) -> Option<String> {
        let joined = self.joins.joined.get(place).filter(|joined| !joined.is_empty())?;
        let all = joined.iter().map(|joined| {
            let log = &self.logs[joined.log];
            let mut one = Map::new();
            one.insert("proxy".into(), clean(&log.proxy).into());
            let entry = &log.entries[joined.entry];
            if let Some(direction) = entry.direction {
                one.insert("direction".into(), direction.name().into());
            }
            line(&mut one, entry);
            Value::Object(one)
        });
        Some(Value::Array(all.collect()).to_string())
    }

    /// The figures, as a JSON object.
    pub(crate) fn json(&self) -> String {
        let logs = self.logs.iter().zip(&self.tallies).map(|(log, tally)| {
            let given_up = tally.given_up.iter().map(|((flags, code), count)| {
                json!({"flags": clean(flags), "code": code, "count": count})
            });
            let only_in_log = tally.only_in_log.iter().map(|place| {
                let entry = &log.entries[*place];
                let mut one = request(
                    entry.start,
                    [&entry.method, &entry.path, &entry.request_id].map(Option::as_deref),
                );
                line(&mut one, entry);
                Value::Object(one)
            });
            let only_in_packets =
                tally.only_in_packets.iter().map(|place| of_seen(&self.seen[*place]));
            json!({
                "proxy": clean(&log.proxy),
                "entries": log.entries.len(), "entries_over": log.over, "other_lines": log.others,
                "joined": tally.joined, "ambiguous": tally.ambiguous,
                "given_up": given_up.collect::<Vec<_>>(),
                "only_in_log": {"count": tally.only_in_log.len(), "first": only_in_log.take(NAMED).collect::<Vec<_>>()},
                "only_in_packets": {"count": tally.only_in_packets.len(), "first": only_in_packets.take(NAMED).collect::<Vec<_>>()},
            })
        });
        let unread = self
            .unread
            .iter()
            .map(|(proxy, why)| json!({"proxy": clean(proxy), "why": clean(why)}));
        json!({
            "given_up": self.given_up(),
            "compared": self.agreement.compared, "differ": self.agreement.differ.len(),
            "not_kept": self.over,
            "logs": logs.collect::<Vec<_>>(), "unread": unread.collect::<Vec<_>>(),
        })
        .to_string()
    }
}

/// What only a line of a log says.
fn line(one: &mut Map<String, Value>, entry: &Entry) {
    one.insert("flags".into(), clean(entry.flags.as_deref().unwrap_or("-")).into());
    one.insert("code".into(), entry.code.into());
    if let Some(details) = &entry.details {
        one.insert("details".into(), clean(details).into());
    }
    one.insert("t".into(), seconds(entry.start).into());
    one.insert("duration_ms".into(), (entry.duration.as_millis() as u64).into());
}

fn of_seen(seen: &Seen) -> Value {
    let words = [&seen.method, &seen.path, &seen.request_id].map(Option::as_deref);
    Value::Object(request(seen.start, words))
}

fn request(t: Timestamp, words: [Option<&str>; 3]) -> Map<String, Value> {
    let mut one = Map::new();
    one.insert("t".into(), seconds(t).into());
    for (key, word) in ["method", "path", "request_id"].into_iter().zip(words) {
        if let Some(word) = word {
            one.insert(key.into(), clean(word).into());
        }
    }
    one
}

/// Epoch seconds, to the millisecond, as logs have them.
fn seconds(time: Timestamp) -> f64 {
    (time.nanos() / 1_000_000) as f64 / 1000.0
}
