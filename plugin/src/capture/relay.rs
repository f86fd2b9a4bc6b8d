//! The stream from one agent: taken up again when it breaks, until its end mark.
//!
//! Nothing is trusted to say that it broke: an API server answers for a frozen node, and a broken
//! connection may give no end of file. So the only sign of life that counts is the agent's own.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::Api;
use kube::api::{AttachParams, AttachedProcess};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::sync::{mpsc, oneshot, watch};
use zstd::stream::raw::{Decoder, InBuffer, Operation as _, OutBuffer};

use super::deploy::{Deployed, Life};
use super::manifest::{AGENT, CONTAINER, RUN};
use super::received::Received;
use super::stopped;
use crate::cluster::{Cluster, explain};
use crate::talk::{Ready, note, say};

/// kube's own buffers are so small that they halve the rate.
const BUFFER: usize = 1 << 20;
/// The agent says something every 2 s; after this it is tried again.
const SILENCE: Duration = Duration::from_secs(6);
/// A first line that has not come by then is waited for in a new exec: kubelet notices a container
/// up to a second late.
const FIRST_LINE: Duration = Duration::from_secs(4);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(200);
/// The same before the first line, for which somebody waits.
const EARLY_PAUSE: Duration = Duration::from_millis(50);
/// The agent leaves after 30 s without us: trying longer finds nobody.
const GIVE_UP: Duration = Duration::from_secs(40);
/// After the end was asked for the agent gets this long to hand over what it has.
const GRACE: Duration = Duration::from_secs(8);
/// How often we show that we live.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// The agent forgets only what it is told that we have; at speed its queue is full soon after this ...
const LOOK: Duration = Duration::from_millis(100);
/// ... unless no more than so many bytes came, of which it holds 32 MiB. To say so costs every process
/// on the way a few wake-ups.
const MUCH: u64 = 4 << 20;
/// The longest first line believed.
const HEADER: usize = 4096;

/// What comes from an agent.
#[derive(Debug)]
pub(super) enum Message {
    /// An agent is begun: its interfaces by name, and where to count what came whole.
    Begin { agent: usize, received: Arc<Received>, names: Vec<String> },
    /// A stream begins, perhaps again: what was half is void. Answers how many units came whole.
    Fresh { agent: usize, received: oneshot::Sender<u64> },
    /// Bytes of it, decompressed.
    Bytes { agent: usize, bytes: Vec<u8> },
    /// Capturing has begun; these of its interfaces could not be opened.
    Open { agent: usize, refused: BTreeSet<usize> },
    /// So many units were lost while nobody took them.
    Lost { agent: usize, units: u64 },
    /// The stream has ended: why it lacks its end, and which interfaces were not captured.
    Ended { cut: Option<String>, refused: Vec<String> },
}

/// The line before the stream.
#[derive(Debug, Deserialize)]
struct Header {
    version: String,
    sha256: String,
    capture: String,
    lost: u64,
    refused: BTreeSet<usize>,
}

/// How a stream ended.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Why it lacks its end.
    pub(super) cut: Option<String>,
    /// Targets that were not captured: the agent has said why.
    pub(super) refused: BTreeSet<usize>,
}

/// One agent's stream.
pub(super) struct Relay {
    pub(super) agent: usize,
    pub(super) deployed: Deployed,
    pub(super) cluster: Cluster,
    pub(super) pod: String,
    /// Of the agent that was sent.
    pub(super) sha256: String,
    pub(super) to: mpsc::Sender<Message>,
    pub(super) ready: Arc<Ready>,
    /// How much came whole so far.
    pub(super) received: Arc<Received>,
    /// Turns true when the capture is to end.
    pub(super) stop: watch::Receiver<bool>,
}

/// How one exec ended.
enum Broke {
    /// With its end mark.
    Whole,
    /// It may be taken up again.
    Off(String),
}

impl Relay {
    /// Takes the stream to its end.
    pub(super) async fn run(self) -> Heard {
        let mut first = None;
        let cut = self.until_expired(&mut first).await;
        Heard { cut, refused: first.map(|header| header.refused).unwrap_or_default() }
    }

    /// Answers why the stream lacks its end mark.
    async fn until_expired(&self, first: &mut Option<Header>) -> Option<String> {
        let expired = async {
            stopped(&self.stop).await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            cut = self.take(first) => cut,
            () = expired => Some(format!(
                "the agent on node {} did not hand over what it had within {} s",
                self.deployed.plan.node,
                GRACE.as_secs()
            )),
        }
    }

    /// Takes the stream, over as many attempts as it needs; answers why it lacks its end.
    async fn take(&self, first: &mut Option<Header>) -> Option<String> {
        let mut alive = Instant::now();
        let mut said = false;
        loop {
            let begun = Instant::now();
            let broke = match self.attempt(first, &mut alive).await {
                Ok(Broke::Whole) => return None,
                Ok(Broke::Off(why)) => why,
                Err(hopeless) => return Some(format!("{hopeless:#}")),
            };
            if let Life::Over(why) = self.deployed.life().await {
                return Some(format!(
                    "the agent on node {} is gone: {why}",
                    self.deployed.plan.node
                ));
            }
            if alive.elapsed() > GIVE_UP {
                return Some(format!(
                    "no sign of life from the agent on node {} for {} s ({broke})",
                    self.deployed.plan.node,
                    alive.elapsed().as_secs()
                ));
            }
            if first.is_some() && !said {
                said = true;
                say(&format!(
                    "the stream from node {} broke off ({broke}); taking it up again",
                    self.deployed.plan.node
                ));
            }
            if begun.elapsed() > SILENCE {
                said = false;
            }
            let pause = if first.is_some() { PAUSE } else { EARLY_PAUSE };
            tokio::time::sleep(pause).await;
        }
    }

    /// One exec, from the unit after the last that came whole.
    async fn attempt(&self, first: &mut Option<Header>, alive: &mut Instant) -> Result<Broke> {
        let from = self.received_so_far().await?;
        let mut process = match tokio::time::timeout(FIRST_LINE, self.exec(from)).await {
            Ok(Ok(process)) => process,
            // Later it is no verdict: an API server that has just started does not know all Roles yet.
            Ok(Err(error @ kube::Error::Api(_))) => {
                let hopeless = is_refused(&error) && first.is_none();
                let why = explain(error, "exec in the agent's pod");
                return if hopeless { Err(why) } else { Ok(Broke::Off(format!("{why:#}"))) };
            }
            Ok(Err(error)) => return Ok(Broke::Off(error.to_string())),
            Err(_) => return Ok(Broke::Off("the API server does not answer".into())),
        };
        let (Some(stdin), Some(stdout), Some(stderr), Some(status)) =
            (process.stdin(), process.stdout(), process.stderr(), process.take_status())
        else {
            return Ok(Broke::Off("exec gave no streams".into()));
        };
        let sentences = tokio::spawn(pass_on(stderr));
        let mut stdout = BufReader::with_capacity(BUFFER, stdout);
        let header = tokio::select! {
            line = first_line(&mut stdout) => line,
            () = tokio::time::sleep(FIRST_LINE) => Err(anyhow!("the agent did not begin to speak")),
        };
        let header = match header {
            Ok(header) => header,
            Err(error) => {
                let _ = tokio::time::timeout(PAUSE, sentences).await;
                return Ok(Broke::Off(format!("{error:#}")));
            }
        };
        self.check(&header, first.as_ref())?;
        if header.lost > 0 {
            let (agent, units) = (self.agent, header.lost);
            self.received.lost(units);
            self.to.send(Message::Lost { agent, units }).await?;
        }
        if first.is_none() {
            let (agent, refused) = (self.agent, header.refused.clone());
            self.ready.one(refused.len() < self.deployed.plan.targets.len());
            self.to.send(Message::Open { agent, refused }).await?;
            *first = Some(header);
        }
        *alive = Instant::now();
        let beat = tokio::spawn(beat(stdin, Arc::clone(&self.received), self.stop.clone()));
        let broke = self.stream(stdout, status, alive).await;
        beat.abort();
        let _ = tokio::time::timeout(PAUSE, sentences).await;
        broke
    }

    async fn received_so_far(&self) -> Result<u64> {
        let (answer, received) = oneshot::channel();
        self.to.send(Message::Fresh { agent: self.agent, received: answer }).await?;
        Ok(received.await?)
    }

    async fn exec(&self, from: u64) -> kube::Result<AttachedProcess> {
        let pods: Api<Pod> =
            Api::namespaced(self.cluster.client.clone(), &self.deployed.plan.namespace);
        note(|| format!("exec in pod {}: relay from {from}", self.pod));
        let from = from.to_string();
        let command = [AGENT, "relay", "--dir", RUN, "--from", &from];
        let params = AttachParams::default()
            .container(CONTAINER)
            .stdin(true)
            .stdout(true)
            .stderr(true)
            .max_stdout_buf_size(BUFFER)
            .max_stderr_buf_size(BUFFER / 16);
        pods.exec(&self.pod, command, &params).await
    }

    /// Whether the agent that speaks is the one that was sent, and the same as at `first`.
    fn check(&self, header: &Header, first: Option<&Header>) -> Result<()> {
        if header.sha256 != self.sha256 {
            bail!(
                "the agent on node {} is not the one that was sent (version {}, sha256 {}): its \
                 parts were mixed or cut on the way",
                self.deployed.plan.node,
                header.version,
                header.sha256
            );
        }
        if first.is_some_and(|first| first.capture != header.capture) {
            bail!(
                "the agent on node {} was restarted: what it had not yet sent is lost",
                self.deployed.plan.node
            );
        }
        Ok(())
    }

    /// The zstd frame, until its end.
    async fn stream(
        &self,
        mut stdout: impl tokio::io::AsyncRead + Unpin,
        status: impl Future<Output = Option<Status>>,
        alive: &mut Instant,
    ) -> Result<Broke> {
        let mut decoder = Decoder::new()?;
        let mut piece = vec![0; BUFFER];
        let mut status = std::pin::pin!(status);
        let mut exited = None;
        loop {
            // A broken connection gives stdout no end: what is left is read, not waited for.
            let patience = if exited.is_some() { PAUSE } else { SILENCE };
            let read = tokio::select! {
                read = tokio::time::timeout(patience, stdout.read(&mut piece)) => read,
                status = &mut status, if exited.is_none() => {
                    exited = Some(status.and_then(|status| status.message));
                    continue;
                }
            };
            let read = match (read, &exited) {
                (Ok(Ok(read @ 1..)), _) => read,
                (Ok(Err(error)), _) => return Ok(Broke::Off(error.to_string())),
                (_, Some(Some(why))) => return Ok(Broke::Off(why.clone())),
                (Ok(Ok(_)), _) | (Err(_), Some(None)) => {
                    return Ok(Broke::Off("the stream ended without its end mark".into()));
                }
                (Err(_), None) => {
                    return Ok(Broke::Off(format!("silent for {} s", SILENCE.as_secs())));
                }
            };
            *alive = Instant::now();
            let (bytes, whole) = decode(&mut decoder, &piece[..read])?;
            self.to.send(Message::Bytes { agent: self.agent, bytes }).await?;
            if whole {
                return Ok(Broke::Whole);
            }
        }
    }
}

/// Whether it says that we may not, or are not known.
fn is_refused(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if matches!(status.code, 401 | 403))
}

/// Our signs of life: how many units have come whole, said after so many bytes; and `stop`.
async fn beat(
    mut stdin: impl tokio::io::AsyncWrite + Unpin,
    received: Arc<Received>,
    stop: watch::Receiver<bool>,
) {
    let mut time = tokio::time::interval(LOOK);
    let mut last: Option<(u64, Instant)> = None;
    let mut said = false;
    loop {
        let line = tokio::select! {
            _ = time.tick() => {
                let now = received.bytes();
                let due = last.is_none_or(|(then, at)| {
                    now >= then + MUCH || at.elapsed() >= HEARTBEAT
                });
                if !due {
                    continue;
                }
                last = Some((now, Instant::now()));
                format!("{}\n", received.units())
            }
            () = stopped(&stop), if !said => {
                said = true;
                "stop\n".to_owned()
            }
        };
        if stdin.write_all(line.as_bytes()).await.is_err() || stdin.flush().await.is_err() {
            return;
        }
    }
}

/// Decompresses; answers whether the frame has ended.
fn decode(decoder: &mut Decoder<'_>, bytes: &[u8]) -> Result<(Vec<u8>, bool)> {
    let mut out = Vec::with_capacity(bytes.len() * 4);
    let mut input = InBuffer::around(bytes);
    loop {
        out.reserve(128 << 10);
        let filled = out.len();
        let room = out.capacity() - filled;
        let mut output = OutBuffer::around_pos(&mut out, filled);
        let hint = decoder.run(&mut input, &mut output)?;
        let full = output.pos() - filled == room;
        if hint == 0 {
            return Ok((out, true));
        }
        if input.pos() == bytes.len() && !full {
            return Ok((out, false));
        }
    }
}

async fn first_line(stdout: &mut (impl tokio::io::AsyncBufRead + Unpin)) -> Result<Header> {
    let mut line = Vec::new();
    (&mut *stdout).take(HEADER as u64).read_until(b'\n', &mut line).await?;
    if line.last() != Some(&b'\n') {
        bail!("exec ended before the agent spoke");
    }
    serde_json::from_slice(&line).map_err(|_| {
        let text = String::from_utf8_lossy(&line);
        anyhow!("the agent's first line is not understood: {:.200}", text.trim_end())
    })
}

/// What the agent says to people.
async fn pass_on(stderr: impl tokio::io::AsyncRead + Unpin) {
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let line: String = line.chars().filter(|c| !c.is_control()).take(500).collect();
        say(&line);
    }
}
