//! The agents of a capture: started, listened to, joined by others as pods appear, removed.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::deploy::{self, Deployed};
use super::manifest::Plan;
use super::parcel::Parcel;
use super::plan;
use super::relay::{Message, Relay};
use super::talk::{Ready, say};
use crate::args::Capture;
use crate::cluster::{self, Cluster};

/// How often it is asked whether new pods have appeared.
const LOOK: Duration = Duration::from_secs(2);

/// All agents of one capture.
#[derive(Clone)]
pub(super) struct Fleet {
    pub(super) cluster: Cluster,
    pub(super) parcel: Parcel,
    pub(super) stop: watch::Receiver<bool>,
    pub(super) ready: Arc<Ready>,
    /// What has been made, for its removal.
    pub(super) deployed: Arc<Mutex<Vec<Deployed>>>,
}

impl Fleet {
    /// Asks admission about all, then makes all.
    pub(super) async fn bring(&self, plans: Vec<Plan>) -> Result<Vec<Deployed>> {
        for plan in &plans {
            deploy::admitted(&self.cluster, plan).await?;
        }
        let mut brought = Vec::new();
        for plan in plans {
            if *self.stop.borrow() {
                break;
            }
            let agent = deploy::deploy(&self.cluster, plan, &self.parcel).await?;
            self.made().push(agent.clone());
            brought.push(agent);
        }
        Ok(brought)
    }

    /// Listens to these agents, and to those of pods that appear, until all have ended.
    pub(super) async fn listen(
        self,
        args: Arc<Capture>,
        agents: Vec<Deployed>,
        mut known: BTreeSet<String>,
        to: mpsc::Sender<Message>,
        begun: Instant,
    ) {
        let mut listening = JoinSet::new();
        let mut count = 0;
        for agent in agents {
            listening.spawn(self.clone().attend(count, agent, to.clone()));
            count += 1;
        }
        let wanted = args.wanted();
        let mut look = tokio::time::interval_at((Instant::now() + LOOK).into(), LOOK);
        let grows = wanted.grows();
        loop {
            tokio::select! {
                ended = listening.join_next() => if ended.is_none() || listening.is_empty() { return },
                _ = look.tick(), if grows && !*self.stop.borrow() => {
                    let Ok(new) = cluster::poll_new(&self.cluster, &wanted, &known).await else {
                        continue;
                    };
                    for target in new {
                        say(&super::about(&args, &target));
                        known.insert(target.uid.clone());
                        let made = match plan::plans(&args, &[target], begun.elapsed()) {
                            Ok(plans) => self.bring(plans).await,
                            Err(error) => Err(error),
                        };
                        match made {
                            Ok(agents) => for agent in agents {
                                listening.spawn(self.clone().attend(count, agent, to.clone()));
                                count += 1;
                            },
                            Err(error) => say(&format!("cannot capture it: {error:#}")),
                        }
                    }
                }
            }
        }
    }

    /// One agent, from its start to its end.
    async fn attend(self, agent: usize, deployed: Deployed, to: mpsc::Sender<Message>) {
        let received = Arc::new(AtomicU64::new(0));
        let names = deployed.plan.names.clone();
        let begin = Message::Begin { agent, received: Arc::clone(&received), names };
        if to.send(begin).await.is_err() {
            return;
        }
        let keeper = deployed.clone();
        let attended = async {
            match deployed.running().await {
                Ok(pod) => {
                    let (cluster, stop) = (self.cluster.clone(), self.stop.clone());
                    let sha256 = self.parcel.sha256();
                    let (to, ready) = (to.clone(), Arc::clone(&self.ready));
                    let relay =
                        Relay { agent, deployed, cluster, pod, sha256, to, ready, received, stop };
                    relay.run().await
                }
                Err(error) => {
                    self.ready.one(false);
                    Some(format!("{error:#}"))
                }
            }
        };
        let cut = tokio::select! {
            cut = attended => cut,
            () = keeper.keep() => Some(format!("somebody deleted job {}", keeper.plan.name)),
        };
        let cut = match cut {
            None if !*self.stop.borrow() => keeper.taken_away().await,
            cut => cut,
        };
        let _ = to.send(Message::Ended { cut }).await;
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

    fn made(&self) -> std::sync::MutexGuard<'_, Vec<Deployed>> {
        self.deployed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
