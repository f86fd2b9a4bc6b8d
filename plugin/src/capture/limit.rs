use tokio::sync::watch;

/// When all agents together have sent enough. Each has the same limits for itself alone.
pub(super) struct Limit {
    /// Exchanges, or packets where they are sent.
    units: Option<u64>,
    /// Of packets that are sent.
    bytes: Option<u64>,
    stop: watch::Sender<bool>,
}

impl Limit {
    pub(super) fn new(units: Option<u64>, bytes: Option<u64>, stop: watch::Sender<bool>) -> Self {
        Self { units, bytes, stop }
    }

    /// Whether one more unit of so many bytes is wanted. With the last one the capture is to end.
    pub(super) fn takes(&mut self, len: u64) -> bool {
        let over = self.units == Some(0) || self.bytes.is_some_and(|left| left < len);
        if !over {
            self.units = self.units.map(|left| left - 1);
            self.bytes = self.bytes.map(|left| left - len);
        }
        if over || self.units == Some(0) || self.bytes == Some(0) {
            self.stop.send_replace(true);
        }
        !over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_unit_is_taken_and_ends_it() {
        let (stop, stopped) = watch::channel(false);
        let mut limit = Limit::new(Some(2), None, stop);
        assert!(limit.takes(1000) && !*stopped.borrow());
        assert!(limit.takes(1000) && *stopped.borrow());
        assert!(!limit.takes(0));
    }

    #[test]
    fn no_byte_too_many() {
        let (stop, stopped) = watch::channel(false);
        let mut limit = Limit::new(None, Some(150), stop);
        assert!(limit.takes(100) && !*stopped.borrow());
        assert!(!limit.takes(100) && *stopped.borrow());
    }

    #[test]
    fn without_limits_there_is_no_end() {
        let (stop, stopped) = watch::channel(false);
        let mut limit = Limit::new(None, None, stop);
        assert!((0..9).all(|_| limit.takes(u64::MAX)) && !*stopped.borrow());
    }
}
