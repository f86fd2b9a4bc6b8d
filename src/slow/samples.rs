use std::net::IpAddr;
use std::time::Duration;

use super::own::{OTHER, Own};
use super::sample::{Sample, Took, is_error};
use crate::capture::Timestamp;
use crate::pairing::{Exchange, Protocol};
use crate::report::{Routes, Subject};

/// Routes told apart; requests of further ones are left out, and counted.
const ROUTES: u32 = 512;
/// Samples kept, 20 bytes each. Where more come, every other one is thrown, of all pods alike.
const MOST: usize = 1 << 20;

/// Nanoseconds.
const SECOND: i64 = 1_000_000_000;

/// The requests of several pods: when each began, how long it took.
#[derive(Clone, Debug)]
pub struct Samples {
    pub(super) pods: Vec<Pod>,
    pub(super) routes: Vec<Box<str>>,
    names: Routes,
    kept: usize,
    /// One of so many is kept, as a power of two.
    thinned: u32,
    /// Requests of routes beyond those told apart.
    pub(super) left_out: u64,
    span: Option<(Timestamp, Timestamp)>,
    /// The last that was seen of any pod.
    last: Option<Timestamp>,
}

/// What was seen at one pod.
#[derive(Clone, Debug)]
pub(super) struct Pod {
    pub(super) name: Box<str>,
    /// What it may share with others: version, node, zone.
    pub(super) attributes: Vec<(String, String)>,
    pub(super) samples: Vec<Sample>,
    /// Its times are counted from here: an hour before its first exchange.
    base: Option<Timestamp>,
    /// When its capture ended, if that was before the others'.
    ended: Option<Timestamp>,
    pub(super) own: Own,
    /// Requests that ended in an error, by the place of their server.
    pub(super) failures: Vec<(u8, u64)>,
    count: u32,
}

impl Default for Samples {
    fn default() -> Self {
        Self::new()
    }
}

impl Samples {
    /// None yet.
    pub fn new() -> Self {
        Self {
            pods: Vec::new(),
            routes: Vec::new(),
            names: Routes::new(ROUTES),
            kept: 0,
            thinned: 0,
            left_out: 0,
            span: None,
            last: None,
        }
    }

    /// A pod; answers its number. `attributes` are what it may share with others, as
    /// `("version", "v2")`.
    pub fn pod(&mut self, name: &str, attributes: Vec<(String, String)>) -> usize {
        self.pods.push(Pod {
            name: name.into(),
            attributes,
            samples: Vec::new(),
            base: None,
            ended: None,
            own: Own::default(),
            failures: Vec::new(),
            count: 0,
        });
        self.pods.len() - 1
    }

    /// Says from when to when was captured; otherwise it is from the first request to the last.
    pub fn span(&mut self, from: Timestamp, until: Timestamp) {
        self.span = Some((from, until));
    }

    /// The pod has these addresses; of one that was started anew, also the new ones. Where none are
    /// known they are guessed.
    pub fn addresses(&mut self, pod: usize, addresses: impl IntoIterator<Item = IpAddr>) {
        if let Some(pod) = self.pods.get_mut(pod) {
            pod.own.addresses.extend(addresses);
        }
    }

    /// Something was seen as late as this: what is still open then is as old.
    pub fn seen(&mut self, last: Timestamp) {
        self.last = self.last.max(Some(last));
    }

    /// The capture of this pod ended before the others': its open requests grow no older.
    pub fn ended(&mut self, pod: usize, last: Timestamp) {
        if let Some(pod) = self.pods.get_mut(pod) {
            pod.ended = Some(last);
        }
    }

    /// Moves a pod's requests from one time to another: for captures that were made one after the
    /// other and are compared as if they had begun together.
    pub fn shift(&mut self, pod: usize, from: Timestamp, to: Timestamp) {
        let Some(pod) = self.pods.get_mut(pod) else { return };
        let by = to.nanos().saturating_sub(from.nanos());
        let shifted = |time: Timestamp| Timestamp::from_nanos(time.nanos().saturating_add(by));
        pod.base = pod.base.map(shifted);
        pod.ended = pod.ended.map(shifted);
        (self.span, self.last) = (None, None);
    }

    /// The name of a pod.
    pub fn name(&self, pod: usize) -> &str {
        self.pods.get(pod).map_or("", |pod| &pod.name)
    }

    /// Takes an exchange that was seen at this pod.
    pub fn exchange(&mut self, pod: usize, exchange: &Exchange) {
        let Some(place) = self.pods.get_mut(pod) else { return };
        if !matches!(exchange.protocol, Protocol::Http1 | Protocol::H2 | Protocol::Grpc) {
            return;
        }
        let server = place.own.place(exchange.client, exchange.server);
        if is_error(exchange) {
            match place.failures.iter_mut().find(|(known, _)| *known == server) {
                Some((_, count)) => *count += 1,
                None => place.failures.push((server, 1)),
            }
        }
        let (Subject::Path(word, path), Some(at), Some(took)) =
            (Subject::of(exchange), exchange.request.last, Took::of(exchange))
        else {
            return;
        };
        match self.names.find(word, path) {
            (Some(route), name) => {
                self.routes.extend(name.map(safe));
                self.add(pod, route as u16, server, at.time, took);
            }
            (None, _) => self.left_out += 1,
        }
    }

    /// Takes a request to the pod itself that was told apart by others.
    pub fn request(&mut self, pod: usize, route: &str, at: Timestamp, took: Took) {
        let here = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        let Some(place) = self.pods.get_mut(pod) else { return };
        let server = place.own.place(here, here);
        match self.names.find_name(route) {
            (Some(route), name) => {
                self.routes.extend(name.map(safe));
                self.add(pod, route as u16, server, at, took);
            }
            (None, _) => self.left_out += 1,
        }
    }

    fn add(&mut self, pod: usize, route: u16, server: u8, at: Timestamp, took: Took) {
        let place = &mut self.pods[pod];
        // Whole seconds, so that nothing is rounded into another one.
        let first = Timestamp::from_nanos((at.nanos().div_euclid(SECOND) - 3600) * SECOND);
        let base = *place.base.get_or_insert(first);
        let millis = |span: Duration| span.as_secs_f64() as f32 * 1000.0;
        let (took, gave_up, unseen, open) = match took {
            Took::Answered(took) => (millis(took), f32::INFINITY, false, false),
            Took::GaveUp(after, Some(late)) => (millis(late), millis(after), false, false),
            Took::GaveUp(after, None) => (millis(after), millis(after), true, false),
            Took::Failed(after) => (millis(after), f32::INFINITY, true, false),
            Took::Open => (0.0, f32::INFINITY, true, true),
        };
        let at = u32::try_from(at.since(base).as_millis()).unwrap_or(u32::MAX);
        place.count = place.count.wrapping_add(1);
        if is_kept(place.count, self.thinned) {
            place.samples.push(Sample { at, took, gave_up, route, server, unseen, open });
            self.kept += 1;
            if self.kept > MOST {
                self.thin();
            }
        }
    }

    /// Throws every other sample.
    fn thin(&mut self) {
        self.thinned += 1;
        for pod in &mut self.pods {
            let mut place = 0;
            pod.samples.retain(|_| {
                place += 1;
                is_kept(place, 1)
            });
        }
        self.kept = self.pods.iter().map(|pod| pod.samples.len()).sum();
    }

    /// How many requests a sample stands for.
    pub(super) fn weight(&self) -> u64 {
        1 << self.thinned
    }

    /// From when to when was captured.
    pub(super) fn window(&self) -> (Timestamp, Timestamp) {
        if let Some(span) = self.span {
            return span;
        }
        let (mut from, mut until) = (None::<Timestamp>, self.last);
        for pod in &self.pods {
            let Some(base) = pod.base else { continue };
            let at = |millis: u32| base.after(Duration::from_millis(millis.into()));
            let end = |sample: &Sample| sample.at.saturating_add(sample.took as u32);
            let first = pod.samples.iter().map(|sample| sample.at).min().map(at);
            until = until.max(pod.samples.iter().map(end).max().map(at));
            from = [from, first].into_iter().flatten().min();
        }
        let from = from.unwrap_or_default();
        (from, until.unwrap_or_default().max(from))
    }

    /// The requests to the pods themselves, their times since the window began; of those still open,
    /// as old as they were when their pod's capture ended.
    pub(super) fn own(&self) -> Vec<Vec<Sample>> {
        let window = self.window();
        self.pods.iter().map(|pod| pod.requests(window)).collect()
    }
}

impl Pod {
    fn requests(&self, (from, until): (Timestamp, Timestamp)) -> Vec<Sample> {
        let Some(base) = self.base else { return Vec::new() };
        let own = self.own.are();
        // Both are milliseconds of one capture.
        let late = base.since(from).as_millis() as u32;
        let early = from.since(base).as_millis() as u32;
        let until = self.ended.unwrap_or(until).since(from).as_millis() as u32;
        let mut mine = Vec::with_capacity(self.samples.len());
        for sample in self.samples.iter().filter(|sample| is_own(&own, sample.server)) {
            let at = sample.at.saturating_add(late).saturating_sub(early);
            let mut sample = Sample { at, ..*sample };
            if sample.open {
                sample.took = until.saturating_sub(at) as f32;
            }
            mine.push(sample);
        }
        mine
    }

    /// Requests to it that ended in an error.
    pub(super) fn failed(&self) -> u64 {
        let own = self.own.are();
        let mine = self.failures.iter().filter(|(server, _)| is_own(&own, *server));
        mine.map(|(_, count)| count).sum()
    }
}

fn is_own(own: &[bool], server: u8) -> bool {
    server != OTHER && own.get(usize::from(server)).is_some_and(|own| *own)
}

/// A route's name as it may be shown: it comes from the network.
fn safe(name: &str) -> Box<str> {
    name.replace(char::is_control, "?").into()
}

/// Whether the sample of this number is one of the 2^`thinned`, in no rhythm that callers may have.
fn is_kept(number: u32, thinned: u32) -> bool {
    let mixed = (number.wrapping_mul(0x9E37_79B1) ^ (number >> 7)).wrapping_mul(0x85EB_CA6B);
    mixed.leading_zeros() >= thinned
}
