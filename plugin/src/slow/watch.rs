use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use meshsniff::Counts;
use meshsniff::capture::Timestamp;
use meshsniff::pairing::Exchange;
use meshsniff::report::{TimeoutOrigins, pod_of};
use meshsniff::slow::{Answer, Question, Samples, Verdict};
use tokio::sync::watch;

use super::attributes::attributes;
use super::clocks::Clocks;
use super::files::Files;
use super::looks::Looks;
use super::{Judged, table};
use crate::access_log::Found;
use crate::cluster::Target;
use crate::talk;

/// How often the table is drawn anew on a terminal, and how often a line is said elsewhere.
const DRAW: Duration = Duration::from_secs(1);
const SAY: Duration = Duration::from_secs(10);
/// How much earlier than the others' a capture ends that was ended by itself.
const EARLY: Duration = Duration::from_secs(3);
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
    /// Those that were read.
    files: Files,
    /// When the captures of pods ended, by our clock, and the last that was seen of each.
    ends: BTreeMap<usize, (Instant, Timestamp)>,
    live: Option<Live>,
    clocks: Clocks,
    /// What was certain before the end, and the error that it spent.
    certain: Option<(Verdict, f64)>,
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
    /// How long the last verdict took.
    cost: Duration,
    stop: Option<watch::Sender<bool>>,
}

impl Watch {
    /// For pods that are captured now.
    pub(super) fn live(question: Question, looks: Option<Looks>) -> Self {
        let begun = Instant::now();
        let live = Live { begun, shown: begun, looks, cost: Duration::ZERO, stop: None };
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
            files: Files::default(),
            ends: BTreeMap::new(),
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
    pub(crate) fn expect(&mut self, target: &Target) {
        let name = target.full_name();
        self.attributes.insert(name.clone(), attributes(target));
        let pod = self.pod(&name);
        self.samples.addresses(pod, target.addresses.iter().copied());
    }

    /// What follows is of this capture file: of the pod of that name, where no interface says more.
    pub(crate) fn file(&mut self, name: String) {
        self.interfaces.clear();
        self.file = Some(name);
    }

    /// A capture has ended: a file is a pod also if there was nothing in it.
    pub(crate) fn ended(
        &mut self,
        counts: &Counts,
        origins: Option<TimeoutOrigins>,
        logged: Option<Found>,
    ) {
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
        let Some(name) = self.file.take() else { return };
        if self.interfaces.is_empty() {
            let pod = self.pod(&name);
            self.interfaces.insert(0, pod);
        }
        self.files.ended(counts, self.interfaces.values().copied());
    }

    /// The capture of this interface's pod has ended, by itself or with all; this was the last of it.
    pub(crate) fn gone(&mut self, interface: u32, last: Timestamp) {
        self.samples.seen(last);
        if let Some(pod) = self.interfaces.get(&interface) {
            self.ends.insert(*pod, (Instant::now(), last));
        }
    }

    /// Takes the name of an interface, which may be a pod's: `namespace/pod:interface`.
    pub(crate) fn describe(&mut self, interface: u32, name: &str) {
        if let Some(pod) = pod_of(name) {
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
        let pod = match self.interfaces.get(&interface) {
            Some(pod) => *pod,
            None => {
                let Some(file) = self.file.clone() else { return };
                let pod = self.pod(&file);
                self.interfaces.insert(interface, pod);
                pod
            }
        };
        self.samples.exchange(pod, exchange);
        if self.live.is_some() {
            self.clocks.arrived(pod, exchange);
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
            && looks.due(now)
        {
            let error = self.question.error * looks.spend();
            let verdict = Verdict::of(&self.samples, &Question { error, ..self.question });
            // That all are slow alike may be a moment.
            if !matches!(verdict.answer, Answer::NotEnough | Answer::Alike) {
                self.certain = Some((verdict, error));
                if let Some(stop) = &live.stop {
                    stop.send_replace(true);
                }
                return;
            }
        }
        // A verdict that takes long is not looked at all the time.
        let pause = if talk::shows() { DRAW } else { SAY }.max(20 * live.cost);
        if now.duration_since(live.shown) < pause {
            return;
        }
        live.shown = now;
        let elapsed = live.begun.elapsed().as_secs();
        let verdict = Verdict::of(&self.samples, &self.question);
        live.cost = now.elapsed();
        let head = format!("{elapsed} s; Ctrl-C ends and judges.\n");
        if !talk::show(&(head + &table::table(&verdict.pods, ROWS))) {
            talk::say(&format!("{elapsed} s: {}", table::line(&verdict.pods)));
        }
    }

    /// All has been seen: the verdict, if there was a capture.
    pub(crate) fn judge(&mut self) -> Option<Judged> {
        if !self.ended {
            return None;
        }
        let aligned = self.files.align(&mut self.samples);
        self.end_early();
        let certain = self.certain.take();
        let error = match (&certain, self.live.as_mut().and_then(|live| live.looks.as_mut())) {
            (Some((_, error)), _) => *error,
            (None, Some(looks)) => self.question.error * looks.spend(),
            (None, None) => self.question.error,
        };
        let last = Verdict::of(&self.samples, &Question { error, ..self.question });
        // What came last may be too much of nothing to stay certain; it was.
        let mut verdict = match certain {
            Some((verdict, _)) if last.answer == Answer::NotEnough => verdict,
            _ => last,
        };
        verdict.notes.extend(self.clocks.note());
        if aligned {
            verdict.notes.push(
                "The captures were not made at the same time: what was slow for all at one moment \
                 may look like a slow pod."
                    .to_owned(),
            );
        }
        let origins = std::mem::take(&mut self.origins);
        Some(Judged { verdict, origins, logged: std::mem::take(&mut self.logged) })
    }

    /// Pods whose capture ended long before the others' were taken away: what was open then grew no
    /// older.
    fn end_early(&mut self) {
        let latest = self.ends.values().map(|(at, _)| *at).max();
        for (pod, (at, last)) in &self.ends {
            if latest.is_some_and(|latest| latest.duration_since(*at) > EARLY) {
                self.samples.ended(*pod, *last);
            }
        }
    }
}
