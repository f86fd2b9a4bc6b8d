//! HTTPRoute and GRPCRoute of the Gateway API, and Linkerd's HTTPRoute, which is like it.

use serde_json::Value;

use super::field::{Fields, Manifest, Scope, list};
use super::host::Host;
use super::linkerd;
use super::request::{Match, Path};

pub(super) fn read(manifest: Manifest<'_>, fields: &mut Fields) {
    let parents = list(manifest.object, "/spec/parentRefs").iter();
    let parents = parents
        .filter(|parent| text(parent, "/kind") == Some("Service"))
        .filter_map(|parent| service(manifest, parent));
    let names = list(manifest.object, "/spec/hostnames").iter().filter_map(Value::as_str);
    let hosts: Vec<_> = names.map(|name| Host::of(name, None)).chain(parents).collect();
    let mut all = Scope { hosts: hosts.clone(), ..Scope::default() };
    for (place, rule) in manifest.list("/spec/rules") {
        let backends = list(rule, "/backendRefs").iter();
        let backends = backends
            .filter(|backend| matches!(text(backend, "/kind"), None | Some("Service")))
            .filter_map(|backend| service(manifest, backend));
        let destinations: Vec<_> = backends.collect();
        all.destinations.extend(destinations.iter().cloned());
        let matches = matches(rule);
        let scope = Scope { hosts: hosts.clone(), destinations, matches, ..Scope::default() };
        let place = format!("spec.rules[{place}]");
        for name in ["timeouts.request", "timeouts.backendRequest"] {
            fields.take(manifest, (&place, rule), name, &scope);
        }
    }
    linkerd::annotations(manifest, &all, fields);
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str()
}

/// The service that a reference names.
fn service(manifest: Manifest<'_>, reference: &Value) -> Option<Host> {
    let namespace = text(reference, "/namespace").or(manifest.namespace);
    Some(Host::of(text(reference, "/name")?, namespace))
}

fn matches(rule: &Value) -> Vec<Match> {
    let filters = list(rule, "/filters").iter();
    // The pod sees other paths than the gateway, which compares.
    if filters.into_iter().any(|filter| text(filter, "/type") == Some("URLRewrite")) {
        return Vec::new();
    }
    list(rule, "/matches").iter().map(one).collect()
}

fn one(given: &Value) -> Match {
    // A GRPCRoute's method is an object.
    if let Some(Value::Object(_)) = given.get("method") {
        return Match { method: None, path: of_grpc(given) };
    }
    let path = text(given, "/path/value").map(str::to_owned);
    let path = match (text(given, "/path/type").unwrap_or("PathPrefix"), path) {
        ("Exact", Some(path)) => Path::Exact(path),
        ("PathPrefix", Some(path)) => Path::Segments(path),
        _ => Path::Any,
    };
    Match { method: text(given, "/method").map(str::to_owned), path }
}

fn of_grpc(given: &Value) -> Path {
    let exact = text(given, "/method/type").unwrap_or("Exact") == "Exact";
    match (text(given, "/method/service"), text(given, "/method/method")) {
        (Some(service), Some(method)) if exact => Path::Exact(format!("/{service}/{method}")),
        (Some(service), None) if exact => Path::Segments(format!("/{service}")),
        _ => Path::Any,
    }
}
