use std::time::{Duration, Instant};

/// When the first look is, and how much later the next one each time.
const FIRST: Duration = Duration::from_secs(10);
const LATER: f64 = 1.5;

/// Looks at what came so far, until one is certain.
///
/// Looking again and again multiplies chance: each look may err half as often as the one before, so
/// that all together err no more often than one.
#[derive(Debug)]
pub(crate) struct Looks {
    begun: Option<Instant>,
    next: Duration,
    share: f64,
}

impl Looks {
    /// None was made.
    pub(super) fn new() -> Self {
        Self { begun: None, next: FIRST, share: 1.0 }
    }

    /// Whether a look is due. The first call is when something came.
    pub(super) fn due(&mut self, now: Instant) -> bool {
        let begun = *self.begun.get_or_insert(now);
        if now.duration_since(begun) < self.next {
            return false;
        }
        self.next = self.next.mul_f64(LATER);
        true
    }

    /// The share of the error that the next look may spend.
    pub(super) fn spend(&mut self) -> f64 {
        self.share /= 2.0;
        self.share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_are_ever_rarer_and_spend_one_error() {
        let mut looks = Looks::new();
        let begun = Instant::now();
        let (mut count, mut spent) = (0, 0.0);
        for second in 0..600 {
            if looks.due(begun + Duration::from_secs(second)) {
                count += 1;
                spent += looks.spend();
            }
        }
        assert_eq!(count, 11);
        assert!(spent > 0.9 && spent < 1.0, "{spent}");
    }
}
