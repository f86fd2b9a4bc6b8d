use super::sample::Sample;
use super::usual::Usual;

/// Requests without an answer from which a pod that answers nothing is named. They may have hung for one
/// reason, so that their number proves little: how long they waited does.
const LEAST: usize = 5;
/// What share of the requests on the same routes its siblings may leave unanswered.
const OTHERS: f64 = 0.1;
/// How long they must have waited, in ms, and how many usual times: far longer than any pause.
const WAITED: f32 = 10_000.0;
const TIMES: f32 = 20.0;

/// The pods that answered none of their requests while their siblings answered theirs.
///
/// The comparison by seconds misses those whose requests all came at once and then filled every
/// connection.
pub(super) fn silent(pods: &[Vec<Sample>], usual: &[Usual]) -> Vec<bool> {
    let mute: Vec<bool> =
        pods.iter().map(|pod| !pod.is_empty() && pod.iter().all(|sample| sample.unseen)).collect();
    let others = || pods.iter().zip(&mute).filter(|(_, mute)| !**mute).flat_map(|(pod, _)| pod);
    let is_silent = |pod: &Vec<Sample>| {
        // What its siblings answered before says nothing of the time in which it was asked.
        let begun = pod.iter().map(|sample| sample.at).min().unwrap_or(0);
        let mut answered = vec![(0_usize, 0_usize); usual.len()];
        for sample in others().filter(|sample| sample.at >= begun) {
            let (seen, all) = &mut answered[usize::from(sample.route)];
            *seen += usize::from(!sample.unseen);
            *all += 1;
        }
        let overdue = |sample: &&Sample| {
            let route = usize::from(sample.route);
            let (seen, all) = answered[route];
            let is_answered = all >= LEAST && seen as f64 >= (1.0 - OTHERS) * all as f64;
            is_answered && sample.took >= (TIMES * usual[route].time).max(WAITED)
        };
        pod.iter().filter(overdue).count() >= LEAST
    };
    pods.iter().zip(&mute).map(|(pod, mute)| *mute && is_silent(pod)).collect()
}
