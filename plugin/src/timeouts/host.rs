//! Names of services and hosts, as manifests and requests write them.

use std::net::IpAddr;

/// A name without what can be left out: `catalog.shop` for `catalog.shop.svc.cluster.local`.
///
/// One label alone, as `catalog`, is a service of an unknown namespace. A manifest's may begin with
/// `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host(String);

impl Host {
    /// The name that a manifest in this namespace writes; one label is a service there.
    pub(super) fn of(name: &str, namespace: Option<&str>) -> Self {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let labels: Vec<&str> = name.split('.').collect();
        match (labels.as_slice(), namespace) {
            ([service, of, "svc", ..], _) => Self(format!("{service}.{of}")),
            ([service], Some(namespace)) if *service != "*" => {
                Self(format!("{service}.{namespace}"))
            }
            _ => Self(name),
        }
    }

    /// What a request asked for, by its `Host`; `None` if that names no service: it is an address.
    pub(super) fn asked(authority: &str, namespace: Option<&str>) -> Option<Self> {
        let name = match authority.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => authority,
        };
        let address = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
        let tells = !name.is_empty() && !address && !name.eq_ignore_ascii_case("localhost");
        tells.then(|| Self::of(name, namespace))
    }

    /// Whether a manifest for this host is for what was asked.
    pub(super) fn covers(&self, asked: &Self) -> bool {
        if let Some(suffix) = self.0.strip_prefix('*') {
            return asked.0.ends_with(suffix) || asked.long().ends_with(suffix);
        }
        self == asked || self.is_short_for(asked) || asked.is_short_for(self)
    }

    /// The name of a service with everything that can be left out.
    fn long(&self) -> String {
        format!("{}.svc.cluster.local", self.0)
    }

    fn is_short_for(&self, other: &Self) -> bool {
        let service = other.0.split_once('.').filter(|(_, namespace)| !namespace.contains('.'));
        service.is_some_and(|(service, _)| service == self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(manifest: &str, request: &str) -> bool {
        let asked = Host::asked(request, None).unwrap();
        Host::of(manifest, Some("shop")).covers(&asked)
    }

    #[test]
    fn a_service_has_many_names() {
        for manifest in ["catalog", "catalog.shop", "catalog.shop.svc.cluster.local"] {
            for request in ["catalog", "catalog:9080", "Catalog.shop", "catalog.shop.svc:80"] {
                assert!(covers(manifest, request), "{manifest} {request}");
            }
            assert!(!covers(manifest, "catalog.other"));
            assert!(!covers(manifest, "basket"));
        }
    }

    #[test]
    fn wildcards() {
        assert!(covers("*", "catalog"));
        assert!(covers("*.shop.svc.cluster.local", "catalog.shop"));
        assert!(covers("*.svc.cluster.local", "catalog.shop"));
        assert!(covers("*.example.com", "shop.example.com"));
        assert!(!covers("*.example.com", "catalog.shop"));
    }

    #[test]
    fn an_address_names_no_service() {
        for authority in ["10.0.0.1", "10.0.0.1:80", "[::1]:80", "localhost:8080", ""] {
            assert_eq!(Host::asked(authority, None), None, "{authority}");
        }
    }
}
