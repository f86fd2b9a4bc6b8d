//! Which pod is slow, where it is known: simulated deployments, healthy and not.
//!
//! Each run has its own fixed seed, so that a figure is the same on every machine.

use std::time::Duration;

use meshsniff::capture::Timestamp;
use meshsniff::slow::{Answer, Question, Samples, Took, Verdict};

/// A repeatable source of numbers (xorshift64*).
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self((seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Of a normal distribution.
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.share()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.share()).cos()
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.share() * bound as f64) as usize
    }
}

/// A deployment and its half minute.
#[derive(Clone, Copy)]
struct Scenario {
    name: &'static str,
    pods: usize,
    /// Requests of a pod, on average.
    each: usize,
    /// How unequal the pods' traffic is: standard deviation of its logarithm.
    uneven: f64,
    /// The same of the times of one route.
    tail: f64,
    /// Each pod has its own mixture of routes.
    mixed: bool,
    /// For 1.5 s everything is ten times slower.
    hiccup: bool,
    /// Each pod stands still for up to a second, once.
    pauses: bool,
    /// Half of the pods are on nodes that are slower by a tenth.
    nodes: bool,
    /// One request in eight is twenty times slower, on every pod.
    bimodal: bool,
    /// Half of what the first pod gets comes from a caller that waits 30 ms only.
    impatient: bool,
    /// Clients wait so long, in ms.
    patience: f64,
}

const PLAIN: Scenario = Scenario {
    name: "plain",
    pods: 10,
    each: 100,
    uneven: 0.0,
    tail: 0.5,
    mixed: false,
    hiccup: false,
    pauses: false,
    nodes: false,
    bimodal: false,
    impatient: false,
    patience: 1000.0,
};

const HEALTHY: [Scenario; 14] = [
    Scenario { name: "two pods", pods: 2, ..PLAIN },
    Scenario { name: "two busy pods, heavy tails", pods: 2, each: 1000, tail: 1.0, ..PLAIN },
    Scenario { name: "few requests", each: 15, ..PLAIN },
    Scenario { name: "uneven traffic", uneven: 0.8, ..PLAIN },
    Scenario { name: "mixed routes", mixed: true, uneven: 0.5, ..PLAIN },
    Scenario { name: "heavy tails", tail: 1.2, each: 300, ..PLAIN },
    Scenario { name: "a hiccup of all", hiccup: true, uneven: 0.5, ..PLAIN },
    Scenario { name: "pauses", pauses: true, ..PLAIN },
    Scenario { name: "slower nodes", nodes: true, each: 400, ..PLAIN },
    Scenario { name: "bimodal", bimodal: true, mixed: true, ..PLAIN },
    Scenario { name: "an impatient caller", impatient: true, each: 200, ..PLAIN },
    Scenario { name: "impatient everywhere", patience: 45.0, mixed: true, ..PLAIN },
    Scenario { name: "fifty pods", pods: 50, mixed: true, hiccup: true, uneven: 0.5, ..PLAIN },
    Scenario { name: "two hundred pods", pods: 200, each: 60, mixed: true, uneven: 0.5, ..PLAIN },
];

/// What is wrong with a pod.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    /// So many times slower.
    Times(f64),
    /// So many times slower on one route.
    Route(usize, f64),
    /// Answers nothing.
    Stuck,
    /// This share of its requests so many times slower.
    Some(f64, f64),
}

const SECONDS: f64 = 30.0;
/// Usual times, in ms, and how often they are asked.
const ROUTES: [(&str, f64, f64); 4] = [
    ("GET /items", 8.0, 0.4),
    ("GET /items/{id}", 5.0, 0.3),
    ("POST /cart", 40.0, 0.2),
    ("GET /report", 150.0, 0.1),
];

fn time(seconds: f64) -> Timestamp {
    Timestamp::from_nanos(1_790_000_000_000_000_000 + (seconds * 1e9) as i64)
}

fn route(dice: &mut Dice, weights: &[f64; 4]) -> usize {
    let mut left = dice.share() * weights.iter().sum::<f64>();
    for (place, weight) in weights.iter().enumerate() {
        left -= weight;
        if left < 0.0 {
            return place;
        }
    }
    0
}

fn run(scenario: &Scenario, faults: &[Fault], seed: u64) -> Verdict {
    let mut dice = Dice::new(seed);
    let mut samples = Samples::new();
    samples.span(time(0.0), time(SECONDS));
    let trouble = 5.0 + dice.share() * 20.0;
    for pod in 0..scenario.pods {
        samples.pod(&format!("web-{pod:03}"), Vec::new());
        let fault = faults.get(pod).copied().unwrap_or(Fault::None);
        let mut weights = ROUTES.map(|(.., weight)| weight);
        if scenario.mixed {
            weights = weights.map(|weight| weight * (0.9 * dice.normal()).exp());
        }
        let factor = if scenario.nodes && pod % 2 == 0 { 1.1 } else { 1.0 };
        let pause = (dice.share() * SECONDS, dice.share());
        let count = scenario.each as f64 * (scenario.uneven * dice.normal()).exp();
        for _ in 0..count.round() as usize {
            let at = dice.share() * SECONDS;
            let route = route(&mut dice, &weights);
            let mut took = ROUTES[route].1 * factor * (scenario.tail * dice.normal()).exp();
            if scenario.bimodal && dice.below(8) == 0 {
                took *= 20.0;
            }
            if scenario.hiccup && (trouble..trouble + 1.5).contains(&at) {
                took *= 10.0;
            }
            if scenario.pauses && (pause.0..pause.0 + pause.1).contains(&at) {
                took += 1000.0 * (pause.0 + pause.1 - at);
            }
            match fault {
                Fault::Times(times) => took *= times,
                Fault::Route(on, times) if on == route => took *= times,
                Fault::Stuck => took = f64::INFINITY,
                Fault::Some(share, times) if dice.share() < share => took *= times,
                _ => {}
            }
            let impatient = scenario.impatient && pod == 0 && dice.below(2) == 0;
            let patience = if impatient { 30.0 } else { scenario.patience };
            let millis = |millis: f64| Duration::from_secs_f64(millis / 1000.0);
            let took = if took >= patience {
                Took::GaveUp(millis(patience), None)
            } else {
                Took::Answered(millis(took))
            };
            samples.request(pod, ROUTES[route].0, time(at), took);
        }
    }
    Verdict::of(&samples, &Question::default())
}

#[test]
fn healthy_pods_are_hardly_ever_accused() {
    let (mut all, mut accused) = (0, 0);
    for scenario in &HEALTHY {
        let runs = if scenario.pods > 20 { 40 } else { 150 };
        let mut of_this = 0;
        for seed in 0..runs {
            let verdict = run(scenario, &[], seed);
            of_this += u64::from(matches!(verdict.answer, Answer::Slow | Answer::Split));
        }
        assert!(of_this * 100 <= runs, "{}: {of_this} of {runs}", scenario.name);
        all += runs;
        accused += of_this;
    }
    assert!(accused * 200 <= all, "{accused} of {all}");
}

/// In how many of a hundred runs exactly the pods with a fault are named.
fn named(scenario: &Scenario, faults: &[Fault]) -> u64 {
    let exact = |seed: &u64| {
        let verdict = run(scenario, faults, 1_000 + seed);
        let named: Vec<&str> = verdict.slow.iter().map(|slow| slow.pod.as_str()).collect();
        let wanted: Vec<String> = (0..faults.len()).map(|pod| format!("web-{pod:03}")).collect();
        named == wanted
    };
    (0..100).filter(exact).count() as u64
}

#[test]
fn slow_pods_are_named_as_often_as_the_rule_promises() {
    let ten = Scenario { hiccup: true, uneven: 0.5, tail: 0.7, ..PLAIN };
    let twenty = Scenario { pods: 20, ..ten };
    let cases = [
        ("twice slower", ten, vec![Fault::Times(2.0)], 84),
        ("three times slower", ten, vec![Fault::Times(3.0)], 99),
        ("stuck", ten, vec![Fault::Stuck], 100),
        ("one route five times slower", ten, vec![Fault::Route(2, 5.0)], 81),
        ("half of them three times slower", twenty, vec![Fault::Times(3.0); 10], 94),
        ("one in ten", Scenario { each: 300, ..ten }, vec![Fault::Some(0.1, 10.0)], 41),
        (
            "one in ten, more requests",
            Scenario { each: 1000, ..ten },
            vec![Fault::Some(0.1, 10.0)],
            85,
        ),
    ];
    for (what, scenario, faults, promised) in cases {
        let found = named(&scenario, &faults);
        assert!(found + 5 >= promised, "{what}: {found} of 100, {promised} promised");
    }
}
