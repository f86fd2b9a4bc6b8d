use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::subject::Subject;
use crate::pairing::Exchange;

/// Longest name of a route, in bytes; what is longer is cut.
const NAME: usize = 120;
/// How many raw paths are remembered with their route. Each costs 16 bytes.
const CACHE: usize = 1024;

/// The routes seen, found by method and path.
///
/// A path that was seen lately is found by its hash alone; another one is folded first.
#[derive(Clone, Debug)]
pub(crate) struct Routes {
    cache: Box<[(u64, u32)]>,
    by_name: HashMap<Box<str>, u32, FixedState>,
    hasher: FixedState,
    name: String,
    most: u32,
}

/// A place that no route has.
const NONE: u32 = u32::MAX;

impl Routes {
    /// No routes yet; at most `most` of them.
    pub(crate) fn new(most: u32) -> Self {
        Self {
            cache: vec![(0, NONE); CACHE].into(),
            by_name: HashMap::default(),
            hasher: FixedState::default(),
            name: String::new(),
            most,
        }
    }

    /// The number of the route, from 0, and its name if it is new. `None`: there are too many.
    #[inline]
    pub(crate) fn find(&mut self, method: &str, path: &str) -> (Option<u32>, Option<&str>) {
        let mut hasher = self.hasher.build_hasher();
        method.hash(&mut hasher);
        path.hash(&mut hasher);
        let hash = hasher.finish();
        let slot = hash as usize % CACHE;
        if let (cached, route) = self.cache[slot]
            && cached == hash
            && route != NONE
        {
            return (Some(route), None);
        }
        self.name.clear();
        self.name.push_str(method);
        self.name.push(' ');
        fold(path, &mut self.name);
        let (route, new) = self.by_name();
        if let Some(route) = route {
            self.cache[slot] = (hash, route);
        }
        (route, new.then_some(&self.name))
    }

    /// As [`find`](Self::find), by a name that is not folded.
    pub(crate) fn find_name(&mut self, name: &str) -> (Option<u32>, Option<&str>) {
        self.name.clear();
        self.name.push_str(name);
        let (route, new) = self.by_name();
        (route, new.then_some(&self.name))
    }

    /// As [`find`](Self::find), of an exchange that has no path.
    pub(super) fn find_other(&mut self, exchange: &Exchange) -> (Option<u32>, Option<&str>) {
        name_route(exchange, &mut self.name);
        let (route, new) = self.by_name();
        (route, new.then_some(&self.name))
    }

    fn by_name(&mut self) -> (Option<u32>, bool) {
        cut(&mut self.name);
        if let Some(route) = self.by_name.get(self.name.as_str()) {
            return (Some(*route), false);
        }
        let route = self.by_name.len() as u32;
        if route >= self.most {
            return (None, false);
        }
        self.by_name.insert(self.name.as_str().into(), route);
        (Some(route), true)
    }
}

/// Sets `name` to that of the exchange's route, as a [`Summary`](super::Summary) has it: `GET /items/{id}`,
/// `gRPC shop.Catalog/Get`, `TLS catalog`, or the server that a connect failed to. It is as the network
/// sent it, and at most 123 bytes long.
pub fn name_route(exchange: &Exchange, name: &mut String) {
    name.clear();
    match Subject::of(exchange) {
        Subject::Path(word, path) => {
            name.push_str(word);
            name.push(' ');
            fold(path, name);
        }
        Subject::Name(server) => {
            name.push_str("TLS ");
            name.push_str(server);
        }
        Subject::Tls => name.push_str(&format!("TLS {}", exchange.server)),
        Subject::Connect => name.push_str(&exchange.server.to_string()),
        Subject::Unknown => name.push_str("request not captured"),
    }
    cut(name);
}

fn cut(name: &mut String) {
    if name.len() > NAME {
        let end = (0..=NAME).rev().find(|end| name.is_char_boundary(*end));
        name.truncate(end.unwrap_or(0));
        name.push('…');
    }
}

/// Appends the path with what names single things replaced by `{id}`: numbers, UUIDs and long
/// hexadecimal words. The query is dropped, and so is the authority of an absolute target.
pub fn fold(path: &str, name: &mut String) {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let path = match path.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |start| &rest[start..]),
        None => path,
    };
    for (place, segment) in path.split('/').enumerate() {
        if place > 0 {
            name.push('/');
        }
        name.push_str(if names_one_thing(segment) { "{id}" } else { segment });
    }
}

fn names_one_thing(segment: &str) -> bool {
    let bytes = segment.as_bytes();
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    let is_uuid = bytes.len() == 36
        && bytes.iter().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    let is_hex = bytes.len() >= 12 && digits > 0 && bytes.iter().all(u8::is_ascii_hexdigit);
    !bytes.is_empty() && (digits == bytes.len() || is_uuid || is_hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_one_thing_is_folded() {
        let folded = |path| {
            let mut name = String::new();
            fold(path, &mut name);
            name
        };
        assert_eq!(folded("/items"), "/items");
        assert_eq!(folded("/items/17/parts/4?x=1"), "/items/{id}/parts/{id}");
        assert_eq!(folded("/u/2f1b7c3e-0000-4abc-8def-0123456789ab"), "/u/{id}");
        assert_eq!(folded("/blob/d41d8cd98f00b204e9800998ecf8427e/"), "/blob/{id}/");
        assert_eq!(folded("/v2/deadbeef/decade"), "/v2/deadbeef/decade");
        assert_eq!(folded("http://shop/items/9#top"), "/items/{id}");
        assert_eq!(folded("http://shop"), "/");
        assert_eq!(folded("*"), "*");
        assert_eq!(folded(""), "");
    }

    #[test]
    fn routes_are_bounded_and_found_again() {
        let mut routes = Routes::new(2);
        assert_eq!(routes.find("GET", "/a/1"), (Some(0), Some("GET /a/{id}")));
        assert_eq!(routes.find("GET", "/a/2"), (Some(0), None));
        assert_eq!(routes.find("GET", "/a/1"), (Some(0), None));
        assert_eq!(routes.find("PUT", "/a/1"), (Some(1), Some("PUT /a/{id}")));
        assert_eq!(routes.find("GET", "/b"), (None, None));
        assert_eq!(routes.find("GET", "/b"), (None, None));
    }

    #[test]
    fn a_long_name_is_cut_between_characters() {
        let mut routes = Routes::new(1);
        let (_, name) = routes.find("GET", &format!("/{}", "ä".repeat(500)));
        assert!(name.unwrap().len() <= NAME + 3);
    }
}
