//! Exchanges that the agents have analysed, made into lines.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use memchr::memchr;
use meshsniff::Counts;
use meshsniff::pairing::{Again, Connection, Exchange, Plain, Repeats, Short};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;

use super::limit::Limit;
use super::received::Received;
use super::relay::Message;
use super::tally::Tally;
use crate::analyze::Judge;

/// A line of an agent: one of these. It is small, for there are many; what is large and rare is elsewhere.
#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    target: usize,
    exchange: Option<Box<Exchange>>,
    plain: Option<Box<Plain<Box<str>>>>,
    again: Option<Again<Box<str>>>,
    question: Option<Box<Exchange>>,
    connection: Option<Box<Connection>>,
    counts: Option<Box<Counts>>,
    ended: Option<Box<str>>,
    #[serde(default)]
    dropped: u64,
    #[serde(default)]
    lost: u64,
}

/// One agent's stream, as far as it has come.
struct Source {
    /// The end of a line that has not come whole.
    rest: Vec<u8>,
    received: Arc<Received>,
    /// The number of its first target among those of all agents.
    first: u32,
    /// What its targets have told of, one each.
    repeats: Vec<Repeats>,
}

/// The longest line believed.
const LINE: usize = 4 << 20;

impl Source {
    fn push(&mut self, bytes: &[u8], all: &mut All) -> anyhow::Result<()> {
        self.rest.extend_from_slice(bytes);
        let mut used = 0;
        while let Some(end) = memchr(b'\n', &self.rest[used..]) {
            let line = &self.rest[used..used + end];
            let line: Line = serde_json::from_slice(line).with_context(|| {
                format!(
                    "a line of the agent is not understood: {:.200}",
                    String::from_utf8_lossy(line)
                )
            })?;
            used += end + 1;
            all.take(line, self)?;
        }
        self.rest.drain(..used);
        self.received.more(used);
        anyhow::ensure!(self.rest.len() <= LINE, "a line of the agent is longer than 4 MiB");
        Ok(())
    }
}

/// What all streams come to.
struct All {
    judge: Judge,
    limit: Limit,
    /// The latest of each target: counters grow.
    counts: BTreeMap<u32, (Counts, u64, u64)>,
    /// Lost between an agent and us, beside what it says itself.
    lost: u64,
}

impl All {
    fn take(&mut self, line: Line, from: &mut Source) -> anyhow::Result<()> {
        let interface = from.first + line.target as u32;
        if let (Some(_), Some(last)) =
            (&line.ended, line.counts.as_ref().and_then(|counts| counts.last))
        {
            self.judge.gone(interface, last.time);
        }
        if let Some(counts) = line.counts {
            self.counts.insert(interface, (*counts, line.dropped, line.lost));
            let (counts, dropped, lost) = self.sum();
            self.judge.counted(&counts, dropped, lost);
        }
        // A question has no number: counted, it would let an exchange be forgotten.
        if let Some(mut exchange) = line.question {
            exchange.interface = interface;
            self.judge.question(&exchange)?;
        }
        if let Some(mut connection) = line.connection {
            from.received.unit();
            connection.interface = interface;
            self.judge.connection(&connection);
        }
        if let Some(mut exchange) = line.exchange {
            from.received.unit();
            exchange.interface = interface;
            self.exchange(&exchange)?;
        }
        if let Some(short) = line.plain.map(|it| Short::Plain(*it)).or(line.again.map(Short::Again))
        {
            from.received.unit();
            let repeats = from.repeats.get_mut(line.target);
            match repeats.and_then(|repeats| repeats.restore(short, interface)) {
                Some(exchange) => self.exchange(exchange)?,
                // What it is told by was lost, too.
                None => self.lost += 1,
            }
        }
        Ok(())
    }

    fn exchange(&mut self, exchange: &Exchange) -> std::io::Result<()> {
        if self.limit.takes(0) { self.judge.exchange(exchange) } else { Ok(()) }
    }

    /// What all targets have counted, packets that their kernels dropped, exchanges lost.
    fn sum(&self) -> (Counts, u64, u64) {
        let begin = (Counts::default(), 0, self.lost);
        self.counts.values().fold(begin, |(mut sum, dropped, lost), (of_one, more, gone)| {
            sum.add(of_one);
            (sum, dropped + more, lost + gone)
        })
    }
}

/// Tells all exchanges until all streams have ended; answers how that was, and whether there are
/// findings.
pub(super) fn tell(
    mut from: mpsc::Receiver<Message>,
    judge: Judge,
    limit: Limit,
) -> anyhow::Result<(Tally, bool)> {
    let mut sources: BTreeMap<usize, Source> = BTreeMap::new();
    let mut interfaces = 0;
    let mut all = All { judge, limit, counts: BTreeMap::new(), lost: 0 };
    let mut tally = Tally::default();
    loop {
        let message = match from.try_recv() {
            Ok(message) => message,
            Err(TryRecvError::Empty) => {
                // Nothing more is there now: what is known is shown.
                all.judge.flush()?;
                match from.blocking_recv() {
                    Some(message) => message,
                    None => break,
                }
            }
            Err(TryRecvError::Disconnected) => break,
        };
        match message {
            Message::Begin { agent, received, names } => {
                let repeats = names.iter().map(|_| Repeats::default()).collect();
                let source = Source { rest: Vec::new(), received, first: interfaces, repeats };
                sources.insert(agent, source);
                for name in names {
                    all.judge.describe(interfaces, &name);
                    interfaces += 1;
                }
            }
            Message::Fresh { agent, received } => {
                if let Some(source) = sources.get_mut(&agent) {
                    source.rest.clear();
                    let _ = received.send(source.received.units());
                }
            }
            Message::Bytes { agent, bytes } => {
                if let Some(source) = sources.get_mut(&agent) {
                    source.push(&bytes, &mut all)?;
                }
            }
            Message::Open { agent, refused } => {
                tally.captured |=
                    sources.get(&agent).is_some_and(|it| refused.len() < it.repeats.len());
            }
            Message::Lost { agent, units } => {
                all.lost += units;
                if let Some(source) = sources.get_mut(&agent) {
                    source.repeats.iter_mut().for_each(Repeats::forget);
                }
            }
            Message::Ended { cut, refused } => {
                tally.cut.extend(cut);
                tally.refused.extend(refused);
            }
        }
    }
    let (counts, dropped, lost) = all.sum();
    tally.lost = lost;
    if !tally.captured {
        all.judge.discard()?;
        return Ok((tally, false));
    }
    all.judge.counted(&counts, dropped, lost);
    let findings = all.judge.finish(&counts, Some(dropped))?;
    Ok((tally, findings))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use serde_json::{Value, json};
    use tokio::sync::watch;

    use super::*;
    use crate::analyze::{self, Aides};
    use crate::args::{Args, Command, Metrics, Place};
    use crate::metrics::Exporter;

    /// What an agent says of its target: a give-up, and what it has counted.
    fn lines(target: usize, packets: u64, lost: u64) -> Vec<u8> {
        let exchange = json!({
            "connection": 1, "protocol": "http1", "client": "127.0.0.6:40000", "server": "10.0.0.1:80",
            "request": {"method": "GET", "path": "/items/7"}, "by": "client",
            "outcome": "client_rst_before_response",
        });
        let counts = serde_json::to_value(Counts { packets, ..Counts::default() }).unwrap();
        let counts = json!({"target": target, "counts": counts, "dropped": 3, "lost": lost});
        let line = |value: Value| value.to_string() + "\n";
        (line(json!({"target": target, "exchange": exchange})) + &line(counts)).into_bytes()
    }

    #[test]
    fn metrics_grow_while_lines_come() {
        let args = Args::parse_from(["kubectl-meshsniff", "pod", "catalog", "--summary"]);
        let Command::Pod(args) = args.command else { unreachable!() };
        let name = format!("meshsniff-metrics-{}", std::process::id());
        let file = std::env::temp_dir().join(name);
        let metrics = Metrics { metrics: Some(Place::File(file.clone())) };
        let exporter = Exporter::open(&metrics).unwrap().unwrap();
        let aides = Aides { metrics: Some(exporter.recorder()), ..Aides::default() };
        let mut judge = analyze::judge(&args.report, aides).unwrap();
        judge.describe(0, "shop/catalog-1:lo");
        judge.describe(1, "shop/catalog-2:lo");
        let limit = Limit::new(None, None, watch::channel(false).0);
        let mut all = All { judge, limit, counts: BTreeMap::new(), lost: 1 };
        let repeats = vec![Repeats::default(), Repeats::default()];
        let mut source = Source { rest: Vec::new(), received: Arc::default(), first: 0, repeats };
        for (target, packets, lost) in [(0, 10, 0), (1, 20, 0), (0, 15, 4)] {
            source.push(&lines(target, packets, lost), &mut all).unwrap();
        }
        exporter.finish().unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        let pod = "namespace=\"shop\",pod=\"catalog-1\",route=\"GET /items/{id}\"";
        for line in [
            format!("meshsniff_request_fates_total{{{pod},side=\"client\",fate=\"failed\"}} 2"),
            format!("meshsniff_request_fates_total{{{pod},side=\"server\",fate=\"failed\"}} 0"),
            "meshsniff_packets_total 35".into(),
            "meshsniff_packets_lost_total{reason=\"kernel\"} 6".into(),
            "meshsniff_exchanges_lost_total 5".into(),
        ] {
            assert!(text.lines().any(|it| it == line), "{line}\n{text}");
        }
    }

    #[test]
    fn an_exchange_told_by_one_that_was_lost_is_lost() {
        let args = Args::parse_from(["kubectl-meshsniff", "pod", "catalog", "--summary"]);
        let Command::Pod(args) = args.command else { unreachable!() };
        let judge = analyze::judge(&args.report, Aides::default()).unwrap();
        let limit = Limit::new(None, None, watch::channel(false).0);
        let mut all = All { judge, limit, counts: BTreeMap::new(), lost: 0 };
        let repeats = vec![Repeats::default()];
        let mut source = Source { rest: Vec::new(), received: Arc::default(), first: 0, repeats };
        let (client, server) = ("127.0.0.6:40000", "10.0.0.1:80");
        let packets = [1, 1_700_000_000_000_000_000_u64, 0, 0, 1, 2_000_000, 0, 0];
        let mut tell = |line: Value| source.push((line.to_string() + "\n").as_bytes(), &mut all);
        tell(json!({"plain": [
            7, client, server, "GET", "/", "shop", null, false, 0, 200, 2, packets,
        ]}))
        .unwrap();
        for connection in [7, 8, 7] {
            let packets = [4, 3_000_000, 0, 0, 1, 900, 0, 0];
            tell(json!({"again": [connection, packets]})).unwrap();
        }
        assert_eq!((source.received.units(), all.lost), (4, 1));
    }
}
