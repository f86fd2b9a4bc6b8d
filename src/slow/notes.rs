use super::figures::Figures;
use super::samples::Samples;

/// Errors of a pod, and their share of its requests, from which they are worth a note.
const ERRORS: u64 = 10;
const SHARE: f64 = 0.2;
/// Names in a note: more are a number.
const NAMES: usize = 5;

/// What is to be known beside the verdict, each a sentence.
pub(super) fn notes(samples: &Samples, figures: &[Figures]) -> Vec<String> {
    let mut notes = Vec::new();
    let idle: Vec<&str> = figures
        .iter()
        .filter(|pod| pod.requests == 0 && pod.failed == 0)
        .map(|pod| pod.name.as_str())
        .collect();
    if !idle.is_empty() {
        let it = if idle.len() == 1 { "is it" } else { "are they" };
        notes.push(format!(
            "{} got no requests at all: {it} Ready? A stuck pod looks like this, too.",
            names(&idle)
        ));
    }
    for pod in figures {
        if pod.failed >= ERRORS && pod.failed as f64 >= SHARE * pod.requests as f64 {
            notes.push(format!(
                "{} fails: {} of its requests ended in an error (5xx, a grpc-status, a reset); \
                 how fast it does so is not looked at.",
                pod.name, pod.failed
            ));
        }
    }
    if samples.left_out > 0 {
        notes.push(format!(
            "{} requests of rare routes are left out: more than 512 routes are not told apart.",
            samples.left_out
        ));
    }
    if samples.weight() > 1 {
        notes.push(format!(
            "One of {} requests is looked at, there were so many.",
            samples.weight()
        ));
    }
    notes
}

/// `a, b and c`; of many the first ones.
pub(super) fn names(names: &[&str]) -> String {
    let (shown, more) = names.split_at(names.len().min(NAMES));
    match (shown, more.len()) {
        ([one], 0) => (*one).to_owned(),
        ([first @ .., last], 0) => format!("{} and {last}", first.join(", ")),
        (shown, more) => format!("{} and {more} more", shown.join(", ")),
    }
}
