use std::io::Write as _;

use meshsniff::capture::Timestamp;

use super::found::Found;
use super::tally::{Tally, expected};

/// How many of those that are in one alone, or differ, are named.
const NAMED: usize = 3;
/// Columns of a path, and of a proxy's name.
const WIDTH: usize = 48;

impl Found {
    /// The figures for people.
    pub(crate) fn text(&self, out: &mut Vec<u8>) {
        if self.seen.is_empty() {
            return;
        }
        let mut text = String::from("\nWhat the proxies logged:\n");
        for (proxy, why) in &self.unread {
            text += &format!("  {}: {}\n", short(proxy), clean(why));
        }
        self.given_up_text(&mut text);
        self.compare(&mut text);
        let rows: Vec<_> = self.logs.iter().zip(&self.tallies).collect();
        if !rows.is_empty() {
            let width = rows.iter().map(|(log, _)| short(&log.proxy).chars().count()).max();
            let width = width.unwrap_or(0).max("proxy".len());
            text += &format!(
                "\n  {:width$}  lines   joined  ambiguous  only in log  only in packets\n",
                "proxy"
            );
            for (log, tally) in &rows {
                text += &format!(
                    "  {:width$}  {:<6}  {:<6}  {:<9}  {:<11}  {}\n",
                    short(&log.proxy),
                    log.entries.len(),
                    tally.joined,
                    tally.ambiguous,
                    tally.only_in_log.len(),
                    tally.only_in_packets.len(),
                );
            }
        }
        for (log, tally) in &rows {
            for place in tally.only_in_log.iter().take(NAMED) {
                let entry = &log.entries[*place];
                let words = [&entry.method, &entry.path, &entry.request_id].map(Option::as_deref);
                let flags = clean(entry.flags.as_deref().unwrap_or("-"));
                text += &format!(
                    "  Only in the log of {}: {}  {flags} {}\n",
                    short(&log.proxy),
                    request(entry.start, words),
                    entry.code
                );
            }
            for place in tally.only_in_packets.iter().take(NAMED) {
                let seen = &self.seen[*place];
                let words = [&seen.method, &seen.path, &seen.request_id].map(Option::as_deref);
                text += &format!(
                    "  Not in the log of {}: {}\n",
                    short(&log.proxy),
                    request(seen.start, words)
                );
            }
        }
        if self.over > 0 {
            text += &format!(
                "  {} more exchanges were not kept, and not looked for in the logs.\n",
                self.over
            );
        }
        // Writing to a Vec cannot fail.
        drop(out.write_all(text.as_bytes()));
    }

    /// What was logged of the exchange in this place, for its line; `None`: no flag was.
    pub(crate) fn words(&self, place: usize) -> Option<String> {
        let joined = self.joins.joined.get(place)?;
        let words: Vec<_> = joined
            .iter()
            .filter_map(|joined| {
                let log = &self.logs[joined.log];
                let flags = log.entries[joined.entry].flags.as_deref()?;
                Some(format!("{} at {}", clean(flags), short(&log.proxy)))
            })
            .collect();
        (!words.is_empty()).then(|| format!("logged: {}", words.join(", ")))
    }

    /// What the logs say of those that were given up; one that knows none is not named.
    fn given_up_text(&self, text: &mut String) {
        let all = self.given_up();
        if all > 0 && self.tallies.iter().all(|tally| tally.given_up.is_empty()) {
            match self.logs.as_slice() {
                [] => {}
                [log] => {
                    *text += &format!(
                        "  None of the {all} given up is known to {}.\n",
                        short(&log.proxy)
                    );
                }
                _ => *text += &format!("  None of the {all} given up is known to these proxies.\n"),
            }
        }
        for (log, tally) in self.logs.iter().zip(&self.tallies) {
            *text += &sentence(&short(&log.proxy), tally);
        }
    }

    fn compare(&self, text: &mut String) {
        let differ = &self.agreement.differ;
        let compared = self.agreement.compared;
        if compared == 0 {
            return;
        }
        let agree = compared - differ.len() as u64;
        *text += &format!(
            "  The flags that the packets tell are those logged: {agree} of {compared}.\n"
        );
        for (place, joined) in differ.iter().take(NAMED) {
            let seen = &self.seen[*place];
            let log = &self.logs[joined.log];
            let logged = log.entries[joined.entry].flags.as_deref().unwrap_or("-");
            let told = seen.flags.map(|told| expected(told, joined.leg).join(" or "));
            let told = told.unwrap_or_default();
            let words = [&seen.method, &seen.path, &seen.request_id].map(Option::as_deref);
            *text += &format!(
                "  Differs: {}: {told} by the packets, {} at {}\n",
                request(seen.start, words),
                clean(logged),
                short(&log.proxy)
            );
        }
    }
}

/// What one log says of those that were given up.
fn sentence(proxy: &str, tally: &Tally) -> String {
    let all = tally.all_given_up;
    let ways: Vec<_> = tally
        .given_up
        .iter()
        .map(|((flags, code), count)| match code {
            0 => format!("{count} of {all} given up are {} at {proxy}", clean(flags)),
            code => format!("{count} of {all} given up are {code} {} at {proxy}", clean(flags)),
        })
        .collect();
    if ways.is_empty() { String::new() } else { format!("  {}.\n", ways.join(", ")) }
}

fn request(start: Timestamp, [method, path, id]: [Option<&str>; 3]) -> String {
    let time = jiff::Timestamp::from_nanosecond(start.nanos().into()).unwrap_or_default();
    let (method, path, id) = (method.unwrap_or("?"), path.unwrap_or("?"), id.unwrap_or("no id"));
    format!("{}  {} {}  {}", time.strftime("%H:%M:%S%.3f"), clean(method), short(path), clean(id))
}

fn short(text: &str) -> String {
    match text.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}…", clean(&text[..end])),
        None => clean(text),
    }
}

/// Without what a terminal would obey, or what would turn the line around.
pub(super) fn clean(text: &str) -> String {
    let odd = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    text.chars().map(|c| if odd(c) { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::entry::Entry;
    use super::super::seen::Seen;
    use super::super::{Log, Logs};
    use super::*;

    const LINE: &str = "[2026-11-27T06:42:24.000Z] \"GET /a HTTP/1.1\" 0 DC - - \"-\" 0 0 100 - \"-\" \
                        \"x\" \"id-0\" \"catalog\" \"10.9.0.2:9080\" inbound|9080|| 127.0.0.6:4000 \
                        10.9.0.2:9080 10.9.0.1:5000 - -";

    /// Of a pod: its server has its number.
    fn seen(pod: u8, entry: &Entry) -> Seen {
        Seen {
            interface: pod.into(),
            client: ([127, 0, 0, 6], 4000).into(),
            server: ([10, 9, 0, pod], 9080).into(),
            method: Some("GET".into()),
            path: Some("/a".into()),
            request_id: Some(format!("id-{pod}").into()),
            start: entry.start,
            end: Some(entry.end()),
            gave_up: true,
            flags: None,
            counts: true,
        }
    }

    fn text(lines: &[&str]) -> String {
        let entry = Entry::parse(LINE).unwrap();
        let all = (2..6).map(|pod| seen(pod, &entry)).collect();
        let mut logs = Logs::default();
        for (place, line) in lines.iter().enumerate() {
            let name = format!("catalog-{place}");
            logs.add(Log::read(name, line.as_bytes(), &mut Default::default()).unwrap());
        }
        let mut out = Vec::new();
        Found::new(all, 0, logs).text(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_pods_log_speaks_of_that_pods_give_ups() {
        let own = LINE.replace("id-0", "id-2");
        let text = text(&[&own, LINE, LINE]);
        assert!(text.contains("  1 of 1 given up are DC at catalog-0.\n"), "{text}");
        assert!(!text.contains("None of"), "{text}");
    }

    #[test]
    fn that_no_log_knows_them_is_said_once() {
        let one = text(&[LINE]);
        assert!(one.contains("  None of the 4 given up is known to catalog-0.\n"), "{one}");
        let many = text(&[LINE, LINE, LINE]);
        assert_eq!(many.matches("None of the 4 given up").count(), 1, "{many}");
    }
}
