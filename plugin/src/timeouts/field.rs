use std::time::Duration;

use serde_json::Value;

use super::duration::parse;
use super::host::Host;
use super::request::Match;

/// A field of a manifest that has a duration, and what it is for.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) kind: String,
    pub(super) namespace: Option<String>,
    pub(super) name: String,
    /// As `spec.http[0].timeout`.
    pub(super) path: String,
    pub(super) value: Duration,
    /// It ends connections, or their beginning: a request that is at the pod is past it, mostly.
    pub(super) of_connections: bool,
    pub(super) scope: Scope,
}

/// How the names of those end that are of connections.
const OF_CONNECTIONS: [&str; 4] =
    ["connectTimeout", "idleTimeout", "maxConnectionDuration", "protocolDetectionTimeout"];

/// What a rule is for: nothing that is known if it has neither hosts nor destinations.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    /// The whole mesh.
    pub(super) mesh: bool,
    /// What requests ask for.
    pub(super) hosts: Vec<Host>,
    /// Where it sends them.
    pub(super) destinations: Vec<Host>,
    /// All requests if there are none.
    pub(super) matches: Vec<Match>,
}

/// An object of Kubernetes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manifest<'a> {
    pub(super) kind: &'a str,
    pub(super) namespace: Option<&'a str>,
    pub(super) name: &'a str,
    pub(super) object: &'a Value,
}

/// What manifests gave.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields {
    pub(super) list: Vec<Field>,
    /// What in them is not understood, a sentence each.
    pub(super) notes: Vec<String>,
}

impl<'a> Manifest<'a> {
    /// `None` if it has no kind: then it is no object.
    pub(super) fn of(object: &'a Value) -> Option<Self> {
        let metadata = |key| object.get("metadata")?.get(key)?.as_str();
        Some(Self {
            kind: object.get("kind")?.as_str()?,
            namespace: metadata("namespace"),
            name: metadata("name").unwrap_or_default(),
            object,
        })
    }

    /// The group of its API, empty for the core's.
    pub(super) fn group(&self) -> &'a str {
        let version = self.object.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
        version.split_once('/').map_or("", |(group, _)| group)
    }

    /// A host that it names.
    pub(super) fn host(&self, name: &str) -> Host {
        Host::of(name, self.namespace)
    }

    /// The elements of the list at `pointer`, each with its place; none if there is no list.
    pub(super) fn list(&self, pointer: &str) -> impl Iterator<Item = (usize, &'a Value)> + use<'a> {
        list(self.object, pointer).iter().enumerate()
    }
}

/// The elements of the list at this JSON pointer.
pub(super) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

impl Fields {
    /// Takes the duration that is `name` (as `retries.perTryTimeout`) of the part of the manifest at
    /// `place`, if it is there and not 0, which switches a timeout off.
    pub(super) fn take(
        &mut self,
        manifest: Manifest<'_>,
        (place, part): (&str, &Value),
        name: &str,
        scope: &Scope,
    ) {
        let pointer = format!("/{}", name.replace('.', "/"));
        if let Some(value) = part.pointer(&pointer) {
            self.value(manifest, format!("{place}.{name}"), value, scope);
        }
    }

    /// Takes the duration that `value` is.
    pub(super) fn value(
        &mut self,
        manifest: Manifest<'_>,
        path: String,
        value: &Value,
        scope: &Scope,
    ) {
        let Manifest { kind, namespace, name, .. } = manifest;
        match value.as_str().and_then(parse) {
            Some(Duration::ZERO) => {}
            Some(value) => self.list.push(Field {
                kind: kind.to_owned(),
                namespace: namespace.map(str::to_owned),
                name: name.to_owned(),
                of_connections: OF_CONNECTIONS.iter().any(|end| path.ends_with(end)),
                path,
                value,
                scope: scope.clone(),
            }),
            None => self.notes.push(format!(
                "{} has no duration at {path}: it is passed over.",
                object(kind, namespace, name)
            )),
        }
    }
}

impl Scope {
    /// Whether it is for requests that ask for any of these, at pods of these services, if those are
    /// known: then what is sent elsewhere is none of theirs.
    pub(super) fn covers(&self, asked: &[Host], services: &[Host]) -> bool {
        let any = |of: &[Host], names: &[Host]| {
            of.iter().any(|one| names.iter().any(|name| one.covers(name)))
        };
        match (services.is_empty(), self.destinations.is_empty()) {
            _ if self.mesh => true,
            (false, false) => any(&self.destinations, services),
            (true, false) if self.hosts.is_empty() => any(&self.destinations, asked),
            _ => any(&self.hosts, asked),
        }
    }
}

impl Field {
    /// `VirtualService shop/catalog`.
    pub(super) fn object(&self) -> String {
        object(&self.kind, self.namespace.as_deref(), &self.name)
    }
}

fn object(kind: &str, namespace: Option<&str>, name: &str) -> String {
    match namespace {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    }
}
