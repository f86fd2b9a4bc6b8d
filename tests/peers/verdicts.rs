//! What must be said of each situation.

/// By situation: words of a peer or of Envoy's log, without which it did not happen; and what must be
/// said of its exchanges, as `told` says it, in any order. ` | ` stands between two that are both
/// right.
pub(crate) type Verdicts = [(&'static str, &'static str, &'static [&'static str])];

/// All of them.
pub(crate) fn all()
-> impl Iterator<Item = &'static (&'static str, &'static str, &'static [&'static str])> {
    [GRPC, HTTP2, WEBSOCKET, TLS].into_iter().flatten()
}

pub(crate) const GRPC: &Verdicts = &[
    (
        "grpc-ok",
        "",
        &[
            "9080 grpc /shop.Catalog/Items complete 200 OK",
            "9080 grpc /shop.Catalog/Watch complete 200 OK",
            "9080 grpc /shop.Catalog/Upload complete 200 OK",
        ],
    ),
    (
        "grpc-gateway-timeout",
        r#""flags":"UT""#,
        &[
            "8080 grpc /shop.Catalog/Slow complete 200 UNAVAILABLE #proxy-answered",
            "9080 grpc /shop.Catalog/Slow client_rst_stream_before_response by client #client-reset-stream",
            "8080 grpc /shop.Catalog/Items complete 200 OK",
            "9080 grpc /shop.Catalog/Items complete 200 OK",
        ],
    ),
    (
        "grpc-gateway-timeouts-together",
        r#""flags":"UT""#,
        &[
            "8080 grpc /shop.Catalog/Slow complete 200 UNAVAILABLE #proxy-answered",
            "8080 grpc /shop.Catalog/Slow complete 200 UNAVAILABLE #proxy-answered",
            "8080 grpc /shop.Catalog/Slow complete 200 UNAVAILABLE #proxy-answered",
            "9080 grpc /shop.Catalog/Slow client_rst_stream_before_response by client #client-reset-stream",
            "9080 grpc /shop.Catalog/Slow client_rst_stream_before_response by client #client-reset-stream",
            "9080 grpc /shop.Catalog/Slow client_rst_stream_before_response by client #client-reset-stream",
        ],
    ),
    (
        "grpc-cancel-direct",
        "CANCELLED",
        &[
            "9080 grpc /shop.Catalog/Slow client_rst_stream_before_response by client #client-reset-stream",
        ],
    ),
    (
        "grpc-cancel-proxied",
        r#""flags":"DR""#,
        &[
            "8080 grpc /shop.Catalog/Slow client_rst_stream_before_response by client #client-reset-stream",
            "9080 grpc /shop.Catalog/Slow client_rst_stream_before_response by client #client-reset-stream",
        ],
    ),
    ("grpc-deadline-direct", "DEADLINE_EXCEEDED", &[DEADLINE]),
    (
        "grpc-deadline-proxied",
        "DEADLINE_EXCEEDED",
        &[
            "8080 grpc /shop.Catalog/Slow client_rst_stream_before_response by client \
             #client-reset-stream #grpc-deadline-exceeded \
             | 8080 grpc /shop.Catalog/Slow client_rst_stream_before_response by client DEADLINE_EXCEEDED \
             #client-reset-stream #grpc-deadline-exceeded \
             | 8080 grpc /shop.Catalog/Slow complete 200 DEADLINE_EXCEEDED #grpc-deadline-exceeded",
            DEADLINE,
        ],
    ),
    (
        "grpc-error-statuses",
        "INVALID_ARGUMENT",
        &[
            "9080 grpc /shop.Catalog/Fail complete 200 INVALID_ARGUMENT #grpc-error",
            "9080 grpc /shop.Catalog/Fail complete 200 INTERNAL #grpc-error",
            "9080 grpc /shop.Catalog/Fail complete 200 UNAVAILABLE #grpc-error",
            "9080 grpc /shop.Catalog/Fail complete 200 DEADLINE_EXCEEDED #grpc-deadline-exceeded",
        ],
    ),
    (
        "grpc-trailers-only",
        "PERMISSION_DENIED",
        &["9080 grpc /shop.Catalog/Refuse complete 200 PERMISSION_DENIED #grpc-error"],
    ),
    (
        "grpc-unimplemented",
        "Method not found!",
        &[
            "8080 grpc /shop.Catalog/VoteDoughnut complete 200 UNIMPLEMENTED #grpc-error",
            "9080 grpc /shop.Catalog/VoteDoughnut complete 200 UNIMPLEMENTED #grpc-error",
        ],
    ),
    (
        "grpc-stream-cancelled",
        "CANCELLED",
        &["9080 grpc /shop.Catalog/Watch truncated_response by client 200 #truncated"],
    ),
    (
        "grpc-stream-gateway-timeout",
        r#""flags":"UT""#,
        &[
            "8080 grpc /shop.Catalog/Watch truncated_response by server 200 #truncated",
            "9080 grpc /shop.Catalog/Watch truncated_response by client 200 #truncated",
        ],
    ),
    (
        "grpc-age-finishes",
        "",
        &[
            "9080 grpc /shop.Catalog/Watch complete 200 OK",
            "9080 grpc /shop.Catalog/Items complete 200 OK",
        ],
    ),
    (
        "grpc-age-cuts",
        "max connection age",
        &["9080 grpc /shop.Catalog/Watch complete 200 UNAVAILABLE #grpc-error"],
    ),
    (
        "grpc-no-server",
        r#""flags":"UF""#,
        &[
            "8080 grpc /shop.Catalog/Items complete 200 UNAVAILABLE #proxy-answered",
            "9080 tcp - refused by server #connect-refused",
            "9080 tcp - refused by server #connect-refused",
        ],
    ),
    (
        "grpc-go",
        "",
        &[
            "9080 grpc /shop.Catalog/Items complete 200 OK",
            "9080 grpc /shop.Catalog/Fail complete 200 INVALID_ARGUMENT #grpc-error",
        ],
    ),
    ("grpc-go-deadline", "context deadline exceeded", &[DEADLINE]),
    (
        "grpc-go-stream-cancelled",
        "context canceled",
        &["9080 grpc /shop.Catalog/Watch truncated_response by client 200 #truncated"],
    ),
    (
        "grpc-go-age-cuts",
        "max_age",
        &["9080 grpc /shop.Catalog/Watch truncated_response by server 200 #truncated"],
    ),
];

/// Client and server both keep it: the server's answer comes before the client has left, after it, or
/// not at all.
const DEADLINE: &str = "9080 grpc /shop.Catalog/Slow client_rst_stream_before_response by client \
     #client-reset-stream #grpc-deadline-exceeded \
     | 9080 grpc /shop.Catalog/Slow client_rst_stream_before_response by client DEADLINE_EXCEEDED \
     #client-reset-stream #grpc-deadline-exceeded \
     | 9080 grpc /shop.Catalog/Slow complete 200 DEADLINE_EXCEEDED #grpc-deadline-exceeded";

pub(crate) const HTTP2: &Verdicts = &[
    (
        "h2-server-rst-stream",
        "Received RST_STREAM with error code 11",
        &[
            "9080 grpc /shop.Catalog/Items server_rst_stream_before_response by server #server-reset-stream",
        ],
    ),
    (
        "h2-server-rst-stream-middle",
        "Received RST_STREAM with error code 11",
        &["9080 grpc /shop.Catalog/Watch truncated_response by server 200 #truncated"],
    ),
    (
        "h2-server-rst-stream-proxied",
        r#""flags":"UR""#,
        &[
            "8080 grpc /shop.Catalog/Items complete 200 UNAVAILABLE #proxy-answered",
            "9080 grpc /shop.Catalog/Items server_rst_stream_before_response by server #server-reset-stream",
        ],
    ),
    (
        "h2-server-closes",
        "Socket closed",
        &[
            "9080 grpc /shop.Catalog/Items server_closed_before_response by server #server-closed-first",
        ],
    ),
    (
        "h2-server-closes-proxied",
        r#""flags":"UC""#,
        &[
            "8080 grpc /shop.Catalog/Items complete 200 UNAVAILABLE #proxy-answered",
            "9080 grpc /shop.Catalog/Items server_closed_before_response by server #server-closed-first",
        ],
    ),
    (
        "h2-goaway-below",
        "GOAWAY received",
        &["9080 grpc /shop.Catalog/Items server_closed_before_response by server #stream-refused"],
    ),
    (
        "h2-goaway-below-proxied",
        "remote_refused_stream_reset",
        &[
            "8080 grpc /shop.Catalog/Items complete 200 UNAVAILABLE #proxy-answered",
            "9080 grpc /shop.Catalog/Items server_closed_before_response by server #stream-refused",
        ],
    ),
    ("h2-prior-knowledge", "200 2", &["9080 h2 /hello complete 200"]),
    ("h2-continuation", "200000 <nil>\\n200 2", &["9080 h2 /upload complete 200"]),
    ("h2-upgrade", "200 2", &["9080 h2 /hello complete 200"]),
    (
        "h2-upgrade-refused",
        "200 1.1",
        &["8080 http1 /hello complete 200", "9080 h2 /hello complete 200"],
    ),
    (
        "h2-behind-http1",
        r#""flags":"DC""#,
        &[
            "8080 http1 /hello client_fin_before_response by client #client-closed-first",
            "9080 h2 /hello client_rst_stream_before_response by client #client-reset-stream",
        ],
    ),
    (
        "h2-client-closes",
        "timed out",
        &["9080 h2 /hello client_fin_before_response by client #client-closed-first"],
    ),
    ("h2-go-ok", "200 OK", &["9080 h2 /hello complete 200"]),
    (
        "h2-go-handler-aborts",
        "INTERNAL_ERROR; received from peer",
        &["9080 h2 /abort server_rst_stream_before_response by server #server-reset-stream"],
    ),
    (
        "h2-go-client-timeout",
        "context deadline exceeded",
        &["9080 h2 /slow client_rst_stream_before_response by client #client-reset-stream"],
    ),
    ("h2-go-shutdown", "200 OK", &["9080 h2 /shutdown complete 200"]),
    (
        "h2-stall-opens",
        r#""stalled_at":16384"#,
        &["9080 grpc /shop.Catalog/Items complete 200 OK stalled by client #flow-control-stall"],
    ),
    (
        "h2-stall-ends",
        r#""stalled_at":16384"#,
        &["9080 grpc /shop.Catalog/Items truncated_response by client 200 \
           stalled by client at its end #truncated #flow-control-stall"],
    ),
];

pub(crate) const WEBSOCKET: &Verdicts = &[
    (
        "ws-close-1000",
        r#""close_code":1000"#,
        &["9080 ws /live ws_closed by client 1000 bye / 1000 bye"],
    ),
    (
        "ws-close-1000-proxied",
        r#""close_code":1000"#,
        &[
            "8080 ws /live ws_closed by client 1000 bye / 1000 bye",
            "9080 ws /live ws_closed by client 1000 bye / 1000 bye",
        ],
    ),
    (
        "ws-close-1001",
        r#""close_code":1001"#,
        &["9080 ws /live ws_closed by server 1001 going away / 1001 going away"],
    ),
    (
        "ws-server-1011",
        "Internal Error",
        &[
            "9080 ws /live ws_closed by server 1011 Internal Error / 1011 Internal Error #websocket-error",
        ],
    ),
    (
        "ws-server-1011-proxied",
        "Internal Error",
        &[
            "8080 ws /live ws_closed by server 1011 Internal Error / 1011 Internal Error #websocket-error",
            "9080 ws /live ws_closed by server 1011 Internal Error / 1011 Internal Error #websocket-error",
        ],
    ),
    (
        "ws-handler-crash",
        r#""close_code":1011"#,
        &["9080 ws /live ws_closed by server 1011 / 1011 #websocket-error"],
    ),
    (
        "ws-server-vanishes",
        r#""close_code":1006"#,
        &["9080 ws /live ws_aborted by server - / - #websocket-aborted"],
    ),
    (
        "ws-client-vanishes",
        r#""close_code":1006"#,
        &["9080 ws /live ws_aborted by client - / - #websocket-aborted"],
    ),
    (
        "ws-client-vanishes-proxied",
        r#""close_code":1006"#,
        &[
            "8080 ws /live ws_aborted by client - / - #websocket-aborted",
            "9080 ws /live ws_aborted by client - / - #websocket-aborted",
        ],
    ),
    (
        "ws-server-resets",
        r#""close_code":1006"#,
        &["9080 ws /live ws_aborted by server - / - #websocket-aborted"],
    ),
    (
        "ws-client-resets",
        r#""close_code":1006"#,
        &["9080 ws /live ws_aborted by client - / - #websocket-aborted"],
    ),
    ("ws-fragments", r#""close_code":1000"#, &["9080 ws /live ws_closed by client 1000 / 1000"]),
    (
        "ws-idle-timeout",
        "stream_idle_timeout",
        &[
            "8080 ws /live ws_aborted by server - / - #websocket-aborted",
            "9080 ws /live ws_aborted by client - / - #websocket-aborted",
        ],
    ),
    (
        "ws-refused-403",
        r#""status":403"#,
        &["9080 http1 /forbidden complete 403 #websocket-refused"],
    ),
    (
        "ws-refused-503",
        r#""status":503"#,
        &[
            "8080 http1 /unavailable complete 503 #websocket-refused",
            "9080 http1 /unavailable complete 503 #server-error #websocket-refused",
        ],
    ),
    ("ws-proxy-503", r#""flags":"UH""#, &["8080 http1 /live complete 503 #websocket-refused"]),
    (
        "ws-proxy-refused",
        r#""flags":"UF""#,
        &[
            "8080 http1 /live complete 503 #websocket-refused",
            "9080 tcp - refused by server #connect-refused",
        ],
    ),
    (
        "ws-over-h2",
        r#""close_code":1000"#,
        &[
            "8081 ws /live ws_closed by client 1000 bye / 1000 bye",
            "8080 ws /live ws_closed by client 1000 bye / 1000 bye",
            "9080 ws /live ws_closed by client 1000 bye / 1000 bye",
        ],
    ),
    (
        "ws-over-h2-1011",
        "Internal Error",
        &[
            "8081 ws /live ws_closed by server 1011 Internal Error / 1011 Internal Error #websocket-error",
            "8080 ws /live ws_closed by server 1011 Internal Error / 1011 Internal Error #websocket-error",
            "9080 ws /live ws_closed by server 1011 Internal Error / 1011 Internal Error #websocket-error",
        ],
    ),
    (
        "ws-over-h2-vanishes",
        r#""close_code":1006"#,
        &[
            "8081 ws /live ws_aborted by client - / - #websocket-aborted",
            "8080 ws /live ws_aborted by client - / - #websocket-aborted",
            "9080 ws /live ws_aborted by client - / - #websocket-aborted",
        ],
    ),
    (
        "ws-over-h2-refused",
        r#""status":403"#,
        &[
            "8081 http1 /forbidden complete 403 #websocket-refused",
            "8080 h2 /forbidden complete 403 #websocket-refused",
            "9080 http1 /forbidden complete 403 #websocket-refused",
        ],
    ),
];

pub(crate) const TLS: &Verdicts = &[
    ("tls12-ok-openssl", "TLSv1.2", OK),
    ("tls13-ok-openssl", "TLSv1.3", OK),
    ("tls12-ok-go", "TLSv1.2", OK),
    ("tls13-ok-go", "TLSv1.3", OK),
    ("tls12-ok-python", "TLSv1.2", OK),
    ("tls13-ok-python", "TLSv1.3", OK),
    ("tls-ok-grpc", "OK", OK),
    (
        "tls-ok-proxied",
        "CONNECTION ESTABLISHED",
        &["8080 tls catalog.shop.svc tls_ok", "9080 tls catalog.shop.svc tls_ok"],
    ),
    ("tls12-mutual-openssl", "TLSv1.2", OK),
    ("tls13-mutual-openssl", "TLSv1.3", OK),
    ("tls12-mutual-go", "TLSv1.2", OK),
    ("tls13-mutual-go", "TLSv1.3", OK),
    ("tls12-unknown-ca-openssl", "TLSV1_ALERT_UNKNOWN_CA", UNKNOWN_CA),
    ("tls13-unknown-ca-openssl", "TLSV1_ALERT_UNKNOWN_CA", UNKNOWN_CA),
    ("tls12-unknown-ca-python", "CERTIFICATE_VERIFY_FAILED", UNKNOWN_CA),
    ("tls13-unknown-ca-python", "CERTIFICATE_VERIFY_FAILED", UNKNOWN_CA),
    ("tls12-unknown-ca-go", "x509: certificate signed by unknown authority", BAD_CERTIFICATE),
    ("tls13-unknown-ca-go", "x509: certificate signed by unknown authority", CLIENTS_HIDDEN_ALERT),
    ("tls12-unknown-ca-grpc", "CERTIFICATE_VERIFY_FAILED", SILENT),
    ("tls13-unknown-ca-grpc", "CERTIFICATE_VERIFY_FAILED", SILENT),
    (
        "tls-unknown-ca-proxied",
        "certificate verify failed",
        &[
            "8080 tls catalog.shop.svc tls_alert by client 48 #tls-certificate-rejected",
            "9080 tls catalog.shop.svc tls_alert by client 48 #tls-certificate-rejected",
        ],
    ),
    ("tls-webhook", "x509: certificate signed by unknown authority", CLIENTS_HIDDEN_ALERT),
    (
        "tls12-expired-openssl",
        "certificate has expired",
        &[
            "9080 tls catalog.shop.svc tls_alert by client 45 #tls-certificate-rejected #tls-certificate-expired",
        ],
    ),
    (
        "tls13-expired-openssl",
        "certificate has expired",
        &["9080 tls catalog.shop.svc tls_alert by client 45 #tls-certificate-rejected"],
    ),
    (
        "tls12-expired-go",
        "x509: certificate has expired",
        &[
            "9080 tls catalog.shop.svc tls_alert by client 42 #tls-certificate-rejected #tls-certificate-expired",
        ],
    ),
    ("tls13-expired-go", "x509: certificate has expired", CLIENTS_HIDDEN_ALERT),
    ("tls12-wrong-name-openssl", "hostname mismatch", WRONG_NAME),
    ("tls13-wrong-name-openssl", "hostname mismatch", WRONG_NAME),
    ("tls12-wrong-name-python", "Hostname mismatch", WRONG_NAME),
    ("tls13-wrong-name-python", "Hostname mismatch", WRONG_NAME),
    ("tls12-wrong-name-go", "x509: certificate is valid for", WRONG_NAME),
    (
        "tls13-wrong-name-go",
        "x509: certificate is valid for",
        &["9080 tls orders.shop.svc tls_alert by client hidden #tls-certificate-rejected"],
    ),
    ("tls12-no-client-certificate-openssl", "did not return a certificate", HANDSHAKE_FAILURE),
    ("tls12-no-client-certificate-go", "did not return a certificate", HANDSHAKE_FAILURE),
    ("tls13-no-client-certificate-openssl", "did not return a certificate", SERVERS_HIDDEN_ALERT),
    ("tls13-no-client-certificate-go", "did not return a certificate", SERVERS_HIDDEN_ALERT),
    (
        "tls12-foreign-client-openssl",
        "certificate verify failed",
        &["9080 tls catalog.shop.svc tls_alert by server 48 #tls-client-certificate"],
    ),
    ("tls13-foreign-client-openssl", "certificate verify failed", SERVERS_HIDDEN_ALERT),
    (
        "tls-sni-rejected",
        "SSL alert number 112",
        &["9080 tls catalog.shop.svc tls_alert by server 112 #tls-handshake-failed"],
    ),
    (
        "tls-version-too-old",
        "SSL alert number 70",
        &["9080 tls catalog.shop.svc tls_alert by server 70 #tls-handshake-failed"],
    ),
    (
        "tls-no-common-alpn",
        "tls: no application protocol",
        &["9080 tls catalog.shop.svc tls_alert by server 120 #tls-handshake-failed"],
    ),
    ("tls12-silent-fin", "UNEXPECTED_EOF_WHILE_READING", SILENT),
    ("tls12-silent-rst", "Connection reset by peer", SILENT),
    ("tls13-silent-fin", "UNEXPECTED_EOF_WHILE_READING", SILENT),
    ("tls13-silent-rst", "Connection reset by peer", SILENT),
    (
        "tls-server-silent",
        "unexpected eof",
        &["9080 tls catalog.shop.svc tls_closed_no_alert by server #tls-left-silently"],
    ),
    (
        "http-to-tls",
        "http request",
        &["9080 http1 /hello server_closed_before_response by server #server-closed-first"],
    ),
    (
        "http-to-tls-go",
        "Client sent an HTTP request to an HTTPS server.",
        &["9080 http1 /hello complete 400 #tls-and-plaintext"],
    ),
    ("tls-to-http", "wrong version number", &[ANSWERED_IN_PLAINTEXT]),
    ("tls-to-html", "wrong version number", &[ANSWERED_IN_PLAINTEXT]),
    (
        "tls-to-http-envoy",
        "server gave HTTP response to HTTPS client",
        &["8080 tls catalog.shop.svc tls_closed_no_alert by client #tls-and-plaintext"],
    ),
];

const OK: &[&str] = &["9080 tls catalog.shop.svc tls_ok"];
const UNKNOWN_CA: &[&str] =
    &["9080 tls catalog.shop.svc tls_alert by client 48 #tls-certificate-rejected"];
const BAD_CERTIFICATE: &[&str] =
    &["9080 tls catalog.shop.svc tls_alert by client 42 #tls-certificate-rejected"];
const WRONG_NAME: &[&str] =
    &["9080 tls orders.shop.svc tls_alert by client 42 #tls-certificate-rejected"];
const HANDSHAKE_FAILURE: &[&str] =
    &["9080 tls catalog.shop.svc tls_alert by server 40 #tls-client-certificate"];
/// Both close.
const ANSWERED_IN_PLAINTEXT: &str = "9080 tls catalog.shop.svc tls_closed_no_alert by client #tls-and-plaintext \
     | 9080 tls catalog.shop.svc tls_closed_no_alert by server #tls-and-plaintext";
const SILENT: &[&str] =
    &["9080 tls catalog.shop.svc tls_closed_no_alert by client #tls-left-silently"];
const CLIENTS_HIDDEN_ALERT: &[&str] =
    &["9080 tls catalog.shop.svc tls_alert by client hidden #tls-certificate-rejected"];
const SERVERS_HIDDEN_ALERT: &[&str] =
    &["9080 tls catalog.shop.svc tls_alert by server hidden #tls-client-certificate"];
