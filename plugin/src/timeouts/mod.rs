//! Where a timeout comes from: which field of which manifest has the value that a route shows.
//!
//! ```text
//! files ───┐
//!          ├─► Sources: fields with durations ─► those of the route's service with its value
//! cluster ─┘
//! ```
//!
//! Manifests are read and never changed; what may not be read is a note, never a failure.

mod answer;
mod cluster;
mod defaults;
mod destination_rule;
mod duration;
mod field;
mod files;
mod gateway_route;
mod host;
mod linkerd;
mod mesh_config;
mod notes;
mod request;
mod sentence;
#[cfg(test)]
mod tests;
mod value;
mod virtual_service;

use meshsniff::problem::InferredTimeout;
use meshsniff::report::{RouteTimeout, TimeoutOrigin, TimeoutOrigins, TimeoutSource};
use serde_json::Value;

pub(crate) use cluster::search;
use field::{Field, Fields, Manifest};
use host::Host;
use request::Request;
use sentence::{Found, Looked};

/// Answers where the timeouts come from that a summary shows; asked only if it shows one.
pub(crate) type Search = Box<dyn FnOnce(&[RouteTimeout<'_>]) -> TimeoutOrigins>;

/// The manifests that were read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    fields: Fields,
    /// The services of the pods that are looked at; none are known of a file.
    services: Vec<Host>,
    /// The namespaces of those pods: a name of one label is a service there.
    namespaces: Vec<String>,
    /// How many objects were read that can have a timeout.
    read: usize,
    /// More could not be read.
    partial: bool,
    /// What could not be read, a sentence each.
    notes: Vec<String>,
}

impl Sources {
    /// Takes an object, if it is of a kind that can have a timeout.
    fn take(&mut self, object: &Value) {
        let Some(manifest) = Manifest::of(object) else { return };
        let fields = &mut self.fields;
        match (manifest.group(), manifest.kind) {
            ("networking.istio.io", "VirtualService") => virtual_service::read(manifest, fields),
            ("networking.istio.io", "DestinationRule") => destination_rule::read(manifest, fields),
            ("gateway.networking.k8s.io" | "policy.linkerd.io", "HTTPRoute" | "GRPCRoute") => {
                gateway_route::read(manifest, fields)
            }
            ("linkerd.io", "ServiceProfile") => linkerd::profile(manifest, fields),
            ("", "Service") => {
                linkerd::service(manifest, fields);
                // Every cluster has Services; few have timeouts.
                return;
            }
            ("", "ConfigMap") if mesh_config::is_one(manifest) => {
                mesh_config::read(manifest, fields);
            }
            _ => return,
        }
        self.read += 1;
    }

    /// Where a timeout comes from: that of the requests of `route`, as the summary names it, which
    /// asked for `host`.
    pub(crate) fn explain(
        &self,
        route: &str,
        host: Option<&str>,
        timeout: &InferredTimeout,
    ) -> TimeoutOrigin {
        let request = Request::of(route);
        let can_be = |field: &&Field| {
            value::can_be(field.value, timeout) && request.may_match(&field.scope.matches)
        };
        let all: Vec<&Field> = self.fields.list.iter().filter(can_be).collect();
        let asked = self.asked(host);
        let concerns = |field: &&Field| field.scope.covers(&asked, &self.services);
        let concerned: Vec<&Field> = all.iter().copied().filter(concerns).collect();
        let mut found = match (asked.is_empty(), host) {
            (true, _) => Found::ByValue(all),
            (false, Some(host)) if concerned.is_empty() && self.services.is_empty() => {
                Found::ForOthers(all, host)
            }
            _ => Found::Sure(concerned),
        };
        value::order(found.fields_mut(), timeout.value);
        TimeoutOrigin {
            route: route.to_owned(),
            sentence: sentence::sentence(timeout.value, &found, self.looked()),
            sources: found.fields().iter().map(|field| source(field)).collect(),
        }
    }

    /// Where all of these come from.
    pub(crate) fn origins(&self, timeouts: &[RouteTimeout<'_>]) -> TimeoutOrigins {
        let one = |asked: &RouteTimeout<'_>| self.explain(asked.route, asked.host, &asked.timeout);
        let routes: Vec<_> = timeouts.iter().map(one).collect();
        // What could not be read or understood may have it too.
        let incomplete = self.partial || routes.iter().any(|origin| origin.sources.is_empty());
        let notes = if incomplete { self.notes() } else { Vec::new() };
        TimeoutOrigins { routes, notes }
    }

    /// Who answers from them.
    pub(crate) fn search(self) -> Search {
        Box::new(move |timeouts| self.origins(timeouts))
    }

    /// What could not be read or understood, a sentence each.
    pub(crate) fn notes(&self) -> Vec<String> {
        self.notes.iter().chain(&self.fields.notes).cloned().collect()
    }

    /// How many of the manifests were looked at.
    fn looked(&self) -> Looked {
        match self.read {
            _ if self.partial => Looked::Part,
            0 => Looked::Nothing,
            _ => Looked::All,
        }
    }

    /// What the requests may have asked for.
    fn asked(&self, host: Option<&str>) -> Vec<Host> {
        let host = host.unwrap_or_default();
        let named = match self.namespaces.as_slice() {
            [] => vec![Host::asked(host, None)],
            known => known.iter().map(|one| Host::asked(host, Some(one))).collect(),
        };
        self.services.iter().cloned().chain(named.into_iter().flatten()).collect()
    }
}

fn source(field: &Field) -> TimeoutSource {
    TimeoutSource {
        kind: field.kind.clone(),
        namespace: field.namespace.clone(),
        name: field.name.clone(),
        field: field.path.clone(),
        value: field.value,
    }
}
