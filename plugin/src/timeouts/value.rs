//! Whether a configured value can be the timeout that a route shows.

use std::time::Duration;

use meshsniff::problem::InferredTimeout;

use super::field::Field;

/// Within 3 % or 5 ms of each other.
pub(super) fn is_near(configured: Duration, shown: Duration) -> bool {
    let apart = configured.abs_diff(shown);
    apart <= Duration::from_millis(5) || apart.saturating_mul(100) <= shown.saturating_mul(3)
}

/// Near it, or among its gaps and up to a tenth above: the timer of who asks begins before the
/// request is at the pod.
pub(super) fn can_be(configured: Duration, shown: &InferredTimeout) -> bool {
    let low = shown.low.saturating_sub(Duration::from_millis(5));
    let high = shown.high.saturating_add(shown.high / 10);
    (low..=high).contains(&configured) || is_near(configured, shown.value)
}

/// Timeouts of requests first, then the nearest. If one of those is near, what is not is left out.
pub(super) fn order(fields: &mut Vec<&Field>, shown: Duration) {
    fields.sort_by_key(|field| (field.of_connections, field.value.abs_diff(shown)));
    let first = fields.first().filter(|field| !field.of_connections);
    if first.is_some_and(|field| is_near(field.value, shown)) {
        fields.retain(|field| is_near(field.value, shown));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_shorter_than_the_timeout() {
        let millis = Duration::from_millis;
        let shown = InferredTimeout {
            value: millis(471),
            usual: false,
            low: millis(460),
            high: millis(482),
            count: 9,
        };
        let can = |value| can_be(millis(value), &shown);
        assert!([455, 460, 500, 530].into_iter().all(can));
        assert!(![450, 535].into_iter().any(can));
        // The usual value to which it was rounded.
        let rounded = InferredTimeout { value: millis(500), low: millis(512), ..shown };
        assert!(can_be(millis(500), &rounded));
    }
}
