use super::write::{address, shown};
use crate::pairing::{Exchange, Outcome, Protocol};

/// What was asked, in the words of its protocol: the same in lines, in comments and as the name of
/// a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject<'a> {
    /// A word such as `GET`, `gRPC` or `WS`, and a path that may be folded.
    Path(&'a str, &'a str),
    /// `TLS` and the name that was asked for.
    Name(&'a str),
    /// A connect that failed: its server is the subject.
    Connect,
    /// `TLS` without a name: its server is the subject.
    Tls,
    /// Its request was not captured.
    Unknown,
}

impl<'a> Subject<'a> {
    /// The subject of an exchange.
    #[inline]
    pub(crate) fn of(exchange: &'a Exchange) -> Self {
        let request = &exchange.request;
        match (exchange.protocol, &request.method, &request.path) {
            (Protocol::Grpc, _, Some(path)) => {
                Self::Path("gRPC", path.strip_prefix('/').unwrap_or(path))
            }
            (Protocol::Ws, _, Some(path)) => Self::Path("WS", path),
            (Protocol::Tls, ..) => match exchange.tls().and_then(|tls| tls.sni.as_deref()) {
                Some(name) => Self::Name(name),
                None => Self::Tls,
            },
            (_, Some(method), Some(path)) => Self::Path(method, path),
            _ if matches!(exchange.outcome, Outcome::Refused | Outcome::ConnectTimeout) => {
                Self::Connect
            }
            _ => Self::Unknown,
        }
    }

    /// Appends it, safe to show; a path has `width` columns at most. Answers how many columns were
    /// used.
    #[inline]
    pub(crate) fn write(self, out: &mut Vec<u8>, exchange: &Exchange, width: usize) -> usize {
        let start = out.len();
        match self {
            Self::Path(word, path) => {
                let word = shown(out, word, 16);
                out.push(b' ');
                return word + 1 + shown(out, path, width);
            }
            Self::Name(name) => {
                out.extend_from_slice(b"TLS ");
                return 4 + shown(out, name, width);
            }
            Self::Connect => {
                out.extend_from_slice(b"connect ");
                address(out, exchange.server);
            }
            Self::Tls => {
                out.extend_from_slice(b"TLS ");
                address(out, exchange.server);
            }
            Self::Unknown => out.extend_from_slice(b"(not captured)"),
        }
        out.len() - start
    }
}
