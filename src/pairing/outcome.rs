/// How an exchange ended, as far as its packets prove it.
///
/// An outcome is a statement of who did what in which order. What cannot be proved is
/// [`Outcome::Unknown`]; what may still end either way is [`Outcome::InProgress`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Outcome {
    /// The whole response was seen, before anyone closed.
    Complete,
    /// The client closed its half first, and took the answer all the same.
    HalfCloseOk,
    /// The client closed (FIN) before the first byte of the response, and was gone.
    ClientFinBeforeResponse,
    /// The client reset the connection before the first byte of the response.
    ClientRstBeforeResponse,
    /// The client reset its stream (HTTP/2 RST_STREAM, whatever its code) before the first byte of
    /// the response.
    ClientRstStreamBeforeResponse,
    /// The server closed or reset before the first byte of the response.
    ServerClosedBeforeResponse,
    /// The server reset the stream (HTTP/2 RST_STREAM) before the first byte of the response.
    ServerRstStreamBeforeResponse,
    /// The response had begun, and one side left before its end.
    TruncatedResponse,
    /// One side left before the request's end.
    TruncatedRequest,
    /// The connect was answered by a reset.
    Refused,
    /// The connect was never answered.
    ConnectTimeout,
    /// A WebSocket that ended with a Close frame.
    WsClosed,
    /// A WebSocket whose connection ended without a Close frame.
    WsAborted,
    /// The TLS handshake succeeded.
    TlsOk,
    /// The TLS handshake was ended by an alert, in plaintext or by its shape.
    TlsAlert,
    /// One side left in the TLS handshake without an alert.
    TlsClosedNoAlert,
    /// Not ended when the capture did, and not long enough ago to say more.
    InProgress,
    /// The packets that would tell were not captured.
    Unknown,
}

impl Outcome {
    /// Every outcome, in the order of the documentation.
    pub const ALL: [Self; 18] = [
        Self::Complete,
        Self::HalfCloseOk,
        Self::ClientFinBeforeResponse,
        Self::ClientRstBeforeResponse,
        Self::ClientRstStreamBeforeResponse,
        Self::ServerClosedBeforeResponse,
        Self::ServerRstStreamBeforeResponse,
        Self::TruncatedResponse,
        Self::TruncatedRequest,
        Self::Refused,
        Self::ConnectTimeout,
        Self::WsClosed,
        Self::WsAborted,
        Self::TlsOk,
        Self::TlsAlert,
        Self::TlsClosedNoAlert,
        Self::InProgress,
        Self::Unknown,
    ];

    /// The word used for it in JSON, in filters and in comments.
    pub fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::HalfCloseOk => "half_close_ok",
            Self::ClientFinBeforeResponse => "client_fin_before_response",
            Self::ClientRstBeforeResponse => "client_rst_before_response",
            Self::ClientRstStreamBeforeResponse => "client_rst_stream_before_response",
            Self::ServerClosedBeforeResponse => "server_closed_before_response",
            Self::ServerRstStreamBeforeResponse => "server_rst_stream_before_response",
            Self::TruncatedResponse => "truncated_response",
            Self::TruncatedRequest => "truncated_request",
            Self::Refused => "refused",
            Self::ConnectTimeout => "connect_timeout",
            Self::WsClosed => "ws_closed",
            Self::WsAborted => "ws_aborted",
            Self::TlsOk => "tls_ok",
            Self::TlsAlert => "tls_alert",
            Self::TlsClosedNoAlert => "tls_closed_no_alert",
            Self::InProgress => "in_progress",
            Self::Unknown => "unknown",
        }
    }
}
