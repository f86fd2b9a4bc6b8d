//! Values with a unit.

use std::time::Duration;

/// `65536`, `64KiB`, `100MiB`, `2GiB`.
pub(super) fn bytes(given: &str) -> Result<u64, String> {
    let help = || format!("bytes are a number, as 65536, 64KiB, 100MiB, 2GiB; {given:?} is none");
    let end = given.find(|c: char| !c.is_ascii_digit()).unwrap_or(given.len());
    let (number, unit) = given.split_at(end);
    let shift = match unit {
        "" | "B" => 0,
        "KiB" | "Ki" => 10,
        "MiB" | "Mi" => 20,
        "GiB" | "Gi" => 30,
        _ => return Err(help()),
    };
    let number: u64 = number.parse().map_err(|_| help())?;
    number.checked_mul(1 << shift).filter(|bytes| *bytes > 0).ok_or_else(help)
}

/// `500ms`, `1s`, `1.5s`, `2m`.
pub(super) fn duration(given: &str) -> Result<Duration, String> {
    let help = || format!("a time has a unit, as 500ms, 1.5s, 2m; {given:?} is none");
    let end = given.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(help)?;
    let (number, unit) = given.split_at(end);
    let seconds = match unit {
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        _ => return Err(help()),
    };
    let number: f64 = number.parse().map_err(|_| help())?;
    Duration::try_from_secs_f64(number * seconds).map_err(|_| help())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_may_have_units() {
        assert_eq!(bytes("65536"), Ok(65536));
        assert_eq!(bytes("64KiB"), Ok(65536));
        for bad in ["", "0", "-1", "1.5MiB", "10MB", "99999999999999GiB"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_have_units() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for bad in ["500", "ms", "-1s", "1h", "1.2.3s", "", "99999999999999999999s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
