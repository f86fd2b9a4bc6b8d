//! The agents of a capture: started, listened to, joined by others as pods appear, removed.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};

use super::deploy::{self, Deployed, Unmade, soon};
use super::manifest::Plan;
use super::parcel::Parcel;
use super::plan;
use super::received::Received;
use super::relay::{Heard, Message, Relay};
use super::stopped;
use crate::args::Capture;
use crate::cluster::{self, Cluster, Later, Target};
use crate::slow;
use crate::talk::{Ready, say};

/// How often it is asked whether new pods have appeared.
const LOOK: Duration = Duration::from_secs(2);
/// How long the API may go on calling a pod running whose network is gone.
const LAG: Duration = Duration::from_secs(10);

/// How long a cluster that cannot be asked is asked again though nobody is listened to.
const PATIENCE: Duration = Duration::from_secs(40);

/// All agents of one capture.
#[derive(Clone)]
pub(super) struct Fleet {
    pub(super) args: Arc<Capture>,
    pub(super) cluster: Cluster,
    pub(super) parcel: Parcel,
    pub(super) stop: watch::Receiver<bool>,
    pub(super) ready: Arc<Ready>,
    /// Who compares the pods.
    pub(super) watch: Option<slow::Shared>,
    /// What has been made, for its removal.
    pub(super) deployed: Arc<Mutex<Vec<Deployed>>>,
}

/// Who is listened to.
struct Crew {
    fleet: Fleet,
    to: mpsc::Sender<Message>,
    begun: Instant,
    listening: JoinSet<Ended>,
    /// Agents so far.
    count: usize,
    /// UIDs of all pods so far.
    known: BTreeSet<String>,
    /// Since when nobody has been listened to.
    alone: Option<Instant>,
    /// Whether an agent ended for another reason than that its pods did.
    short: bool,
    /// What was said last of looking for pods: each reason once.
    said: String,
}

/// How an agent ended.
#[derive(Default)]
struct Ended {
    cut: Option<String>,
    /// Interfaces that were not captured.
    refused: Vec<String>,
}

impl Fleet {
    /// Asks admission about all, then makes all at once.
    pub(super) async fn bring(&self, plans: Vec<Plan>) -> Result<Vec<Deployed>> {
        let mut asking = JoinSet::new();
        for plan in plans.clone() {
            let cluster = self.cluster.clone();
            asking.spawn(async move { deploy::admitted(&cluster, &plan).await });
        }
        asking.join_all().await.into_iter().collect::<Result<()>>()?;
        if *self.stop.borrow() {
            return Ok(Vec::new());
        }
        let mut making = JoinSet::new();
        for plan in plans {
            making.spawn(self.clone().make(plan));
        }
        // All of them, also after an error: what was made is removed.
        making.join_all().await.into_iter().collect()
    }

    /// Makes the Job first and then at once what it owns: the fastest order.
    async fn make(self, plan: Plan) -> Result<Deployed> {
        let agent = Deployed::new(self.cluster.clone(), plan);
        // Before it is made: whoever does not wait for the answer removes it all the same.
        self.made().push(agent.clone());
        let made = agent.make(&self.parcel).await;
        if let Err(Unmade { refused, .. }) = &made {
            match refused {
                true => self.made().retain(|one| one.plan.name != agent.plan.name),
                false => agent.remove().await,
            }
        }
        made.map(|()| agent).map_err(|unmade| unmade.why)
    }

    /// Listens to these agents, and to those of pods that appear, until all have ended and no more
    /// can come.
    pub(super) async fn listen(
        self,
        agents: Vec<Deployed>,
        to: mpsc::Sender<Message>,
        begun: Instant,
    ) {
        let mut crew = Crew {
            fleet: self,
            to,
            begun,
            listening: JoinSet::new(),
            count: 0,
            known: BTreeSet::new(),
            alone: None,
            short: false,
            said: String::new(),
        };
        crew.hear(agents);
        crew.work().await;
    }

    /// One agent, from its start to its end.
    async fn attend(self, agent: usize, deployed: Deployed, to: mpsc::Sender<Message>) -> Ended {
        let received = Arc::<Received>::default();
        let names = deployed.plan.names.clone();
        let begin = Message::Begin { agent, received: Arc::clone(&received), names };
        if to.send(begin).await.is_err() {
            return Ended::default();
        }
        let keeper = deployed.clone();
        let attended = self.heard(agent, deployed, &to, received);
        let Heard { cut, refused } = tokio::select! {
            heard = attended => heard,
            gone = keeper.keep() => Heard { cut: Some(gone), ..Heard::default() },
        };
        let cut = match cut {
            None if !*self.stop.borrow() => keeper.taken_away().await,
            cut => cut,
        };
        let refused = self.names(&keeper.plan, &refused).await;
        let _ = to.send(Message::Ended { cut: cut.clone(), refused: refused.clone() }).await;
        Ended { cut, refused }
    }

    /// Names of the interfaces in these places; where others take their place, without those of
    /// pods that had gone when the agent came.
    async fn names(&self, plan: &Plan, places: &BTreeSet<usize>) -> Vec<String> {
        let mut names = Vec::new();
        for (target, name) in places.iter().filter_map(|place| plan.interface(*place)) {
            let runs = soon(cluster::runs(&self.cluster, target));
            if !self.args.wanted().grows() || runs.await != Some(false) {
                names.push(name.to_owned());
            }
        }
        names
    }

    /// Waits for the agent and takes its stream.
    async fn heard(
        &self,
        agent: usize,
        deployed: Deployed,
        to: &mpsc::Sender<Message>,
        received: Arc<Received>,
    ) -> Heard {
        let running = tokio::select! {
            running = deployed.running() => running,
            () = stopped(&self.stop) => return Heard::default(),
        };
        match running {
            Ok(pod) => {
                let (cluster, sha256) = (self.cluster.clone(), self.parcel.sha256());
                let (to, ready, stop) = (to.clone(), Arc::clone(&self.ready), self.stop.clone());
                let relay =
                    Relay { agent, deployed, cluster, pod, sha256, to, ready, received, stop };
                relay.run().await
            }
            Err(error) => {
                self.ready.one(false);
                Heard { cut: Some(format!("{error:#}")), ..Heard::default() }
            }
        }
    }

    /// Removes everything that was made.
    pub(super) async fn remove(&self) {
        let all = std::mem::take(&mut *self.made());
        let mut removing = JoinSet::new();
        for agent in all {
            removing.spawn(async move { agent.remove().await });
        }
        removing.join_all().await;
    }

    /// Namespace and name of each pod that an agent was made for.
    pub(super) fn pods(&self) -> Vec<(String, String)> {
        let made = self.made();
        let targets = made.iter().flat_map(|agent| &agent.plan.targets);
        targets.map(|target| (target.namespace.clone(), target.name.clone())).collect()
    }

    fn made(&self) -> std::sync::MutexGuard<'_, Vec<Deployed>> {
        self.deployed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Crew {
    fn hear(&mut self, agents: Vec<Deployed>) {
        self.said.clear();
        for agent in agents {
            self.known.extend(agent.plan.targets.iter().map(|target| target.uid.clone()));
            let attend = self.fleet.clone().attend(self.count, agent, self.to.clone());
            self.listening.spawn(attend);
            self.count += 1;
            self.alone = None;
        }
    }

    async fn work(&mut self) {
        let grows = self.args().wanted().grows();
        let mut look = tokio::time::interval_at((Instant::now() + LOOK).into(), LOOK);
        let stop = self.fleet.stop.clone();
        let end = self.args().duration.map(|duration| self.begun + duration);
        while !self.listening.is_empty() || (grows && self.waits()) {
            let alone = self.listening.is_empty();
            tokio::select! {
                Some(ended) = self.listening.join_next() => {
                    self.ended(ended).await;
                    // Whether to wait depends on it.
                    look.reset_immediately();
                }
                _ = look.tick(), if grows && !*self.fleet.stop.borrow() => tokio::select! {
                    () = self.look() => {}
                    // Whatever it has made is removed with the rest.
                    () = stopped(&stop) => {}
                },
                () = stopped(&stop), if alone => return,
                () = tokio::time::sleep_until(end.unwrap_or(self.begun).into()),
                    if alone && end.is_some() => return,
            }
        }
    }

    async fn ended(&mut self, ended: Result<Ended, JoinError>) {
        let ended = match ended {
            Ok(ended) => ended,
            // It panicked, and told nobody else.
            Err(error) => {
                let cut = Some(error.to_string());
                let told = Message::Ended { cut: cut.clone(), refused: Vec::new() };
                let _ = self.to.send(told).await;
                Ended { cut, ..Ended::default() }
            }
        };
        self.short |= ended.cut.is_some() || !ended.refused.is_empty();
        self.alone = Some(Instant::now()).filter(|_| self.listening.is_empty());
        if let (Some(cut), None) = (ended.cut, self.alone) {
            say(&format!("cut short: {cut}; the others go on"));
        }
    }

    fn args(&self) -> Arc<Capture> {
        Arc::clone(&self.fleet.args)
    }

    /// Whether pods may still come though nobody is listened to.
    fn waits(&self) -> bool {
        let over =
            self.fleet.args.duration.is_some_and(|duration| self.begun.elapsed() >= duration);
        !over && !*self.fleet.stop.borrow() && self.alone.is_some()
    }

    /// Takes in pods that have appeared; where nobody is left, sees whether any can.
    async fn look(&mut self) {
        let (args, wanted) = (self.args(), self.args().wanted());
        let later = match soon(cluster::later(&self.fleet.cluster, &wanted, &self.known)).await {
            Some(Ok(later)) => later,
            Some(Err(error)) => return self.unasked(format!("{error:#}")).await,
            None => return self.unasked("the API server does not answer".into()).await,
        };
        let Later { new, known, over } = later;
        let room = args.max_pods.saturating_sub(known);
        if let Some(one) = new.get(room) {
            let most = args.max_pods;
            self.say_once(format!("{} is not captured: --max-pods is {most}", one.full_name()));
        }
        for target in new.into_iter().take(room) {
            self.join(target).await;
        }
        let Some(since) = self.alone else { return };
        let limited = args.count.is_some() || args.max_bytes.is_some();
        let lag = if self.short || limited { Duration::ZERO } else { LAG };
        if let Some(over) = over {
            say(&over);
            self.alone = None;
        } else if known > 0 && since.elapsed() >= lag {
            // The agents ended, the pods did not: that was all.
            self.alone = None;
        } else if known == 0 {
            self.say_once(format!("no pod of {} is left; waiting for others", wanted.what()));
        }
    }

    /// The cluster cannot be asked for pods. Where nobody is listened to that is the end, soon.
    async fn unasked(&mut self, why: String) {
        let cut = format!("cannot look for new pods: {why}");
        self.say_once(cut.clone());
        let Some(since) = self.alone else { return };
        if self.short {
            // Why is told already.
            self.alone = None;
        } else if since.elapsed() > PATIENCE {
            let ended = Message::Ended { cut: Some(cut), refused: Vec::new() };
            let _ = self.to.send(ended).await;
            self.alone = None;
        }
    }

    async fn join(&mut self, target: Target) {
        let args = self.args();
        say(&super::about(&args, &target));
        self.known.insert(target.uid.clone());
        if let Some(watch) = &self.fleet.watch {
            watch.lock().unwrap_or_else(PoisonError::into_inner).expect(&target);
        }
        let targets = [target];
        let made = match plan::plans(&args, &targets, self.begun.elapsed()) {
            Ok(plans) => self.fleet.bring(plans).await,
            Err(error) => Err(error),
        };
        match made {
            Ok(agents) => self.hear(agents),
            Err(error) => {
                let [target] = targets;
                let why = format!("{} was not captured: {error:#}", target.full_name());
                say(&why);
                if cluster::runs(&self.fleet.cluster, &target).await {
                    let ended = Message::Ended { cut: Some(why), refused: Vec::new() };
                    let _ = self.to.send(ended).await;
                }
            }
        }
    }

    fn say_once(&mut self, words: String) {
        if self.said != words {
            say(&words);
            self.said = words;
        }
    }
}
