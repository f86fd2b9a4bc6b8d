//! Istio's VirtualService: the timeout of a rule, and that of each try.

use serde_json::Value;

use super::field::{Fields, Manifest, Scope, list};
use super::request::{Match, Path};

pub(super) fn read(manifest: Manifest<'_>, fields: &mut Fields) {
    let hosts = list(manifest.object, "/spec/hosts").iter().filter_map(Value::as_str);
    let hosts: Vec<_> = hosts.map(|host| manifest.host(host)).collect();
    for (place, rule) in manifest.list("/spec/http") {
        let destinations = list(rule, "/route").iter();
        let destinations =
            destinations.filter_map(|route| route.pointer("/destination/host")?.as_str());
        let scope = Scope {
            hosts: hosts.clone(),
            destinations: destinations.map(|host| manifest.host(host)).collect(),
            matches: matches(rule),
            ..Scope::default()
        };
        let place = format!("spec.http[{place}]");
        for name in ["timeout", "retries.perTryTimeout"] {
            fields.take(manifest, (&place, rule), name, &scope);
        }
    }
}

fn matches(rule: &Value) -> Vec<Match> {
    // The pod sees other paths than the gateway, which compares.
    if rule.get("rewrite").is_some() {
        return Vec::new();
    }
    list(rule, "/match").iter().map(one).collect()
}

fn one(given: &Value) -> Match {
    let text = |pointer: &str| given.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let path = match (text("/uri/exact"), text("/uri/prefix")) {
        _ if given.get("ignoreUriCase").and_then(Value::as_bool) == Some(true) => Path::Any,
        (Some(exact), _) => Path::Exact(exact),
        (None, Some(prefix)) => Path::Prefix(prefix),
        (None, None) => Path::Any,
    };
    Match { method: text("/method/exact"), path }
}
