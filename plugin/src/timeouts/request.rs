//! Which requests a rule of a manifest is for, as far as the name of a route tells.

/// What is known of the requests of a route.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Request<'a> {
    method: Option<&'a str>,
    path: Option<&'a str>,
}

/// One alternative of a rule. What is not understood is taken to match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) method: Option<String>,
    pub(super) path: Path,
}

/// What a rule says of the path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Path {
    /// Nothing, or nothing that can be compared.
    #[default]
    Any,
    Exact(String),
    Prefix(String),
    /// A prefix of whole segments: `/items` is none of `/itemsets`.
    Segments(String),
}

impl<'a> Request<'a> {
    /// By the route's name in the summary: `GET /items/{id}`, `gRPC shop.Catalog/Get`.
    pub(super) fn of(route: &'a str) -> Self {
        match route.split_once(' ') {
            Some(("gRPC", path)) => Self { method: Some("POST"), path: Some(path) },
            Some(("WS", path)) => Self { method: Some("GET"), path: Some(path) },
            Some((method, path)) if path.starts_with('/') => {
                Self { method: Some(method), path: Some(path) }
            }
            _ => Self::default(),
        }
    }

    /// Whether a rule with these alternatives can be for it; one without any is for all.
    pub(super) fn may_match(&self, alternatives: &[Match]) -> bool {
        alternatives.is_empty() || alternatives.iter().any(|one| self.may_be(one))
    }

    fn may_be(&self, one: &Match) -> bool {
        let method = match (&one.method, self.method) {
            (Some(wanted), Some(method)) => wanted == method,
            _ => true,
        };
        method && self.path.is_none_or(|path| one.path.may_be(path))
    }
}

impl Path {
    fn may_be(&self, path: &str) -> bool {
        // The path of gRPC is written without its first slash.
        let path = path.strip_prefix('/').unwrap_or(path);
        // A route is many paths behind what was folded or cut.
        let known = match path.find(['{', '…']) {
            Some(end) => &path[..end],
            None => path,
        };
        let whole = known.len() == path.len();
        let bare = |text: &'_ str| text.strip_prefix('/').unwrap_or(text).to_owned();
        match self {
            Self::Any => true,
            Self::Exact(exact) if whole => bare(exact) == known,
            Self::Exact(exact) => bare(exact).starts_with(known),
            Self::Prefix(prefix) => {
                let prefix = bare(prefix);
                known.starts_with(&prefix) || !whole && prefix.starts_with(known)
            }
            Self::Segments(prefix) => {
                let prefix = bare(prefix.trim_end_matches('/'));
                let rest = known.strip_prefix(&prefix);
                rest.is_some_and(|rest| {
                    prefix.is_empty() || rest.is_empty() || rest.starts_with('/')
                }) || !whole && prefix.starts_with(known)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(route: &str, path: Path) -> bool {
        Request::of(route).may_match(&[Match { method: None, path }])
    }

    #[test]
    fn paths_are_compared_as_far_as_they_are_known() {
        assert!(may("GET /items", Path::Prefix("/it".into())));
        assert!(!may("GET /items", Path::Prefix("/orders".into())));
        assert!(may("GET /items", Path::Exact("/items".into())));
        assert!(!may("GET /items", Path::Exact("/items/1".into())));
        assert!(may("GET /items/{id}", Path::Exact("/items/1".into())));
        assert!(may("GET /items/{id}/parts", Path::Prefix("/items/7/parts".into())));
        assert!(!may("GET /items/{id}", Path::Prefix("/orders".into())));
        assert!(may("GET /items/{id}", Path::Segments("/items".into())));
        assert!(may("GET /items", Path::Segments("/items/".into())));
        assert!(may("GET /items", Path::Segments("/".into())));
        assert!(!may("GET /itemsets", Path::Segments("/items".into())));
        assert!(may("gRPC shop.Catalog/Get", Path::Exact("/shop.Catalog/Get".into())));
        assert!(may("request not captured", Path::Exact("/items".into())));
    }

    #[test]
    fn methods_and_alternatives() {
        let of = |method: &str| Match { method: Some(method.into()), path: Path::Any };
        let get = Request::of("GET /items");
        assert!(get.may_match(&[]));
        assert!(get.may_match(&[of("PUT"), of("GET")]));
        assert!(!get.may_match(&[of("PUT")]));
    }
}
