/// Wilson's score interval of the share of `hits` in `n`, which must not be 0, `z` standard deviations
/// wide: 1.645 for 90 % confidence, 2.576 for 99 %.
pub(crate) fn wilson(hits: f64, n: f64, z: f64) -> (f64, f64) {
    let share = hits / n;
    let middle = share + z * z / (2.0 * n);
    let spread = z * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
    let whole = 1.0 + z * z / n;
    ((middle - spread) / whole, (middle + spread) / whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_inside() {
        let (low, high) = wilson(10.0, 100.0, 1.645);
        assert!((0.05..0.10).contains(&low) && (0.10..0.17).contains(&high), "{low} {high}");
        assert_eq!(wilson(0.0, 50.0, 1.645).0, 0.0);
        assert!((wilson(50.0, 50.0, 1.645).1 - 1.0).abs() < 1e-12);
    }
}
