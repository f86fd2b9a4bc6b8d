//! Which pod is slow: data sets with their right answers, and what a verdict is made of.

use std::fs;
use std::path::Path;
use std::time::Duration;

use meshsniff::capture::Timestamp;
use meshsniff::slow::{Answer, Question, Samples, Took, Verdict};
use serde_json::Value;

fn time(seconds: f64) -> Timestamp {
    Timestamp::from_nanos(1_790_000_000_000_000_000 + (seconds * 1e9) as i64)
}

fn millis(value: &Value) -> Option<Duration> {
    Some(Duration::from_secs_f64(value.as_f64()? / 1000.0))
}

fn samples(case: &Value) -> Samples {
    let exchanges = case["exchanges"].as_array().unwrap();
    let listed = case["pods"].as_array().into_iter().flatten();
    let of = |value: &Value| value.as_str().unwrap().to_owned();
    let mut pods: Vec<String> = listed.map(of).collect();
    pods.extend(exchanges.iter().map(|exchange| of(&exchange["pod"])));
    pods.sort();
    pods.dedup();
    let mut samples = Samples::new();
    for pod in &pods {
        samples.pod(pod, Vec::new());
    }
    for exchange in exchanges {
        let pod = pods.iter().position(|pod| exchange["pod"] == **pod).unwrap();
        let took = match (millis(&exchange["gave_up_ms"]), millis(&exchange["ttfb_ms"])) {
            (Some(after), _) => Took::GaveUp(after, millis(&exchange["late_ms"])),
            (None, Some(took)) => Took::Answered(took),
            (None, None) => Took::Open,
        };
        let at = time(exchange["t"].as_f64().unwrap());
        samples.request(pod, exchange["route"].as_str().unwrap(), at, took);
    }
    samples.span(time(0.0), time(case["window_s"].as_f64().unwrap()));
    samples
}

#[test]
fn each_data_set_gets_its_right_answer() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slow/cases");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), 13);
    for file in files {
        let case: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let verdict = Verdict::of(&samples(&case), &Question::default());
        let named: Vec<Value> = verdict.slow.iter().map(|slow| slow.pod.as_str().into()).collect();
        let said = format!("{}: {} {:?}", case["name"], case["why"], verdict.sentence);
        assert_eq!(verdict.answer.name(), case["expect"]["answer"], "{said}");
        assert_eq!(Value::from(named), case["expect"]["pods"], "{said}");
        if let Some(route) = case["expect"].get("route") {
            assert_eq!(verdict.slow[0].route.as_deref(), route.as_str(), "{said}");
        }
        assert_eq!(verdict.more.is_some(), verdict.answer == Answer::NotEnough, "{said}");
    }
}

#[test]
fn a_slow_pod_is_told_in_a_sentence() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slow/cases/04-stuck.json");
    let case: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let verdict = Verdict::of(&samples(&case), &Question::default());
    assert_eq!(
        verdict.slow[0].sentence(),
        "web-1 is slow: 22 of its 22 requests reached the limit at which clients give up (500 ms); 0 \
         would have on the other pods. On GET /items its median is >500 ms; usual is 4.4 ms."
    );
    assert_eq!(verdict.slow[0].given_up, 22);
}
