//! What has a timeout without anybody having configured one.

use std::time::Duration;

use super::value::is_near;

/// Milliseconds, and what waits so long by default. Only who asks: who answers does not give up.
const DEFAULTS: [(u64, &str); 21] = [
    (1000, "usually kubelet's probes"),
    (10_000, "Istio's connectTimeout"),
    (10_000, "Linkerd's protocol detection"),
    (10_000, "usually a route of a Linkerd ServiceProfile"),
    (10_000, "usually OkHttp"),
    (15_000, "Envoy's route timeout (Istio switches it off)"),
    (29_000, "usually AWS API Gateway"),
    (30_000, "usually a Google Cloud load balancer, CloudFront or Heroku"),
    (60_000, "nginx (proxy_read_timeout, proxy_send_timeout, proxy_connect_timeout)"),
    (60_000, "an AWS load balancer (ALB, CLB)"),
    (75_000, "nginx (keepalive_timeout)"),
    (100_000, "usually Cloudflare"),
    (100_000, "usually .NET's HttpClient"),
    (240_000, "usually an Azure load balancer"),
    (300_000, "Envoy's stream_idle_timeout (Istio's sidecars switch it off)"),
    (300_000, "usually Node.js's fetch"),
    (300_000, "usually Python's aiohttp"),
    (300_000, "usually curl, for the connect"),
    (350_000, "usually an AWS Network Load Balancer"),
    (3_600_000, "Envoy's idle_timeout of connections"),
    (3_600_000, "Istio's http.idleTimeout"),
];

/// What has this value by default.
pub(super) fn with(value: Duration) -> Vec<&'static str> {
    let near = |(millis, _): &&(u64, &str)| is_near(Duration::from_millis(*millis), value);
    DEFAULTS.iter().filter(near).map(|(_, what)| *what).collect()
}
