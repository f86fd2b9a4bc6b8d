//! The sample captures of a mesh, compared with what its applications, clients and proxies logged.

mod support;

use std::collections::BTreeMap;

use serde_json::Value;
use support::mangle::Damage;
use support::truth::{Score, score};
use support::{Frame, analyse, load, read, walk};

/// Every capture with its truth beside it, by path without `.truth.json`.
fn sets() -> Vec<(String, Value, Vec<Frame>)> {
    let sets: Vec<_> = walk("captures")
        .into_iter()
        .filter_map(|path| Some(path.to_str()?.strip_suffix(".truth.json")?.to_owned()))
        .map(|name| {
            let truth = truth(&name);
            let frames = load(format!("captures/{name}.pcap"));
            (name, truth, frames)
        })
        .collect();
    assert!(sets.len() >= 12, "only {} captures have their truth beside them", sets.len());
    sets
}

fn truth(name: &str) -> Value {
    serde_json::from_str(&read(format!("captures/{name}.truth.json"))).unwrap()
}

fn judge(truth: &Value, frames: &[Frame]) -> Score {
    score(truth, frames, &analyse(frames))
}

#[test]
fn every_exchange_of_every_capture_is_told_right() {
    for (name, truth, frames) in sets() {
        let score = judge(&truth, &frames);
        assert_eq!(score.false_verdicts, [""; 0], "{name}");
        assert_eq!(score.missed, [""; 0], "{name}");
        assert_eq!(score.unsaid, [""; 0], "{name}");
        assert!(score.mean_gap_error() <= 0.05, "{name}: {} ms", score.mean_gap_error());
        for (outcome, tally) in &score.outcomes {
            assert_eq!((tally.wrong, tally.missed), (0, 0), "{name}: {outcome}");
            assert!(tally.right > 0, "{name}: {outcome}");
        }
    }
}

#[test]
fn the_mangled_captures_that_are_kept() {
    let truth = truth("http1/tutorial-504");
    for (kind, recall) in [("midstream", 0.85), ("shuffled", 0.95), ("holes", 0.75)] {
        let score = judge(&truth, &load(format!("captures/http1/tutorial-504.{kind}.pcap")));
        assert_eq!(score.false_verdicts, [""; 0], "{kind}");
        assert!(score.recall() >= recall, "{kind}: {} {:#?}", score.recall(), score.missed);
    }
}

/// Captures of which it is measured how much is still found out.
const MEASURED: [&str; 4] =
    ["http1/tutorial-504", "grpc/grpc-h2", "tls/tls", "websocket/websocket"];

/// Damages every capture with several seeds; answers the least mean recall of [`MEASURED`].
fn damaged(damage: Damage, seeds: std::ops::Range<u64>) -> f64 {
    let mut recalls: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (name, truth, frames) in sets() {
        for seed in seeds.clone() {
            let score = judge(&truth, &damage.to(&frames, seed));
            if MEASURED.contains(&name.as_str()) {
                recalls.entry(name.clone()).or_default().push(score.recall());
            }
            let of = |verdict: &String| format!("{name} seed {seed}: {verdict}");
            wrong.extend(score.false_verdicts.iter().map(of));
        }
    }
    assert_eq!(wrong, [""; 0], "{damage:?}");
    let mean = |recalls: &Vec<f64>| recalls.iter().sum::<f64>() / recalls.len() as f64;
    let means: Vec<_> = recalls.values().map(mean).collect();
    assert_eq!(means.len(), MEASURED.len());
    means.into_iter().fold(1.0, f64::min)
}

#[test]
fn two_percent_lost() {
    let recall = damaged(Damage { drop: 0.02, ..Damage::default() }, 1..41);
    assert!(recall >= 0.9, "{recall}");
}

#[test]
fn five_percent_lost() {
    let recall = damaged(Damage { drop: 0.05, ..Damage::default() }, 1..41);
    assert!(recall >= 0.85, "{recall}");
}

#[test]
fn twelve_percent_lost() {
    let recall = damaged(Damage { drop: 0.12, ..Damage::default() }, 1..41);
    assert!(recall >= 0.75, "{recall}");
}

#[test]
fn reordered_and_doubled() {
    let recall = damaged(Damage { reorder: 0.3, dup: 0.1, ..Damage::default() }, 1..41);
    assert!(recall >= 0.95, "{recall}");
}

#[test]
fn begun_in_the_middle() {
    for skip_ms in [40, 300, 1100, 2500] {
        let recall = damaged(Damage { skip_ms, ..Damage::default() }, 1..2);
        assert!(recall >= 0.85, "{skip_ms} ms: {recall}");
    }
}
