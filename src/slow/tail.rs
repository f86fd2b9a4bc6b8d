//! Bounds on what chance does.

/// Upper bound (Chernoff) of the probability that of `n` requests, each slow with probability `q`,
/// at least `hits` are.
pub(super) fn tail(hits: f64, n: f64, q: f64) -> f64 {
    let share = hits / n;
    if share <= q { 1.0 } else { (-n * divergence(share, q)).exp() }
}

/// The Kullback-Leibler divergence of two shares.
pub(super) fn divergence(a: f64, q: f64) -> f64 {
    let second = if a < 1.0 { (1.0 - a) * ((1.0 - a) / (1.0 - q)).ln() } else { 0.0 };
    a * (a / q).ln() + second
}

/// Requests after which a pod with the share `pod` of slow ones passes the tail test against `rest`.
pub(super) fn needed(level: f64, rest: f64, pod: f64, slack: f64, shrink: f64) -> f64 {
    let share = (rest + slack * (pod - rest).max(0.01)).min(0.999);
    let rest = rest.min(share - 1e-6);
    (shrink * (1.0 / level).ln() / divergence(share, rest)).max(8.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exact probability that at least `hits` of `n` are slow.
    fn exact(hits: u32, n: u32, q: f64) -> f64 {
        let (mut term, mut sum) = ((1.0 - q).powi(n as i32), 0.0);
        for k in 0..=n {
            if k >= hits {
                sum += term;
            }
            term *= f64::from(n - k) / f64::from(k + 1) * q / (1.0 - q);
        }
        sum
    }

    #[test]
    fn the_tail_is_an_upper_bound_and_not_far_off() {
        for (hits, n, q) in [(5, 10, 0.1), (20, 40, 0.25), (40, 40, 0.5), (3, 100, 0.01)] {
            let (bound, exact) = (tail(hits.into(), n.into(), q), exact(hits, n, q));
            assert!(bound >= exact && bound < 40.0 * exact, "{bound} {exact}");
        }
        assert_eq!(tail(1.0, 10.0, 0.1), 1.0);
    }

    #[test]
    fn with_the_requests_needed_the_tail_passes() {
        for (level, rest, pod) in [(1e-3, 0.1, 0.5), (1e-4, 0.02, 0.9), (1e-3, 0.5, 0.6)] {
            let n = needed(level, rest, pod, 1.0, 1.0);
            assert!(tail(pod * n, n, rest) <= level * 1.001 || n == 8.0, "{n}");
        }
    }
}
