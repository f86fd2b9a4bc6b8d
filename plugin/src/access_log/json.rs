use std::time::Duration;

use serde_json::{Map, Value};

use super::entry::{Direction, Entry, address, millis, time, word};

/// Reads a line of JSON with the keys that Istio gives them, in any order. Numbers may be strings.
pub(super) fn parse(line: &str) -> Option<Entry> {
    let line: Map<String, Value> = serde_json::from_str(line).ok()?;
    let text = |key: &str| line.get(key)?.as_str();
    let number = |key: &str| match line.get(key)? {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        _ => None,
    };
    let at = |key: &str| address(text(key)?);
    Some(Entry {
        start: time(text("start_time")?)?,
        // A line without it says when the request came, not how long it took.
        duration: match number("duration").filter(|millis| millis != "-") {
            Some(duration) => millis(&duration)?,
            None => Duration::ZERO,
        },
        method: text("method").and_then(word),
        path: text("path").and_then(word),
        request_id: text("request_id").and_then(word),
        code: number("response_code")?.parse().ok()?,
        flags: text("response_flags").and_then(word),
        details: text("response_code_details").and_then(word),
        upstream_host: at("upstream_host"),
        upstream_local: at("upstream_local_address"),
        asked_nobody: line
            .get("upstream_host")
            .is_some_and(|host| host.as_str().and_then(word).is_none()),
        downstream_remote: at("downstream_remote_address"),
        downstream_local: at("downstream_local_address"),
        direction: text("upstream_cluster").and_then(Direction::of),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"authority":"catalog","bytes_received":0,"downstream_local_address":"10.9.0.2:9080","downstream_remote_address":"10.9.0.3:37238","duration":11,"method":"GET","path":"/items","protocol":"HTTP/1.1","request_id":"the-same","requested_server_name":null,"response_code":200,"response_code_details":"via_upstream","response_flags":"-","route_name":null,"start_time":"2026-11-27T06:42:24.604Z","upstream_cluster":"inbound|9080||","upstream_host":"127.0.0.1:9080","upstream_local_address":"127.0.0.6:49842","upstream_service_time":"11"}"#;

    #[test]
    fn istios_keys_in_any_order() {
        let entry = parse(LINE).unwrap();
        let mut fields: Vec<_> =
            serde_json::from_str::<Map<String, Value>>(LINE).unwrap().into_iter().collect();
        fields.reverse();
        let texts: Vec<_> =
            fields.iter().map(|(key, value)| format!("\"{key}\" : {value}")).collect();
        let turned = parse(&format!("{{{}}}", texts.join(", "))).unwrap();
        for entry in [entry, turned] {
            assert_eq!((entry.code, entry.flags), (200, None));
            assert_eq!(entry.duration, Duration::from_millis(11));
            assert_eq!(entry.request_id.as_deref(), Some("the-same"));
            assert_eq!(entry.upstream_local, address("127.0.0.6:49842"));
            assert_eq!(entry.downstream_remote, address("10.9.0.3:37238"));
            assert_eq!(entry.direction, Some(Direction::Inbound));
        }
    }

    #[test]
    fn numbers_may_be_strings() {
        let entry = parse(r#"{"start_time":"2026-11-27T06:42:24.604Z","response_code":"504","duration":"500","response_flags":"UT"}"#).unwrap();
        assert_eq!((entry.code, entry.duration.as_millis()), (504, 500));
    }

    #[test]
    fn nobody_was_asked_where_it_says_so() {
        let asked = |host: &str| {
            let host = format!("\"upstream_host\":{host},");
            parse(&LINE.replace(r#""upstream_host":"127.0.0.1:9080","#, &host)).unwrap()
        };
        assert!(asked("null").asked_nobody && asked("\"-\"").asked_nobody);
        assert!(!asked("\"10.9.0.2:9080\"").asked_nobody);
        let unknown = LINE.replace(r#""upstream_host":"127.0.0.1:9080","#, "");
        assert!(!parse(&unknown).unwrap().asked_nobody);
    }

    #[test]
    fn a_duration_of_more_than_a_day_is_not_believed() {
        assert!(parse(&LINE.replace(r#""duration":11"#, r#""duration":86400001"#)).is_none());
        let without = parse(&LINE.replace(r#""duration":11,"#, "")).unwrap();
        assert_eq!(without.duration, Duration::ZERO);
    }

    #[test]
    fn json_of_others_is_skipped() {
        for line in
            ["[]", "{}", r#"{"start_time":1}"#, r#"{"start_time":"now","response_code":200}"#]
        {
            assert!(parse(line).is_none(), "{line}");
        }
    }
}
