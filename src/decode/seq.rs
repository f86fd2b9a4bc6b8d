/// A TCP sequence number: a position modulo 2^32.
///
/// Two of them have an order only as long as they are less than 2^31 apart, which TCP's windows
/// guarantee. No operation panics, whatever the numbers.
///
/// Source: RFC 9293 section 3.4.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Seq(pub u32);

impl Seq {
    /// How far this lies behind (`> 0`) or before (`< 0`) `other`.
    pub fn distance(self, other: Self) -> i32 {
        self.0.wrapping_sub(other.0) as i32
    }

    /// Whether the two are less than `span` apart, in either order.
    pub fn is_near(self, other: Self, span: u32) -> bool {
        self.distance(other).unsigned_abs() < span
    }

    /// Whether this lies behind `other`.
    pub fn is_after(self, other: Self) -> bool {
        self.distance(other) > 0
    }

    /// The position `len` bytes further on.
    pub fn plus(self, len: u32) -> Self {
        Self(self.0.wrapping_add(len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_survives_the_wrap() {
        let before = Seq(u32::MAX);
        let behind = before.plus(1);
        assert_eq!(behind, Seq(0));
        assert_eq!(behind.distance(before), 1);
        assert!(behind.is_after(before));
        assert!(!before.is_after(behind));
        assert!(!before.is_after(before));
        assert!(before.is_near(behind, 2) && behind.is_near(before, 2));
        assert!(!Seq(0).is_near(Seq(1 << 31), 1 << 27), "as far apart as can be");
    }
}
