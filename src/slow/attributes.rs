use super::samples::Pod;

/// Differences worth saying of one group: more only confuse.
const MOST: usize = 3;

/// What these pods share and no other pod with requests has, as `version v2` or `node node2`.
pub(super) fn shared(pods: &[Pod], named: &[bool]) -> Vec<String> {
    let mut shared = Vec::new();
    let active = |pod: &&(&Pod, bool)| !pod.0.samples.is_empty();
    let all: Vec<(&Pod, bool)> = pods.iter().zip(named.iter().copied()).collect();
    if all.iter().filter(active).any(|(pod, _)| pod.attributes.is_empty()) {
        // Of some it is not known what they have.
        return shared;
    }
    let Some((first, _)) = all.iter().filter(active).find(|(_, named)| *named) else {
        return shared;
    };
    for attribute in &first.attributes {
        let splits = |(pod, named): &(&Pod, bool)| pod.attributes.contains(attribute) == *named;
        if all.iter().filter(active).all(splits) && shared.len() < MOST {
            shared.push(format!("{} {}", attribute.0, attribute.1));
        }
    }
    shared
}
