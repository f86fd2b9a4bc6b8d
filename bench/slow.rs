//! What a verdict on the slow pod costs: 200 pods with 5,000 requests each, two of them slow.
#![allow(missing_docs, clippy::disallowed_methods, clippy::print_stdout)]

use std::time::{Duration, Instant};

use meshsniff::capture::Timestamp;
use meshsniff::slow::{Question, Samples, Took, Verdict};

const PODS: usize = 200;
const EACH: usize = 5_000;
const ROUTES: [&str; 6] = ["GET /a", "GET /b", "GET /c", "GET /d", "GET /e", "GET /f"];

fn main() {
    let mut state = 88_172_645_463_325_252_u64;
    let mut share = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut samples = Samples::new();
    for pod in 0..PODS {
        samples.pod(&format!("web-{pod}"), Vec::new());
        let mut times: Vec<f64> = (0..EACH).map(|_| 30.0 * share()).collect();
        times.sort_by(f64::total_cmp);
        for at in times {
            let route = (share() * ROUTES.len() as f64) as usize;
            let spread = (share() + share() + share() + share() - 2.0).exp();
            let slower = if pod == 7 || pod == 9 { 3.0 } else { 1.0 };
            let millis = 10.0 * (1.0 + route as f64) * spread * slower;
            let took = match millis {
                90.0.. => Took::GaveUp(Duration::from_millis(90), None),
                _ => Took::Answered(Duration::from_secs_f64(millis / 1000.0)),
            };
            let at = Timestamp::from_nanos(1_790_000_000_000_000_000 + (at * 1e9) as i64);
            samples.request(pod, ROUTES[route], at, took);
        }
    }
    let mut spans: Vec<Duration> = (0..15)
        .map(|_| {
            let begun = Instant::now();
            let verdict = Verdict::of(&samples, &Question::default());
            assert_eq!(verdict.slow.len(), 2, "{}", verdict.sentence);
            begun.elapsed()
        })
        .collect();
    spans.sort();
    println!(
        "{PODS} pods, {EACH} requests each: {:?} median, {:?} least",
        spans[spans.len() / 2],
        spans[0]
    );
}
