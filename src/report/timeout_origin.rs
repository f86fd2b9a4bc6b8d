//! Where the timeouts of routes come from, as somebody says who can read manifests: plain data here.

use std::time::Duration;

use super::summary::{Route, Summary};
use super::verdict::OfRoute;
use crate::problem::{Code, InferredTimeout, infer_timeout};

/// A timeout that a route shows, and what helps to find where it is configured.
#[derive(Clone, Copy, Debug)]
pub struct RouteTimeout<'a> {
    /// The method and the folded path, as in the summary's table: `GET /items/{id}`.
    pub route: &'a str,
    /// The `Host` or `:authority` of the first request that ran out of it; `None` if it had none.
    pub host: Option<&'a str>,
    /// Its value, and how it was seen.
    pub timeout: InferredTimeout,
}

/// A field of a manifest that has the value of a timeout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeoutSource {
    /// The object's kind, as `VirtualService`.
    pub kind: String,
    /// The object's namespace; `None` if its manifest names none.
    pub namespace: Option<String>,
    /// The object's name.
    pub name: String,
    /// The field, as `spec.http[0].timeout`.
    pub field: String,
    /// The value that the field has.
    pub value: Duration,
}

/// What was found for the timeout of one route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeoutOrigin {
    /// The route, as [`RouteTimeout::route`].
    pub route: String,
    /// All fields that have the value; none if none was found.
    pub sources: Vec<TimeoutSource>,
    /// It in one sentence, for people.
    pub sentence: String,
}

/// What was found for all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimeoutOrigins {
    /// A route each.
    pub routes: Vec<TimeoutOrigin>,
    /// What could not be read, a sentence each.
    pub notes: Vec<String>,
}

impl TimeoutOrigins {
    /// What was found for the route of this name.
    pub(super) fn of(&self, route: &Route) -> Option<&TimeoutOrigin> {
        self.routes.iter().find(|origin| *origin.route == *route.name)
    }
}

impl Summary {
    /// The timeouts that routes show: of clients that gave up, or else of a proxy that answered in
    /// the server's place.
    pub fn timeouts(&self) -> Vec<RouteTimeout<'_>> {
        let shown = |route: &'_ Route| route.timeout().or_else(|| of_proxy(route));
        let routes = self.list.iter().filter_map(|route| Some((route, shown(route)?)));
        routes
            .map(|(route, timeout)| RouteTimeout {
                route: &route.name,
                host: route.host.as_deref(),
                timeout,
            })
            .collect()
    }
}

impl OfRoute<'_> {
    /// Whether this is the verdict that states the route's timeout.
    pub(super) fn states_timeout(&self) -> bool {
        match self.route.timeout() {
            Some(_) => self.code.is_give_up(),
            None => self.code == Code::ProxyAnswered && of_proxy(self.route).is_some(),
        }
    }
}

/// The timeout of a proxy that answered by itself.
fn of_proxy(route: &Route) -> Option<InferredTimeout> {
    infer_timeout(&mut route.times(&[Code::ProxyAnswered]))
}
