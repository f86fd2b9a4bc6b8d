use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use meshsniff::capture::Timestamp;
use meshsniff::pairing::Exchange;
use meshsniff::report::TimeoutOrigins;
use meshsniff::slow::{Answer, Question, Samples, Verdict};
use tokio::sync::watch;

use super::clocks::Clocks;
use super::looks::Looks;
use super::{Judged, table};
use crate::access_log::Found;
use crate::talk;

/// How often the table is drawn anew on a terminal, and how often a line is said elsewhere.
const DRAW: Duration = Duration::from_secs(1);
const SAY: Duration = Duration::from_secs(10);
/// Lines of the table while it runs.
const ROWS: usize = 15;

/// Takes what happens at several pods and says which of them is slow.
pub(crate) struct Watch {
    samples: Samples,
    question: Question,
    /// The pods by name, by interface of this capture, and what each may share with others.
    names: BTreeMap<String, usize>,
    interfaces: BTreeMap<u32, usize>,
    attributes: BTreeMap<String, Vec<(String, String)>>,
    /// Pods of several namespaces are told apart by these, too.
    namespaced: bool,
    /// The file that is read now: the pod of interfaces that name none.
    file: Option<String>,
    /// From when to when each pod had requests.
    spans: BTreeMap<usize, (Timestamp, Timestamp)>,
    live: Option<Live>,
    clocks: Clocks,
    /// The verdict that was certain before the end.
    certain: Option<Verdict>,
    /// A capture has come to its end.
    ended: bool,
    /// Where the timeouts come from that its routes show.
    origins: TimeoutOrigins,
    /// What proxies logged, of each capture.
    logged: Vec<Found>,
}

/// What a running capture shows.
struct Live {
    begun: Instant,
    shown: Instant,
    looks: Option<Looks>,
    stop: Option<watch::Sender<bool>>,
}

impl Watch {
    /// For pods that are captured now.
    pub(super) fn live(question: Question, looks: Option<Looks>) -> Self {
        let begun = Instant::now();
        let live = Live { begun, shown: begun, looks, stop: None };
        Self { live: Some(live), ..Self::files(question) }
    }

    /// For captures that were made before.
    pub(crate) fn files(question: Question) -> Self {
        Self {
            samples: Samples::new(),
            question,
            names: BTreeMap::new(),
            interfaces: BTreeMap::new(),
            attributes: BTreeMap::new(),
            namespaced: false,
            file: None,
            spans: BTreeMap::new(),
            live: None,
            clocks: Clocks::default(),
            certain: None,
            ended: false,
            origins: TimeoutOrigins::default(),
            logged: Vec::new(),
        }
    }

    /// A capture begins, which `stop` ends; of several namespaces or of one.
    pub(crate) fn begins(&mut self, stop: watch::Sender<bool>, namespaced: bool) {
        self.namespaced = namespaced;
        if let Some(live) = &mut self.live {
            live.stop = Some(stop);
        }
    }

    /// A pod that is captured, also if nothing is ever seen of it.
    pub(crate) fn expect(&mut self, name: &str, attributes: Vec<(String, String)>) {
        self.attributes.insert(name.to_owned(), attributes);
        self.pod(name);
    }

    /// What follows is of this capture file: of the pod of that name, where no interface says more.
    pub(crate) fn file(&mut self, name: String) {
        self.interfaces.clear();
        self.file = Some(name);
    }

    /// A capture has ended: a file is a pod also if there was nothing in it.
    pub(crate) fn ended(&mut self, origins: Option<TimeoutOrigins>, logged: Option<Found>) {
        self.ended = true;
        self.logged.extend(logged);
        for origin in origins.iter().flat_map(|found| &found.routes) {
            if !self.origins.routes.iter().any(|known| known.route == origin.route) {
                self.origins.routes.push(origin.clone());
            }
        }
        for note in origins.into_iter().flat_map(|found| found.notes) {
            if !self.origins.notes.contains(&note) {
                self.origins.notes.push(note);
            }
        }
        if let (Some(name), true) = (self.file.take(), self.interfaces.is_empty()) {
            self.pod(&name);
        }
    }

    /// Takes the name of an interface, which may be a pod's: `namespace/pod:interface`.
    pub(crate) fn describe(&mut self, interface: u32, name: &str) {
        let pod = name.rsplit_once(':').map(|(pod, _)| pod).filter(|pod| pod.contains('/'));
        if let Some(pod) = pod {
            let pod = self.pod(pod);
            self.interfaces.insert(interface, pod);
        }
    }

    fn pod(&mut self, name: &str) -> usize {
        if let Some(known) = self.names.get(name) {
            return *known;
        }
        let attributes = self.attributes.get(name).cloned().unwrap_or_default();
        let bare = name.rsplit('/').next().filter(|_| !self.namespaced && self.file.is_none());
        let pod = self.samples.pod(bare.unwrap_or(name), attributes);
        self.names.insert(name.to_owned(), pod);
        pod
    }

    /// Takes an exchange.
    pub(crate) fn exchange(&mut self, exchange: &Exchange) {
        let interface = exchange.interface;
        let pod = match (self.interfaces.get(&interface), self.file.clone()) {
            (Some(pod), _) => *pod,
            (None, Some(file)) => {
                let pod = self.pod(&file);
                self.interfaces.insert(interface, pod);
                pod
            }
            (None, None) => return,
        };
        self.samples.exchange(pod, exchange);
        if self.live.is_some() {
            self.clocks.arrived(pod, exchange);
        }
        if let Some(at) = exchange.request.last {
            let (first, last) = self.spans.entry(pod).or_insert((at.time, at.time));
            *first = (*first).min(at.time);
            *last = (*last).max(at.time);
        }
    }

    /// Shows what there is, if it is time; ends the capture if the verdict is certain.
    pub(crate) fn tick(&mut self) {
        let Some(live) = &mut self.live else { return };
        let now = Instant::now();
        if self.certain.is_some() {
            return;
        }
        if let Some(looks) = &mut live.looks
            && !self.spans.is_empty()
            && looks.due(now)
        {
            let error = self.question.error * looks.spend();
            let verdict = Verdict::of(&self.samples, &Question { error, ..self.question });
            if verdict.answer != Answer::NotEnough {
                self.certain = Some(verdict);
                if let Some(stop) = &live.stop {
                    stop.send_replace(true);
                }
                return;
            }
        }
        let pause = if talk::shows() { DRAW } else { SAY };
        if now.duration_since(live.shown) < pause {
            return;
        }
        live.shown = now;
        let elapsed = live.begun.elapsed().as_secs();
        let verdict = Verdict::of(&self.samples, &self.question);
        let head = format!("{elapsed} s; Ctrl-C ends and judges.\n");
        if !talk::show(&(head + &table::table(&verdict.pods, ROWS))) {
            talk::say(&format!("{elapsed} s: {}", table::line(&verdict.pods)));
        }
    }

    /// All has been seen: the verdict, if there was a capture.
    pub(crate) fn judge(&mut self) -> Option<Judged> {
        let verdict = match self.certain.take() {
            Some(verdict) => verdict,
            None if self.ended => self.verdict(),
            None => return None,
        };
        let origins = std::mem::take(&mut self.origins);
        Some(Judged { verdict, origins, logged: std::mem::take(&mut self.logged) })
    }

    fn verdict(&mut self) -> Verdict {
        let looks = self.live.as_mut().and_then(|live| live.looks.as_mut());
        let share = looks.map_or(1.0, Looks::spend);
        let aligned = self.live.is_none() && self.align();
        let error = self.question.error * share;
        let mut verdict = Verdict::of(&self.samples, &Question { error, ..self.question });
        verdict.notes.extend(self.clocks.note());
        if aligned {
            verdict.notes.push(
                "The captures were not made at the same time: what was slow for all at one moment \
                 may look like a slow pod."
                    .to_owned(),
            );
        }
        verdict
    }

    /// Whether captures were made one after the other; then they are compared as if they had begun
    /// together.
    fn align(&mut self) -> bool {
        let spans: Vec<_> = self.spans.values().copied().collect();
        let apart = |a: &(Timestamp, Timestamp), b: &(Timestamp, Timestamp)| {
            let both = a.1.min(b.1).since(a.0.max(b.0));
            let shorter = a.1.since(a.0).min(b.1.since(b.0));
            both * 2 < shorter
        };
        let apart = spans.iter().any(|one| spans.iter().any(|other| apart(one, other)));
        if apart {
            self.samples.align();
        }
        apart
    }
}
