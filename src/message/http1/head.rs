use std::mem::MaybeUninit;

use httparse::{Error, Header, ParserConfig, Status};

use super::framing::Framing;
use crate::message::Upgrade;

/// What a response answers, as far as its framing depends on it (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Asked {
    /// A request without influence on the framing, or an unknown one.
    #[default]
    Other,
    /// HEAD: the response has no body.
    Head,
    /// CONNECT: after a 2xx both directions are a tunnel.
    Connect,
}

/// What is read of a request's head.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// As sent.
    pub method: &'a str,
    /// The request target as sent.
    pub path: &'a str,
    /// The Host field.
    pub host: Option<&'a [u8]>,
    /// The x-request-id field.
    pub request_id: Option<&'a [u8]>,
    /// The protocol it asks to change to.
    pub upgrade: Option<Upgrade>,
    /// User-Agent is kubelet's.
    pub probe: bool,
    pub(super) framing: Framing,
}

/// What is read of a response's head.
#[derive(Clone, Copy, Debug)]
pub struct ResponseHead<'a> {
    /// The status code.
    pub status: u16,
    /// The protocol that a 101 changes to.
    pub upgrade: Option<Upgrade>,
    /// `server: envoy` or `istio-envoy`.
    pub envoy: bool,
    /// There is an `x-envoy-upstream-service-time`: an upstream has answered.
    pub upstream: bool,
    /// Linkerd's `l5d-proxy-error`.
    pub linkerd: Option<&'a [u8]>,
    pub(super) framing: Framing,
}

impl RequestHead<'_> {
    /// How this request influences the framing of its response.
    pub fn asked(&self) -> Asked {
        match self.method {
            "HEAD" => Asked::Head,
            "CONNECT" => Asked::Connect,
            _ => Asked::Other,
        }
    }
}

/// Fields read at first; a head with more is read again with [`MANY`].
const SOME: usize = 48;
/// More fields than any server takes (nginx has no limit, Apache 100, Envoy 100).
const MANY: usize = 1024;

/// How a head was read.
pub(super) enum Read<T> {
    /// It is this long, in bytes, and says this.
    Whole(usize, T),
    /// Its end is not there yet.
    Partial,
    /// It is not HTTP/1.
    Invalid,
}

/// Reads a request's head at the front of `bytes`.
#[inline]
pub(super) fn request(bytes: &[u8]) -> Read<RequestHead<'_>> {
    let mut some = [const { MaybeUninit::uninit() }; SOME];
    match request_with(bytes, &mut some) {
        Err(Error::TooManyHeaders) => {
            let mut many = vec![MaybeUninit::uninit(); MANY];
            request_with(bytes, &mut many).unwrap_or(Read::Invalid)
        }
        read => read.unwrap_or(Read::Invalid),
    }
}

fn request_with<'b>(
    bytes: &'b [u8],
    fields: &mut [MaybeUninit<Header<'b>>],
) -> Result<Read<RequestHead<'b>>, Error> {
    let mut request = httparse::Request::new(&mut []);
    let mut config = ParserConfig::default();
    config
        .allow_multiple_spaces_in_request_line_delimiters(true)
        .ignore_invalid_headers_in_requests(true);
    let status = config.parse_request_with_uninit_headers(&mut request, bytes, fields)?;
    let (Status::Complete(len), Some(method), Some(path)) = (status, request.method, request.path)
    else {
        return Ok(Read::Partial);
    };
    let mut head = RequestHead {
        method,
        path,
        host: None,
        request_id: None,
        upgrade: None,
        probe: false,
        framing: Framing::None,
    };
    let mut lengths = super::framing::Lengths::default();
    for Header { name, value } in request.headers.iter() {
        match name.len() {
            4 if name.eq_ignore_ascii_case("host") => head.host = Some(value),
            7 if name.eq_ignore_ascii_case("upgrade") => head.upgrade = Upgrade::of(value),
            10 if name.eq_ignore_ascii_case("user-agent") => {
                head.probe = value.starts_with(b"kube-probe/");
            }
            12 if name.eq_ignore_ascii_case("x-request-id") => head.request_id = Some(value),
            14 | 17 => lengths.field(name, value),
            _ => {}
        }
    }
    head.framing = lengths.of_request();
    Ok(Read::Whole(len, head))
}

/// Reads a response's head at the front of `bytes`.
#[inline]
pub(super) fn response(bytes: &[u8], asked: Asked) -> Read<ResponseHead<'_>> {
    let mut some = [const { MaybeUninit::uninit() }; SOME];
    match response_with(bytes, asked, &mut some) {
        Err(Error::TooManyHeaders) => {
            let mut many = vec![MaybeUninit::uninit(); MANY];
            response_with(bytes, asked, &mut many).unwrap_or(Read::Invalid)
        }
        read => read.unwrap_or(Read::Invalid),
    }
}

fn response_with<'b>(
    bytes: &'b [u8],
    asked: Asked,
    fields: &mut [MaybeUninit<Header<'b>>],
) -> Result<Read<ResponseHead<'b>>, Error> {
    let mut response = httparse::Response::new(&mut []);
    let mut config = ParserConfig::default();
    config
        .allow_spaces_after_header_name_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_multiple_spaces_in_response_status_delimiters(true)
        .ignore_invalid_headers_in_responses(true);
    let parsed = config.parse_response_with_uninit_headers(&mut response, bytes, fields)?;
    let (Status::Complete(len), Some(status)) = (parsed, response.code) else {
        return Ok(Read::Partial);
    };
    // Three digits are no status yet: its classes begin with 1 (RFC 9110 section 15).
    if status < 100 {
        return Ok(Read::Invalid);
    }
    let mut head = ResponseHead {
        status,
        upgrade: None,
        envoy: false,
        upstream: false,
        linkerd: None,
        framing: Framing::None,
    };
    let mut lengths = super::framing::Lengths::default();
    for Header { name, value } in response.headers.iter() {
        match name.len() {
            6 if name.eq_ignore_ascii_case("server") => {
                head.envoy = matches!(*value, b"envoy" | b"istio-envoy");
            }
            7 if status == 101 && name.eq_ignore_ascii_case("upgrade") => {
                head.upgrade = Upgrade::of(value);
            }
            14 | 17 => lengths.field(name, value),
            15 if name.eq_ignore_ascii_case("l5d-proxy-error") => head.linkerd = Some(value),
            29 if name.eq_ignore_ascii_case("x-envoy-upstream-service-time") => {
                head.upstream = true;
            }
            _ => {}
        }
    }
    head.framing = lengths.of_response(status, asked);
    Ok(Read::Whole(len, head))
}

/// Where the head at the front of `bytes` ends, if its empty line begins at or after `from`.
pub(super) fn end(bytes: &[u8], from: usize) -> Option<usize> {
    let from = from.saturating_sub(2);
    let mut at = from;
    while let Some(found) = bytes[at..].iter().position(|b| *b == b'\n') {
        let next = at + found + 1;
        match &bytes[next..] {
            [b'\n', ..] => return Some(next + 1),
            [b'\r', b'\n', ..] => return Some(next + 2),
            _ => at = next,
        }
    }
    None
}

/// A copy of a head with its folded lines joined (obs-fold, RFC 9112 section 5.2), which httparse
/// takes in responses only.
pub(super) fn unfold(head: &[u8]) -> Option<Vec<u8>> {
    let folded = |w: &[u8]| matches!(w, [b'\n', b' ' | b'\t']);
    head.windows(2).any(folded).then(|| {
        let mut joined = head.to_vec();
        for at in 1..joined.len() {
            if folded(&head[at - 1..=at]) {
                joined[at - 1] = b' ';
                if at >= 2 && head[at - 2] == b'\r' {
                    joined[at - 2] = b' ';
                }
            }
        }
        joined
    })
}

/// The whole lines of a head whose end is missing, made into a head.
pub(super) fn whole_lines(bytes: &[u8]) -> Option<Vec<u8>> {
    let end = bytes.iter().rposition(|b| *b == b'\n')?;
    Some([&bytes[..=end], b"\r\n"].concat())
}
