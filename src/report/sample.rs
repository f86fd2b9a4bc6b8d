use std::time::Duration;

/// Durations of which a bounded number is kept: all of the first [`Sample::KEPT`], after that a
/// fair choice among all (reservoir sampling).
///
/// Microseconds in 32 bits: at most 71 minutes, longer than any answer that is waited for.
#[derive(Clone, Debug, Default)]
pub(super) struct Sample {
    kept: Vec<u32>,
    seen: u64,
    max: u32,
    dice: u64,
}

impl Sample {
    /// 4,096 values (16 KiB) place a percentile within 2 % of its rank.
    const KEPT: usize = 4096;

    pub(super) fn add(&mut self, span: Duration) {
        let micros = u32::try_from(span.as_micros()).unwrap_or(u32::MAX);
        self.seen += 1;
        self.max = self.max.max(micros);
        if self.kept.len() < Self::KEPT {
            self.kept.push(micros);
            return;
        }
        // A linear congruential generator (Knuth, MMIX): the same capture, the same choice.
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(self.seen | 1);
        let place = (self.dice >> 16) % self.seen;
        if let Some(slot) = self.kept.get_mut(usize::try_from(place).unwrap_or(usize::MAX)) {
            *slot = micros;
        }
    }

    pub(super) fn extend_into(&self, spans: &mut Vec<Duration>) {
        spans.extend(self.kept.iter().map(|micros| Duration::from_micros(u64::from(*micros))));
    }

    pub(super) fn seen(&self) -> u64 {
        self.seen
    }

    pub(super) fn max(&self) -> Duration {
        Duration::from_micros(u64::from(self.max))
    }
}

/// The value below which `percent` of the sorted spans lie; zero if there are none.
pub(super) fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(place).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_the_choice_is_fair() {
        let mut sample = Sample::default();
        for micros in 0..1_000_000 {
            sample.add(Duration::from_micros(micros));
        }
        let mut spans = Vec::new();
        sample.extend_into(&mut spans);
        spans.sort_unstable();
        assert_eq!((spans.len(), sample.seen()), (Sample::KEPT, 1_000_000));
        let median = percentile(&spans, 50).as_micros();
        assert!((450_000..550_000).contains(&median), "{median}");
        assert_eq!(sample.max(), Duration::from_micros(999_999));
    }
}
