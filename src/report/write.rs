//! How numbers, times and words of others are written into a buffer.

use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use crate::capture::Timestamp;

/// A whole number.
#[inline]
pub(super) fn integer(out: &mut Vec<u8>, value: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Whole microseconds; spans of a capture's times do not reach what would not fit.
#[inline]
pub(super) fn micros(span: Duration) -> u64 {
    span.as_secs().saturating_mul(1_000_000).saturating_add(u64::from(span.subsec_micros()))
}

/// A duration as milliseconds with up to 3 decimals: `498.123`, `32`.
#[inline]
pub(super) fn millis(out: &mut Vec<u8>, span: Duration) {
    let micros = micros(span) + u64::from(span.subsec_nanos() % 1000 >= 500);
    integer(out, micros / 1000);
    let part = (micros % 1000) as u32;
    if part != 0 {
        let digits = [b'.', digit(part / 100), digit(part / 10 % 10), digit(part % 10)];
        let len = if part.is_multiple_of(100) {
            2
        } else if part.is_multiple_of(10) {
            3
        } else {
            4
        };
        out.extend_from_slice(&digits[..len]);
    }
}

/// Epoch seconds, exact: 6 decimals, or 9 if the capture's clock counts nanoseconds.
#[inline]
pub(super) fn epoch(out: &mut Vec<u8>, time: Timestamp) {
    let nanos = time.nanos();
    if nanos < 0 {
        out.push(b'-');
    }
    let nanos = nanos.unsigned_abs();
    integer(out, nanos / 1_000_000_000);
    let part = (nanos % 1_000_000_000) as u32;
    let mut digits = [b'.'; 10];
    let mut rest = part;
    for place in (1..10).rev() {
        digits[place] = digit(rest % 10);
        rest /= 10;
    }
    out.extend_from_slice(if part.is_multiple_of(1000) { &digits[..7] } else { &digits });
}

/// The time of day in UTC, to the millisecond: `06:19:30.380`.
#[inline]
pub(super) fn clock(out: &mut Vec<u8>, time: Timestamp) {
    let millis = time.nanos().div_euclid(1_000_000).rem_euclid(86_400_000) as u32;
    let two = |value: u32| [digit(value / 10), digit(value % 10)];
    let seconds = millis / 1000;
    let mut text = *b"00:00:00.000";
    text[..2].copy_from_slice(&two(seconds / 3600));
    text[3..5].copy_from_slice(&two(seconds / 60 % 60));
    text[6..8].copy_from_slice(&two(seconds % 60));
    text[9] = digit(millis / 100 % 10);
    text[10..].copy_from_slice(&two(millis % 100));
    out.extend_from_slice(&text);
}

/// Seconds of the epoch as `2026-11-22T06:19:30Z`.
pub(super) fn date(out: &mut Vec<u8>, seconds: i64) {
    let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days from March of year 0, so that leap days come last in their year, in cycles of 400 years.
    let day = day + 719_468;
    let (cycle, day) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) = (day - (153 * month + 2) / 5 + 1, (month + 2) % 12 + 1);
    let year = cycle * 400 + year + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let _ = write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z");
}

/// `03:18:06`, UTC.
pub(super) fn time_of_day(time: Timestamp) -> String {
    let mut text = Vec::new();
    clock(&mut text, time);
    text.truncate("00:00:00".len());
    String::from_utf8_lossy(&text).into_owned()
}

/// `ip:port`, IPv6 in brackets.
#[inline]
pub(super) fn address(out: &mut Vec<u8>, address: SocketAddr) {
    match address {
        SocketAddr::V4(v4) => {
            let mut text = [0; "255.255.255.255:".len()];
            let mut len = 0;
            for octet in v4.ip().octets() {
                for (place, least) in [(100, 100), (10, 10), (1, 0)] {
                    if octet >= least {
                        text[len] = digit(u32::from(octet / place % 10));
                        len += 1;
                    }
                }
                text[len] = b'.';
                len += 1;
            }
            text[len - 1] = b':';
            out.extend_from_slice(&text[..len]);
            integer(out, v4.port());
        }
        // Writing to a Vec cannot fail.
        SocketAddr::V6(_) => drop(write!(out, "{address}")),
    }
}

/// A JSON string with its quotes. Control characters are escaped, those of C1 too: some terminals
/// obey them.
#[inline]
pub(super) fn json_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\') {
        out.extend_from_slice(text.as_bytes());
    } else {
        json_escaped(out, text);
    }
    out.push(b'"');
}

#[cold]
fn json_escaped(out: &mut Vec<u8>, text: &str) {
    for c in text.chars() {
        match c {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\t' => out.extend_from_slice(b"\\t"),
            '\r' => out.extend_from_slice(b"\\r"),
            c if c.is_control() => drop(write!(out, "\\u{:04x}", u32::from(c))),
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

/// Words from the network for a terminal, at most `width` columns: what a terminal would obey, or
/// what would turn the line around, is shown as its code. Answers how many columns were used.
#[inline]
pub(super) fn shown(out: &mut Vec<u8>, text: &str, width: usize) -> usize {
    if text.len() <= width && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        out.extend_from_slice(text.as_bytes());
        return text.len();
    }
    shown_escaped(out, text, width)
}

#[cold]
fn shown_escaped(out: &mut Vec<u8>, text: &str, width: usize) -> usize {
    let mut used = 0;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let odd = c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        let columns = if odd { 3 + hex_digits(c) } else { 1 };
        let reserve = usize::from(chars.peek().is_some());
        if used + columns + reserve > width {
            out.extend_from_slice("…".as_bytes());
            return used + 1;
        }
        if odd {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            used += 1;
        } else {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
        used += columns;
    }
    used
}

fn hex_digits(c: char) -> usize {
    (32 - u32::from(c).leading_zeros()).div_ceil(4).max(1) as usize
}

/// Spaces up to `width` columns, of which `used` are used; at least one.
#[inline]
pub(super) fn pad(out: &mut Vec<u8>, used: usize, width: usize) {
    out.resize(out.len() + width.saturating_sub(used).max(1), b' ');
}

fn digit(value: u32) -> u8 {
    b'0' + value as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn milliseconds_have_up_to_three_decimals() {
        let says = |nanos| text(|out| millis(out, Duration::from_nanos(nanos)));
        assert_eq!(says(498_123_499), "498.123");
        assert_eq!(says(498_120_000), "498.12");
        assert_eq!(says(498_100_000), "498.1");
        assert_eq!(says(32_000_000), "32");
        assert_eq!(says(999_999_999), "1000");
        assert_eq!(says(1_499), "0.001");
    }

    #[test]
    fn epoch_seconds_are_exact() {
        let says = |nanos| text(|out| epoch(out, Timestamp::from_nanos(nanos)));
        assert_eq!(says(1_700_000_000_123_456_000), "1700000000.123456");
        assert_eq!(says(1_700_000_000_123_456_789), "1700000000.123456789");
        assert_eq!(says(-1_500_000_000), "-1.500000");
    }

    #[test]
    fn the_clock_is_utc() {
        let says = |nanos| text(|out| clock(out, Timestamp::from_nanos(nanos)));
        assert_eq!(says(1_700_000_000_123_000_000), "22:13:20.123");
        assert_eq!(says(-1_000_000), "23:59:59.999");
    }

    #[test]
    fn dates_of_all_times() {
        let says = |seconds| text(|out| date(out, seconds));
        assert_eq!(says(0), "1970-01-01T00:00:00Z");
        assert_eq!(says(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(says(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(says(1_735_603_199), "2024-12-30T23:59:59Z");
        assert_eq!(says(253_402_300_799), "9999-12-31T23:59:59Z");
        assert_eq!(says(-1), "1969-12-31T23:59:59Z");
        for seconds in [i64::MIN, i64::MAX] {
            assert!(says(seconds).ends_with('Z'));
        }
    }

    #[test]
    fn addresses_are_as_the_standard_library_writes_them() {
        for name in ["127.0.0.6:40656", "[::6]:80", "255.255.255.255:65535"] {
            assert_eq!(text(|out| address(out, name.parse().unwrap())), name);
        }
    }

    #[test]
    fn json_strings_are_read_back_as_they_were() {
        for given in ["/items", "a\"b\\c", "\x1b[31m\n\r\t\0", "käse\u{9b}31m"] {
            let written = text(|out| json_string(out, given));
            assert!(!written.chars().any(char::is_control), "{written}");
            assert_eq!(serde_json::from_str::<String>(&written).unwrap(), given);
        }
    }

    #[test]
    fn a_terminal_gets_nothing_to_obey() {
        let says = |given, width| {
            let mut out = Vec::new();
            let used = shown(&mut out, given, width);
            let written = String::from_utf8(out).unwrap();
            assert_eq!(written.chars().count(), used, "{written}");
            assert!(used <= width);
            written
        };
        assert_eq!(says("/items", 20), "/items");
        assert_eq!(says("/\x1b[2J", 20), "/\\u{1b}[2J");
        assert_eq!(says("/\u{9b}m\u{202e}", 20), "/\\u{9b}m\\u{202e}");
        assert_eq!(says("/items/and/more", 8), "/items/…");
        assert_eq!(says("/käse", 5), "/käse");
    }
}
