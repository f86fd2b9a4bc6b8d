//! What happened in a capture, told by the logs of those who took part, and how much of it an
//! analysis found out.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use meshsniff::pairing::{Exchange, Side};
use serde_json::Value;

use super::{Frame, Report, brief};

/// The comparison of a report with the truth.
#[derive(Debug, Default)]
pub(crate) struct Score {
    /// By outcome: right, said though it was not so, missed.
    pub(crate) outcomes: BTreeMap<String, Tally>,
    /// Said wrongly, in words. `unknown` and `in_progress` are never false.
    pub(crate) false_verdicts: Vec<String>,
    /// Not found out, in words.
    pub(crate) missed: Vec<String>,
    /// Right, but not said with status, gap, who left and the late answer's status; in words.
    pub(crate) unsaid: Vec<String>,
    /// Connects said to have timed out that were refused, with a single SYN captured. If the
    /// capture lost the RST, nothing tells the one from the other.
    pub(crate) lone_syns: usize,
    /// How far each gap is from the truth, in ms.
    pub(crate) gap_errors: Vec<f64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) right: usize,
    pub(crate) wrong: usize,
    pub(crate) missed: usize,
}

impl Score {
    pub(crate) fn recall(&self) -> f64 {
        let right: usize = self.outcomes.values().map(|tally| tally.right).sum();
        let all: usize = self.outcomes.values().map(|tally| tally.right + tally.missed).sum();
        if all == 0 { 1.0 } else { right as f64 / all as f64 }
    }

    pub(crate) fn mean_gap_error(&self) -> f64 {
        let sum: f64 = self.gap_errors.iter().map(|error| error.abs()).sum();
        if self.gap_errors.is_empty() { 0.0 } else { sum / self.gap_errors.len() as f64 }
    }
}

/// An exchange that happened.
struct Happened {
    value: Value,
    accept: Vec<String>,
}

impl Happened {
    fn text(&self, key: &str) -> Option<&str> {
        self.value[key].as_str()
    }

    fn outcome(&self) -> &str {
        self.text("outcome").unwrap_or_default()
    }

    fn time(&self) -> f64 {
        self.value["t"].as_f64().unwrap_or_default()
    }

    fn number(&self, key: &str) -> Option<f64> {
        self.value[key].as_f64()
    }

    fn words(&self) -> String {
        let text = |key| self.text(key).unwrap_or("-");
        format!("{} {} at {}: {}", text("client"), text("path"), self.time(), self.outcome())
    }
}

/// What happened within the time of the capture, and the connects that began before it. What
/// ended less than 2 s before the capture's end may still be in progress.
fn happened(truth: &Value, frames: &[Frame]) -> (Vec<Happened>, Vec<Happened>) {
    let seconds = |time: Option<i64>| time.unwrap_or_default() as f64 / 1e9;
    let begin = seconds(frames.iter().map(|frame| frame.time).min());
    let end = seconds(frames.iter().map(|frame| frame.time).max());
    let pods = truth["pods"].as_object().expect("pods");
    let exchanges = pods.values().flat_map(|pod| pod["exchanges"].as_array().expect("exchanges"));
    let (mut all, mut before) = (Vec::new(), Vec::new());
    for value in exchanges {
        let it = Happened { value: value.clone(), accept: Vec::new() };
        if it.outcome() == "connect_only" {
            continue;
        }
        if it.time() < begin {
            if it.outcome() == "connect_timeout" {
                before.push(it);
            }
            continue;
        }
        let mut accept: Vec<String> = match value["accept"].as_array() {
            Some(list) => list.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect(),
            None => vec![it.outcome().to_owned()],
        };
        if it.time() + it.number("gap_ms").unwrap_or(0.0) / 1000.0 > end - 2.0 {
            accept.push("in_progress".to_owned());
        }
        all.push(Happened { accept, ..it });
    }
    all.sort_by(|a, b| a.time().total_cmp(&b.time()));
    (all, before)
}

/// Pairs what happened with what was said: by request id; then by connection and number of the
/// stream; then by connection and order on it;
/// then, where nothing but the server is known, by server and outcome in order of time.
pub(crate) fn score(truth: &Value, frames: &[Frame], report: &Report) -> Score {
    let (happened, before) = happened(truth, frames);
    let said = &report.exchanges;
    let mut by_id: HashMap<&str, VecDeque<usize>> = HashMap::new();
    let mut by_connection: HashMap<(String, String), Vec<usize>> = HashMap::new();
    for (at, exchange) in said.iter().enumerate() {
        if let Some(id) = &exchange.request.request_id {
            by_id.entry(id).or_default().push_back(at);
        }
        let ends = (exchange.client.to_string(), exchange.server.to_string());
        by_connection.entry(ends).or_default().push(at);
    }
    let mut used = HashSet::new();
    let mut pairs: Vec<(&Happened, Option<usize>)> = Vec::new();
    for it in &happened {
        let found = it.text("request_id").and_then(|id| by_id.get_mut(id)?.pop_front());
        used.extend(found);
        pairs.push((it, found));
    }
    for (it, found) in pairs.iter_mut().filter(|(_, found)| found.is_none()) {
        let Some(stream) = it.value["stream"].as_u64() else { continue };
        *found = (0..said.len()).find(|at| {
            !used.contains(at)
                && said[*at].stream.map(u64::from) == Some(stream)
                && Some(said[*at].client.to_string().as_str()) == it.text("client")
        });
        used.extend(*found);
    }
    for (it, found) in pairs.iter_mut().filter(|(_, found)| found.is_none()) {
        let Some(client) = it.text("client") else { continue };
        let ends = (client.to_owned(), it.text("server").unwrap_or_default().to_owned());
        let list = by_connection.get(&ends).map(Vec::as_slice).unwrap_or_default();
        *found = list.iter().copied().find(|at| !used.contains(at));
        if found.is_none() && ends.1.ends_with(":15001") {
            // The logs name the proxy; packets name the original destination.
            *found = (0..said.len())
                .find(|at| !used.contains(at) && said[*at].client.to_string() == ends.0);
        }
        used.extend(*found);
    }
    for (it, found) in pairs.iter_mut().filter(|(_, found)| found.is_none()) {
        if it.text("client").is_some() {
            continue;
        }
        let candidates = said.iter().enumerate().filter(|(at, exchange)| {
            !used.contains(at)
                && Some(exchange.server.to_string().as_str()) == it.text("server")
                && exchange.outcome.name() == it.outcome()
        });
        *found = candidates.min_by_key(|(_, e)| e.request.last.map(|m| m.time)).map(|(at, _)| at);
        used.extend(*found);
    }
    let mut score = Score::default();
    for (it, found) in pairs {
        match found {
            Some(at) => score.pair(it, &said[at]),
            None => {
                score.tally(it.outcome()).missed += 1;
                score.missed.push(format!("{}, not seen", it.words()));
            }
        }
    }
    for (at, exchange) in said.iter().enumerate() {
        if used.contains(&at) || !is_verdict(exchange) {
            continue;
        }
        let server = exchange.server.to_string();
        let there = |it: &&Happened| it.text("server") == Some(&server);
        let outcome = exchange.outcome.name();
        if before.iter().filter(there).any(|it| it.outcome() == outcome) {
            // Its first SYN lies before the capture, a later one in it.
        } else if is_lone_syn(exchange)
            && happened.iter().filter(there).any(|it| it.outcome() == "refused")
        {
            score.lone_syns += 1;
        } else {
            score.tally(exchange.outcome.name()).wrong += 1;
            score.false_verdicts.push(format!("never happened: {}", words(exchange)));
        }
    }
    score
}

impl Score {
    fn tally(&mut self, outcome: &str) -> &mut Tally {
        self.outcomes.entry(outcome.to_owned()).or_default()
    }

    fn pair(&mut self, it: &Happened, said: &Exchange) {
        let outcome = said.outcome.name();
        if !it.accept.iter().any(|accepted| accepted == outcome) {
            self.tally(it.outcome()).missed += 1;
            self.missed.push(format!("{}, but said {}", it.words(), words(said)));
            if it.outcome() == "refused" && is_lone_syn(said) {
                self.lone_syns += 1;
            } else if is_verdict(said) {
                self.tally(outcome).wrong += 1;
                self.false_verdicts.push(format!("{}, but said {}", it.words(), words(said)));
            }
            return;
        }
        self.tally(it.outcome()).right += 1;
        let gap = said.gap().map(|gap| gap.as_secs_f64() * 1000.0);
        if let (Some(want), Some(gap)) = (it.number("gap_ms_wire"), gap) {
            self.gap_errors.push(gap - want);
        }
        let want = it.value["status"].as_u64();
        let status = said.response.as_ref().map(|response| u64::from(response.status));
        let wrong = want.is_some() && status.is_some() && want != status;
        let mut unsaid = Vec::new();
        if wrong {
            unsaid.push(format!("status {want:?} said {status:?}"));
        }
        if outcome == it.outcome() {
            if outcome == "complete" && want.is_some() && status.is_none() {
                unsaid.push("status".to_owned());
            }
            if it.number("gap_ms_wire").is_some() && gap.is_none() {
                unsaid.push("gap".to_owned());
            }
            let by = said.by.map(|side| match side {
                Side::Client => "client",
                Side::Server => "server",
            });
            if it.text("by").is_some() && it.text("by") != by {
                unsaid.push(format!("by {:?} said {by:?}", it.text("by")));
            }
            let late = said.late.and_then(|late| late.status).map(u64::from);
            let want = it.value["late_status"].as_u64();
            if it.value["late_on_wire"].as_bool() == Some(true) && want != late {
                unsaid.push(format!("late status {want:?} said {late:?}"));
            }
        }
        if !unsaid.is_empty() {
            self.unsaid.push(format!("{}: {}", it.words(), unsaid.join(", ")));
        }
    }
}

fn is_verdict(exchange: &Exchange) -> bool {
    !matches!(exchange.outcome.name(), "unknown" | "in_progress")
}

fn is_lone_syn(exchange: &Exchange) -> bool {
    exchange.outcome.name() == "connect_timeout" && exchange.request.attempts == 1
}

fn words(exchange: &Exchange) -> String {
    let first = exchange.request.first.map(|mark| mark.number);
    format!("{} {} > {} (frame {first:?})", brief(exchange), exchange.client, exchange.server)
}
