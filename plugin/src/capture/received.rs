use std::sync::atomic::{AtomicU64, Ordering};

/// How much of an agent's stream has come whole, and was worked on.
#[derive(Debug, Default)]
pub(super) struct Received {
    units: AtomicU64,
    bytes: AtomicU64,
}

impl Received {
    /// One more unit.
    pub(super) fn unit(&self) {
        self.units.fetch_add(1, Ordering::Relaxed);
    }

    /// Units that the agent has no more: it goes on after them.
    pub(super) fn lost(&self, units: u64) {
        self.units.fetch_add(units, Ordering::Relaxed);
    }

    /// More bytes, of units and of what is beside them.
    pub(super) fn more(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn units(&self) -> u64 {
        self.units.load(Ordering::Relaxed)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}
