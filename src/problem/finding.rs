/// What a finding is about. Its name is the same word everywhere: text, JSON, comments in
/// captures, `explain`, documentation and file names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Code {
    /// The client closed before the response had begun.
    ClientClosedFirst,
    /// The client reset the connection before the response had begun.
    ClientReset,
    /// The server closed or reset before the response had begun.
    ServerClosedFirst,
    /// One side left in the middle of a message.
    Truncated,
    /// The response began later than the threshold.
    SlowResponse,
    /// The connect was answered by a reset.
    ConnectRefused,
    /// The connect was never answered.
    ConnectTimeout,
    /// Request complete, then silence until the capture ended.
    NoResponse,
    /// A proxy of the mesh answered by itself with 502, 503 or 504.
    ProxyAnswered,
    /// The application answered with 5xx.
    ServerError,
    /// A WebSocket was closed with a code that says that something went wrong.
    WebsocketError,
    /// A WebSocket ended without a Close frame.
    WebsocketAborted,
    /// A WebSocket was asked for and the answer was not a WebSocket.
    WebsocketRefused,
    /// The client refused the server's certificate.
    TlsCertificateRejected,
    /// The server wanted a certificate of the client: none, or a wrong one.
    TlsClientCertificate,
    /// An alert that is not about a certificate ended the TLS handshake.
    TlsHandshakeFailed,
    /// One side left the TLS handshake without an alert.
    TlsLeftSilently,
    /// One side speaks TLS, the other plaintext.
    TlsAndPlaintext,
    /// The server's certificate is not good at the time of the capture.
    TlsCertificateExpired,
    /// The connect was answered, late.
    SlowConnect,
    /// A server refused or dropped everything for a while, and answered afterwards.
    ServerUnavailable,
    /// A server cuts its connections at a constant age.
    MaxConnectionAge,
    /// A server closes its connections after a constant time without a byte.
    IdleTimeout,
    /// The client reset its stream of HTTP/2 before the response had begun.
    ClientResetStream,
    /// The server reset a stream of HTTP/2 before the response had begun.
    ServerResetStream,
    /// The server did not look at a stream of HTTP/2.
    StreamRefused,
    /// A sender waited for the other side's window of flow control.
    FlowControlStall,
    /// The server answered a call of gRPC with an error.
    GrpcError,
    /// The deadline of a call of gRPC ran out.
    GrpcDeadlineExceeded,
    /// The give-ups of a route heap at one value: a timeout.
    InferredTimeout,
    /// The capture lost packets: what is said here is less than what happened.
    CaptureLossy,
}

/// How bad it is for the one who waits for the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Slow, or judged with less evidence than there should be.
    Warning,
    /// A request failed.
    Error,
}

/// A set of codes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(from = "Vec<Code>", into = "Vec<Code>"))]
pub struct Findings(u64);

impl Findings {
    /// Adds a code.
    pub fn insert(&mut self, code: Code) {
        self.0 |= 1 << code as u8;
    }

    /// Whether the code is among them.
    pub fn contains(self, code: Code) -> bool {
        self.0 & (1 << code as u8) != 0
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The codes, in the order of their declaration.
    pub fn iter(self) -> impl Iterator<Item = Code> {
        Code::ALL.into_iter().filter(move |code| self.contains(*code))
    }
}

impl FromIterator<Code> for Findings {
    fn from_iter<I: IntoIterator<Item = Code>>(codes: I) -> Self {
        let mut findings = Self::default();
        codes.into_iter().for_each(|code| findings.insert(code));
        findings
    }
}

/// As a list of words, which says more to people than a number, and the same after a code is added.
#[cfg(feature = "serde")]
impl From<Vec<Code>> for Findings {
    fn from(codes: Vec<Code>) -> Self {
        codes.into_iter().collect()
    }
}

#[cfg(feature = "serde")]
impl From<Findings> for Vec<Code> {
    fn from(findings: Findings) -> Self {
        findings.iter().collect()
    }
}

impl Code {
    /// Every code, in the order of the documentation.
    pub const ALL: [Self; 31] = [
        Self::ClientClosedFirst,
        Self::ClientReset,
        Self::ServerClosedFirst,
        Self::Truncated,
        Self::SlowResponse,
        Self::ConnectRefused,
        Self::ConnectTimeout,
        Self::NoResponse,
        Self::ProxyAnswered,
        Self::ServerError,
        Self::WebsocketError,
        Self::WebsocketAborted,
        Self::WebsocketRefused,
        Self::TlsCertificateRejected,
        Self::TlsClientCertificate,
        Self::TlsHandshakeFailed,
        Self::TlsLeftSilently,
        Self::TlsAndPlaintext,
        Self::TlsCertificateExpired,
        Self::SlowConnect,
        Self::ServerUnavailable,
        Self::MaxConnectionAge,
        Self::IdleTimeout,
        Self::ClientResetStream,
        Self::ServerResetStream,
        Self::StreamRefused,
        Self::FlowControlStall,
        Self::GrpcError,
        Self::GrpcDeadlineExceeded,
        Self::InferredTimeout,
        Self::CaptureLossy,
    ];

    /// Those that say that the client left before the response had begun.
    pub const GIVE_UPS: [Self; 3] =
        [Self::ClientClosedFirst, Self::ClientReset, Self::ClientResetStream];

    /// Whether it says that the client left before the response had begun.
    pub fn is_give_up(self) -> bool {
        Self::GIVE_UPS.contains(&self)
    }

    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Self::ClientClosedFirst => "client-closed-first",
            Self::ClientReset => "client-reset",
            Self::ServerClosedFirst => "server-closed-first",
            Self::Truncated => "truncated",
            Self::SlowResponse => "slow-response",
            Self::ConnectRefused => "connect-refused",
            Self::ConnectTimeout => "connect-timeout",
            Self::NoResponse => "no-response",
            Self::ProxyAnswered => "proxy-answered",
            Self::ServerError => "server-error",
            Self::WebsocketError => "websocket-error",
            Self::WebsocketAborted => "websocket-aborted",
            Self::WebsocketRefused => "websocket-refused",
            Self::TlsCertificateRejected => "tls-certificate-rejected",
            Self::TlsClientCertificate => "tls-client-certificate",
            Self::TlsHandshakeFailed => "tls-handshake-failed",
            Self::TlsLeftSilently => "tls-left-silently",
            Self::TlsAndPlaintext => "tls-and-plaintext",
            Self::TlsCertificateExpired => "tls-certificate-expired",
            Self::SlowConnect => "slow-connect",
            Self::ServerUnavailable => "server-unavailable",
            Self::MaxConnectionAge => "max-connection-age",
            Self::IdleTimeout => "idle-timeout",
            Self::ClientResetStream => "client-reset-stream",
            Self::ServerResetStream => "server-reset-stream",
            Self::StreamRefused => "stream-refused",
            Self::FlowControlStall => "flow-control-stall",
            Self::GrpcError => "grpc-error",
            Self::GrpcDeadlineExceeded => "grpc-deadline-exceeded",
            Self::InferredTimeout => "inferred-timeout",
            Self::CaptureLossy => "capture-lossy",
        }
    }
}
