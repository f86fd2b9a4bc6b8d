use super::entry::{Direction, Entry, address, millis, time, word};

/// A field of a line.
#[derive(Clone, Copy)]
struct Field<'a> {
    text: &'a str,
    quoted: bool,
}

/// Fields of Envoy's own format: time, request, code, flags, bytes received and sent, duration,
/// upstream's time, "x-forwarded-for", "user-agent", "x-request-id", "authority", "upstream host".
const ENVOY: usize = 13;
/// Of Istio's: the same with details, termination details and "transport failure" after the flags;
/// and at the end cluster, upstream local, downstream local, downstream remote, server name, route.
const ISTIO: usize = 22;

/// Reads a line in Istio's or Envoy's default text format.
///
/// Envoy does not escape quotes in a header's value: whoever sends one could write fields of its
/// own. So a line must have exactly the fields of its format, quoted exactly where that quotes.
pub(super) fn parse(line: &str) -> Option<Entry> {
    let (start, rest) = line.strip_prefix('[')?.split_once("] ")?;
    let start = time(start)?;
    let mut fields = [Field { text: "", quoted: false }; ISTIO];
    let mut count = 1;
    let mut rest = rest;
    while !rest.is_empty() {
        let (field, after) = field(rest)?;
        *fields.get_mut(count)? = field;
        count += 1;
        rest = after;
    }
    // Where the bytes begin, and the quoted headers end.
    let (bytes, quotes): (usize, &[usize]) = match count {
        ENVOY => (4, &[1, 8, 9, 10, 11, 12]),
        ISTIO => (7, &[1, 6, 11, 12, 13, 14, 15]),
        _ => return None,
    };
    let right = |(place, field): (usize, &Field<'_>)| field.quoted == quotes.contains(&place);
    if !fields[..count].iter().enumerate().skip(1).all(right) {
        return None;
    }
    let text = |place: usize| fields[place].text;
    let istio = |place: usize| if count == ISTIO { text(place) } else { "" };
    // "GET /items HTTP/1.1"; "- - -" of a connection that is not HTTP.
    let (method, rest) = text(1).split_once(' ')?;
    let (path, _protocol) = rest.rsplit_once(' ')?;
    Some(Entry {
        start,
        duration: millis(text(bytes + 2))?,
        method: word(method),
        path: word(path),
        request_id: word(text(bytes + 6)),
        code: text(2).parse().ok()?,
        flags: word(text(3)),
        details: word(istio(4)),
        upstream_host: address(text(bytes + 8)),
        asked_nobody: word(text(bytes + 8)).is_none(),
        direction: Direction::of(istio(16)),
        upstream_local: address(istio(17)),
        downstream_local: address(istio(18)),
        downstream_remote: address(istio(19)),
    })
}

/// The next field, and what follows it.
fn field(text: &str) -> Option<(Field<'_>, &str)> {
    let (text, quoted, rest) = match text.strip_prefix('"') {
        Some(text) => {
            let (text, rest) = text.split_once('"')?;
            (text, true, rest)
        }
        None => {
            let end = text.find(' ').unwrap_or(text.len());
            (&text[..end], false, &text[end..])
        }
    };
    let rest = if rest.is_empty() { rest } else { rest.strip_prefix(' ')? };
    Some((Field { text, quoted }, rest))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn istios_format() {
        let entry = parse(r#"[2026-11-27T06:42:24.644Z] "GET /items?a=1 HTTP/1.1" 0 DC downstream_remote_disconnect - "-" 0 0 501 - "-" "curl/8" "3ce4a634-c57e" "catalog:9080" "10.244.1.7:9080" inbound|9080|| 127.0.0.6:49842 10.244.1.7:9080 10.244.2.3:44910 - default"#).unwrap();
        assert_eq!(
            (entry.method.as_deref(), entry.path.as_deref()),
            (Some("GET"), Some("/items?a=1"))
        );
        assert_eq!((entry.code, entry.flags.as_deref()), (0, Some("DC")));
        assert_eq!(entry.details.as_deref(), Some("downstream_remote_disconnect"));
        assert_eq!(entry.duration, Duration::from_millis(501));
        assert_eq!(entry.request_id.as_deref(), Some("3ce4a634-c57e"));
        assert!(!entry.asked_nobody);
        assert_eq!(entry.upstream_host, address("10.244.1.7:9080"));
        assert_eq!(entry.upstream_local, address("127.0.0.6:49842"));
        assert_eq!(entry.downstream_local, address("10.244.1.7:9080"));
        assert_eq!(entry.downstream_remote, address("10.244.2.3:44910"));
        assert_eq!(entry.direction, Some(Direction::Inbound));
    }

    #[test]
    fn envoys_format() {
        let entry = parse(r#"[2026-11-27T06:42:24.604Z] "POST /a HTTP/2" 504 UT 3 24 500 - "10.0.0.1" "grpc-go" "the-id" "catalog" "[fd00::2]:9080""#).unwrap();
        assert_eq!((entry.code, entry.flags.as_deref()), (504, Some("UT")));
        assert_eq!(entry.duration, Duration::from_millis(500));
        assert_eq!(entry.request_id.as_deref(), Some("the-id"));
        assert_eq!(entry.upstream_host, address("[fd00::2]:9080"));
        assert!(entry.details.is_none() && entry.upstream_local.is_none());
        assert_eq!(entry.direction, None);
    }

    #[test]
    fn what_is_not_there_is_absent() {
        let entry = parse(r#"[2026-11-27T06:42:24.604Z] "- - -" 0 - - - "-" 10 20 30 - "-" "-" "-" "-" "10.0.0.9:3306" outbound|3306||db 10.0.0.1:4 10.0.0.9:3306 10.0.0.1:5 - -"#).unwrap();
        assert!(entry.method.is_none() && entry.path.is_none() && entry.request_id.is_none());
        assert!(entry.flags.is_none());
        assert_eq!(entry.direction, Some(Direction::Outbound));
    }
}
