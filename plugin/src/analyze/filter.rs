use std::time::Duration;

use meshsniff::pairing::{Connection, Exchange, Outcome};
use meshsniff::problem::Code;
use meshsniff::report::LeftOut;

use crate::args::Report;

/// Ports on which the mesh speaks with itself: Istio's admin, debug, metrics, health, DNS and
/// Envoy's metrics; Linkerd's control and admin.
const MESH: [u16; 8] = [15000, 15004, 15020, 15021, 15053, 15090, 4190, 4191];

/// Which exchanges are looked at, and which of these get a line.
#[derive(Debug)]
pub(crate) struct Filter {
    all: bool,
    ports: Vec<u16>,
    paths: Vec<String>,
    outcomes: Vec<Outcome>,
    findings: Vec<Code>,
    slower_than: Option<Duration>,
    left_out: LeftOut,
}

impl Filter {
    pub(crate) fn new(args: &Report) -> Self {
        Self {
            all: args.scope.all,
            ports: args.scope.port.clone(),
            paths: args.scope.path.clone(),
            outcomes: args.outcome.clone(),
            findings: args.finding.clone(),
            slower_than: args.slower_than,
            left_out: LeftOut::default(),
        }
    }

    /// Whether the exchange is looked at; one that is not is counted.
    #[inline]
    pub(crate) fn chooses(&mut self, exchange: &Exchange) -> bool {
        let count = if !self.is_asked_for(exchange) {
            &mut self.left_out.filtered
        } else if !self.all && MESH.contains(&exchange.server.port()) {
            &mut self.left_out.mesh
        } else if !self.all && exchange.request.probe {
            &mut self.left_out.probes
        } else {
            return true;
        };
        *count += 1;
        false
    }

    /// Whether what happened to a connection is told. It is not asked for by a path.
    pub(crate) fn chooses_connection(&self, connection: &Connection) -> bool {
        let port = connection.server.port();
        (self.ports.is_empty() || self.ports.contains(&port))
            && self.paths.is_empty()
            && (self.all || !MESH.contains(&port))
    }

    /// The same for a question, which is not counted: its exchange follows.
    pub(crate) fn would_choose(&self, exchange: &Exchange) -> bool {
        let mesh = MESH.contains(&exchange.server.port()) || exchange.request.probe;
        self.is_asked_for(exchange) && (self.all || !mesh)
    }

    /// Whether an exchange that is looked at gets a line.
    #[inline]
    pub(crate) fn shows(&self, exchange: &Exchange) -> bool {
        (self.outcomes.is_empty() || self.outcomes.contains(&exchange.outcome))
            && (self.findings.is_empty()
                || self.findings.iter().any(|code| exchange.findings.contains(*code)))
            && self.slower_than.is_none_or(|limit| {
                let times = [exchange.total(), exchange.ttfb(), exchange.gap(), exchange.late()];
                times.into_iter().flatten().any(|time| time > limit)
            })
    }

    /// Whether lines are chosen by how the exchange ended: questions have no place then.
    pub(crate) fn chooses_lines(&self) -> bool {
        !self.outcomes.is_empty() || !self.findings.is_empty() || self.slower_than.is_some()
    }

    /// What was not looked at.
    pub(crate) fn left_out(&self) -> LeftOut {
        self.left_out
    }

    fn is_asked_for(&self, exchange: &Exchange) -> bool {
        (self.ports.is_empty() || self.ports.contains(&exchange.server.port()))
            && (self.paths.is_empty()
                || exchange
                    .request
                    .path
                    .as_deref()
                    .is_some_and(|path| self.paths.iter().any(|given| matches(given, path))))
    }
}

/// Whether the path begins as given; with `*`, whether all of it is as given.
fn matches(given: &str, path: &str) -> bool {
    let Some((head, rest)) = given.split_once('*') else { return path.starts_with(given) };
    let Some(mut path) = path.strip_prefix(head) else { return false };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return path.ends_with(part);
        }
        match path.find(part) {
            Some(at) => path = &path[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn paths_by_prefix_or_star() {
        assert!(matches("/items", "/items/7"));
        assert!(!matches("/items", "/"));
        assert!(matches("/items/*/parts", "/items/7/parts"));
        assert!(!matches("/items/*/parts", "/items/7/parts/2"));
        assert!(matches("*parts*", "/items/7/parts/2"));
        assert!(matches("*", ""));
        assert!(!matches("/a*a", "/a"));
    }
}
