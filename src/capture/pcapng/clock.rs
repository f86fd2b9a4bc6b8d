use crate::capture::Timestamp;

/// How an interface counts time: if_tsresol and if_tsoffset.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    tick: Tick,
    /// Added to every time, in nanoseconds.
    offset: i128,
}

#[derive(Clone, Copy, Debug)]
enum Tick {
    /// A whole number of nanoseconds: the usual case, so no division.
    Nanos(i128),
    /// So many ticks in a second.
    PerSecond(u128),
}

impl Clock {
    /// The clock with these options; `resolution` is if_tsresol, `offset` in seconds.
    ///
    /// > If the Most Significant Bit is equal to zero, the remaining bits indicates the resolution
    /// > of the timestamp as a negative power of 10 [...]. If the Most Significant Bit is equal to
    /// > one, the remaining bits indicates the resolution as a negative power of 2.
    pub(super) fn new(resolution: u8, offset: i64) -> Self {
        let power = u32::from(resolution & 0x7f);
        let tick = match resolution & 0x80 {
            0 if power <= 9 => Tick::Nanos(10_i128.pow(9 - power)),
            0 => Tick::PerSecond(10_u128.checked_pow(power).unwrap_or(u128::MAX)),
            _ => Tick::PerSecond(1 << power),
        };
        Self { tick, offset: i128::from(offset) * 1_000_000_000 }
    }

    /// The time of `ticks`, to the nanosecond below.
    #[inline]
    pub(super) fn time(self, ticks: u64) -> Timestamp {
        let nanos = match self.tick {
            Tick::Nanos(nanos) => i128::from(ticks) * nanos,
            Tick::PerSecond(rate) => (u128::from(ticks) * 1_000_000_000 / rate) as i128,
        } + self.offset;
        Timestamp::from_nanos(nanos.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new(6, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nanos(resolution: u8, offset: i64, ticks: u64) -> i64 {
        Clock::new(resolution, offset).time(ticks).nanos()
    }

    #[test]
    fn powers_of_ten() {
        assert_eq!(nanos(0, 0, 7), 7_000_000_000);
        assert_eq!(nanos(6, 0, 7), 7_000);
        assert_eq!(nanos(9, 0, 7), 7);
        assert_eq!(nanos(12, 0, 7_999), 7);
    }

    #[test]
    fn powers_of_two() {
        assert_eq!(nanos(0x80 | 1, 0, 3), 1_500_000_000);
        assert_eq!(nanos(0x80 | 20, 0, (5 << 20) + 1), 5_000_000_953);
    }

    #[test]
    fn offsets_may_be_negative() {
        assert_eq!(nanos(9, -2, 500), -1_999_999_500);
        assert_eq!(nanos(9, 2, 500), 2_000_000_500);
    }

    #[test]
    fn nonsense_saturates() {
        assert_eq!(nanos(0, i64::MAX, u64::MAX), i64::MAX);
        assert_eq!(nanos(0, i64::MIN, 0), i64::MIN);
        assert_eq!(nanos(0x7f, 0, u64::MAX), 0);
        assert_eq!(nanos(0xff, 0, u64::MAX), 0);
    }
}
