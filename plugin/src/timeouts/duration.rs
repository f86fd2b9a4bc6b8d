//! Durations as Go writes them, which Kubernetes, Istio, Linkerd and the Gateway API all do.

use std::time::Duration;

/// `0.5s`, `500ms`, `1m30s`, `0`. `None` if it is something else, or negative.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let mut rest = text;
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (value, unit) = rest.split_at(number);
        let end = unit.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(unit.len());
        let (unit, after) = unit.split_at(end);
        let seconds = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "\u{b5}s" | "\u{3bc}s" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        let part = Duration::try_from_secs_f64(value.parse::<f64>().ok()? * seconds).ok()?;
        total = total.checked_add(part)?;
        rest = after;
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_go() {
        let millis = |text| parse(text).map(|value| value.as_millis());
        assert_eq!(millis("0.5s"), Some(500));
        assert_eq!(millis("500ms"), Some(500));
        assert_eq!(millis("1m30s"), Some(90_000));
        assert_eq!(millis("1h1.5s"), Some(3_601_500));
        assert_eq!(millis("+2s"), Some(2000));
        assert_eq!(millis("0"), Some(0));
        assert_eq!(millis(".5s"), Some(500));
    }

    #[test]
    fn what_is_none_is_none() {
        for text in
            ["", "+", "++1s", "5", "s", "-1s", "1d", "1s2", "1.2.3s", "1s-2s", "soon", "1e9s"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse(&format!("{}h", "9".repeat(400))), None);
    }
}
