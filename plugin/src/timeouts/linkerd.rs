//! Linkerd: annotations of a Service or a route, and the routes of a ServiceProfile.

use serde_json::Value;

use super::field::{Fields, Manifest, Scope};
use super::host::Host;
use super::request::{Match, Path};

const ANNOTATIONS: [&str; 3] =
    ["timeout.linkerd.io/request", "timeout.linkerd.io/response", "timeout.linkerd.io/idle"];

/// The annotations of an object that is for these.
pub(super) fn annotations(manifest: Manifest<'_>, scope: &Scope, fields: &mut Fields) {
    let Some(all) = manifest.object.pointer("/metadata/annotations") else { return };
    for name in ANNOTATIONS {
        if let Some(value) = all.get(name) {
            fields.value(manifest, format!("metadata.annotations[{name}]"), value, scope);
        }
    }
}

/// A Service: its own annotations.
pub(super) fn service(manifest: Manifest<'_>, fields: &mut Fields) {
    let hosts = vec![manifest.host(manifest.name)];
    annotations(manifest, &Scope { hosts, ..Scope::default() }, fields);
}

/// A ServiceProfile, whose name is that of its service.
pub(super) fn profile(manifest: Manifest<'_>, fields: &mut Fields) {
    let host = Host::of(manifest.name, None);
    for (place, route) in manifest.list("/spec/routes") {
        let method = route.pointer("/condition/method").and_then(Value::as_str).map(str::to_owned);
        // Its path is a regular expression, which is not compared.
        let matches = vec![Match { method, path: Path::Any }];
        let scope = Scope { hosts: vec![host.clone()], matches, ..Scope::default() };
        fields.take(manifest, (&format!("spec.routes[{place}]"), route), "timeout", &scope);
    }
}
