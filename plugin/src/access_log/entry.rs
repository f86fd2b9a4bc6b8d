use std::net::SocketAddr;
use std::time::Duration;

use meshsniff::capture::Timestamp;

use super::{json, text};

/// A line of Envoy's access log: one request as one proxy saw it. What the line does not say is absent.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    /// When the proxy had the request's head, to the millisecond.
    pub(super) start: Timestamp,
    /// From then to the last byte sent to whoever asked.
    pub(super) duration: Duration,
    pub(super) method: Option<Box<str>>,
    /// As it was before the proxy changed it.
    pub(super) path: Option<Box<str>>,
    pub(super) request_id: Option<Box<str>>,
    /// 0: no response was sent.
    pub(super) code: u16,
    /// As `DC` or `UF,URX`; absent: none was set.
    pub(super) flags: Option<Box<str>>,
    pub(super) details: Option<Box<str>>,
    /// Whom the proxy asked, and from where.
    pub(super) upstream_host: Option<SocketAddr>,
    pub(super) upstream_local: Option<SocketAddr>,
    /// It says that nobody was asked: the answer was the proxy's own.
    pub(super) asked_nobody: bool,
    /// Who asked the proxy, and whom it meant to ask.
    pub(super) downstream_remote: Option<SocketAddr>,
    pub(super) downstream_local: Option<SocketAddr>,
    /// As Istio's names of clusters tell it.
    pub(super) direction: Option<Direction>,
}

/// Which way a request passes a sidecar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// To the application: `inbound|9080||`.
    Inbound,
    /// From it: `outbound|9080||catalog.shop.svc.cluster.local`.
    Outbound,
}

impl Direction {
    pub(super) fn of(cluster: &str) -> Option<Self> {
        match cluster.split('|').next()? {
            "inbound" => Some(Self::Inbound),
            "outbound" => Some(Self::Outbound),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

impl Entry {
    /// Reads a line, with or without what `kubectl logs --prefix --timestamps` or a container runtime
    /// puts before it. `None`: it is of no access log, or not of a format that is known.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let line = bare(line.trim());
        if line.starts_with('{') { json::parse(line) } else { text::parse(line) }
    }

    /// When the proxy was done with it.
    pub(super) fn end(&self) -> Timestamp {
        self.start.after(self.duration)
    }
}

/// The line without `[pod/NAME/CONTAINER] `, a time, and `stdout F ` (CRI).
fn bare(line: &str) -> &str {
    let line = match line.strip_prefix("[pod/").and_then(|rest| rest.split_once("] ")) {
        Some((_, rest)) => rest,
        None => line,
    };
    let Some((first, rest)) = line.split_once(' ') else { return line };
    if time(first).is_none() {
        return line;
    }
    let cri = ["stdout F ", "stderr F "].into_iter().find_map(|mark| rest.strip_prefix(mark));
    cri.unwrap_or(rest)
}

/// `2026-11-27T06:42:24.604Z`.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    let time: jiff::Timestamp = text.parse().ok()?;
    i64::try_from(time.as_nanosecond()).ok().map(Timestamp::from_nanos)
}

/// `10.9.0.2:9080`, `[fd00::2]:9080`; of an internal listener what it leads to, as
/// `envoy://connect_originate/10.9.0.2:9080`.
pub(super) fn address(text: &str) -> Option<SocketAddr> {
    text.rsplit('/').next()?.parse().ok()
}

/// Whole milliseconds; a day at most is believed.
pub(super) fn millis(text: &str) -> Option<Duration> {
    let millis: u64 = text.parse().ok()?;
    (millis <= 86_400_000).then(|| Duration::from_millis(millis))
}

/// Envoy writes `-` for what is not there.
pub(super) fn word(text: &str) -> Option<Box<str>> {
    (!matches!(text, "" | "-")).then(|| text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"[2026-11-27T06:42:24.644Z] "GET /flaky HTTP/1.1" 503 DC downstream_remote_disconnect - "-" 0 0 31 30 "-" "gateway-1" "3ce4a634" "catalog" "127.0.0.1:9080" inbound|9080|| 127.0.0.6:49842 10.9.0.2:9080 10.9.0.1:44910 - -"#;

    #[test]
    fn what_log_readers_put_before_a_line_is_taken_off() {
        for before in [
            "",
            "2026-11-27T06:42:25.000000001Z ",
            "[pod/catalog-v2-1/istio-proxy] ",
            "[pod/catalog-v2-1/istio-proxy] 2026-11-27T06:42:25.1Z ",
            "2026-11-27T06:42:25.000000001Z stdout F ",
            "2026-11-27T07:42:25.000000001+01:00 stdout F ",
        ] {
            let entry = Entry::parse(&format!("{before}{LINE}")).expect(before);
            assert_eq!(entry.start.nanos(), 1_795_761_744_644_000_000);
            assert_eq!(entry.flags.as_deref(), Some("DC"));
        }
    }

    #[test]
    fn other_lines_of_the_container_are_none() {
        for line in [
            "",
            "-",
            "2026-11-27T06:42:24.644Z",
            "2026-11-27T06:42:24.644123Z\tinfo\tEnvoy proxy is ready",
            "[2026-11-27 06:42:24.644][1][warning][main] [source/server/server.cc:1] there is no limit",
            r#"{"level":"info","time":"2026-11-27T06:42:24Z","msg":"Envoy proxy is ready"}"#,
            "{",
            "[pod/",
            "[pod/x] ",
            "2026-11-27T06:42:25.000000001Z stdout P [2026-11-27T06:42:24.644Z] \"GET",
        ] {
            assert!(Entry::parse(line).is_none(), "{line}");
        }
    }

    #[test]
    fn an_internal_listener_leads_somewhere() {
        let inner = address("envoy://connect_originate/10.9.0.2:9080");
        assert_eq!(inner, address("10.9.0.2:9080"));
        assert_eq!(address("/var/run/app.sock"), None);
    }

    /// Any line, also cut or with other bytes in it, is read or skipped.
    #[test]
    fn hostile_lines_do_no_harm() {
        for end in 0..LINE.len() {
            let _ = Entry::parse(&LINE[..end]);
            let _ = Entry::parse(&LINE[end..]);
            for other in ['"', '[', '\u{0}', ' ', '9', '\u{202e}'] {
                let mut line = LINE.to_owned();
                line.insert(end, other);
                let _ = Entry::parse(&line);
            }
        }
        assert!(Entry::parse(&LINE.replace(" 31 30 ", " 99999999999999999999 30 ")).is_none());
        assert!(Entry::parse(&LINE.replace("2026-", "9999-")).is_none());
        assert!(Entry::parse(&LINE.replace(" 503 ", " 70000 ")).is_none());
    }

    /// Whoever asks chooses its User-Agent: it must not be able to write the fields behind it.
    #[test]
    fn a_quote_in_a_header_does_not_move_the_fields() {
        let forged = r#"x" "another-id" "catalog" "127.0.0.1:9080" inbound|9080|| 1.2.3.4:1 1.2.3.4:2 1.2.3.4:3 - "#;
        assert!(Entry::parse(&LINE.replace("gateway-1", forged)).is_none());
        assert!(Entry::parse(&LINE.replace("gateway-1", "x\" \"another-id")).is_none());
    }
}
