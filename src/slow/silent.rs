use super::samples::Sample;
use super::usual::Usual;

/// Requests without an answer from which a pod that answers nothing is named: its siblings leave one
/// in ten unanswered at most, so that five by chance are one in a hundred thousand.
const LEAST: usize = 5;
/// What share of the requests on the same routes its siblings may leave unanswered.
const OTHERS: f64 = 0.1;
/// How long the oldest must have waited, in ms, and how many usual times.
const WAITED: f32 = 2_000.0;
const TIMES: f32 = 20.0;

/// The pods that answered none of their requests while their siblings answered theirs.
///
/// The comparison by seconds misses those whose requests all came at once and then filled every
/// connection.
pub(super) fn silent(pods: &[Vec<Sample>], usual: &[Usual]) -> Vec<bool> {
    let mut answered = vec![(0_u64, 0_u64); usual.len()];
    let mute: Vec<bool> =
        pods.iter().map(|pod| !pod.is_empty() && pod.iter().all(|sample| sample.unseen)).collect();
    for sample in pods.iter().zip(&mute).filter(|(_, mute)| !**mute).flat_map(|(pod, _)| pod) {
        let (seen, all) = &mut answered[usize::from(sample.route)];
        *seen += u64::from(!sample.unseen);
        *all += 1;
    }
    let is_silent = |pod: &Vec<Sample>| {
        let on_answered = |sample: &&Sample| {
            let (seen, all) = answered[usize::from(sample.route)];
            all >= LEAST as u64 && seen as f64 >= (1.0 - OTHERS) * all as f64
        };
        let overdue = |sample: &Sample| {
            let bound = (TIMES * usual[usize::from(sample.route)].time).max(WAITED);
            sample.took >= bound
        };
        let compared: Vec<&Sample> = pod.iter().filter(on_answered).collect();
        compared.iter().filter(|sample| overdue(sample)).count() >= LEAST
    };
    pods.iter().zip(mute).map(|(pod, mute)| mute && is_silent(pod)).collect()
}
