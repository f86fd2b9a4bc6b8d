//! Istio's DestinationRule: the timeouts of connections.

use serde_json::Value;

use super::field::{Fields, Manifest, Scope, list};

/// Timeouts of a connection pool.
const NAMES: [&str; 4] = [
    "connectionPool.tcp.connectTimeout",
    "connectionPool.tcp.idleTimeout",
    "connectionPool.tcp.maxConnectionDuration",
    "connectionPool.http.idleTimeout",
];

pub(super) fn read(manifest: Manifest<'_>, fields: &mut Fields) {
    let host = manifest.object.pointer("/spec/host").and_then(Value::as_str);
    let destinations = host.map(|host| manifest.host(host)).into_iter().collect();
    let scope = Scope { destinations, ..Scope::default() };
    if let Some(spec) = manifest.object.get("spec") {
        policy(manifest, ("spec", spec), &scope, fields);
    }
    for (place, subset) in manifest.list("/spec/subsets") {
        policy(manifest, (&format!("spec.subsets[{place}]"), subset), &scope, fields);
    }
}

/// The traffic policy of the rule or of a subset, and of its ports.
fn policy(manifest: Manifest<'_>, (of, part): (&str, &Value), scope: &Scope, fields: &mut Fields) {
    let Some(policy) = part.get("trafficPolicy") else { return };
    let of = format!("{of}.trafficPolicy");
    let ports = list(policy, "/portLevelSettings").iter().enumerate();
    let ports = ports.map(|(place, port)| (format!("{of}.portLevelSettings[{place}]"), port));
    for (place, part) in std::iter::once((of.clone(), policy)).chain(ports) {
        for name in NAMES {
            fields.take(manifest, (&place, part), name, scope);
        }
    }
}
