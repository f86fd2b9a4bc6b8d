/// By what a request counts as slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Test {
    /// It took at least twice the usual time of its route.
    Twice,
    /// It took at least five times the usual time of its route.
    FiveTimes,
    /// It reached the limit at which clients of its route give up.
    Limit,
}

impl Test {
    /// All, in the order of their numbers.
    pub(super) const ALL: [Self; 3] = [Self::Twice, Self::FiveTimes, Self::Limit];

    /// The surplus share of slow requests from which a pod is named: over all routes, and on one
    /// route alone. 20 points over twice the usual time is a pod about 1.6 times slower; 15 let nodes
    /// through that differ by a tenth.
    pub(super) fn surplus(self, one_route: bool) -> f64 {
        match (self, one_route) {
            (Self::Twice, false) => 0.20,
            (Self::Twice, true) => 0.30,
            (_, false) => 0.05,
            (_, true) => 0.10,
        }
    }

    /// How many times the share of the others a pod's share must be, so that routes with heavy
    /// tails name nobody.
    pub(super) fn ratio(self) -> f64 {
        match self {
            Self::Twice => 1.0,
            Self::FiveTimes => 2.0,
            Self::Limit => 3.0,
        }
    }

    /// The share by which healthy pods may differ. Without it, local pauses alone make 2.7 % false
    /// accusations.
    pub(super) fn tolerance(self) -> f64 {
        match self {
            Self::Twice => 0.05,
            _ => 0.02,
        }
    }

    /// What such a request did, after "12 of its 40 requests".
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Twice => "took more than twice the usual time of their route",
            Self::FiveTimes => "took more than five times the usual time of their route",
            Self::Limit => "reached the limit at which clients give up",
        }
    }

    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Twice => "twice_usual",
            Self::FiveTimes => "five_times_usual",
            Self::Limit => "limit",
        }
    }
}
