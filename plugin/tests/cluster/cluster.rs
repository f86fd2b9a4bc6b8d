//! A cluster, what is on it, what can happen to it.

use std::env;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::user::User;

/// Tests that share the cluster read; those that break it write.
static TURN: RwLock<()> = RwLock::new(());

/// The cluster's name in `tests/cluster/cluster.sh` if that started it.
#[derive(Debug)]
pub(crate) struct Cluster {
    kubeconfig: PathBuf,
    kubectl: PathBuf,
    name: Option<String>,
}

/// A cluster for as long as a test runs.
pub(crate) struct Held<'a> {
    cluster: &'static Cluster,
    _turn: Turn<'a>,
}

#[expect(dead_code, reason = "held, not read")]
enum Turn<'a> {
    Shared(RwLockReadGuard<'a, ()>),
    Alone(RwLockWriteGuard<'a, ()>),
}

impl std::ops::Deref for Held<'_> {
    type Target = Cluster;
    fn deref(&self) -> &Cluster {
        self.cluster
    }
}

/// A cluster that other tests use at the same time; `None`: the test is skipped, and it was said.
pub(crate) fn shared() -> Option<Held<'static>> {
    let cluster = started()?;
    let turn = TURN.read().unwrap_or_else(PoisonError::into_inner);
    Some(Held { cluster, _turn: Turn::Shared(turn) })
}

/// A cluster that others use, too, whose nodes are on this machine: one of `cluster.sh`.
pub(crate) fn local() -> Option<Held<'static>> {
    let cluster = shared()?;
    or_skip(
        cluster.name.as_ref().ok_or_else(|| "it looks at tests/cluster/cluster.sh's nodes".into()),
    )?;
    Some(cluster)
}

/// A cluster that this test alone uses, and may break: one of `cluster.sh`.
pub(crate) fn alone() -> Option<Held<'static>> {
    let cluster = started()?;
    or_skip(cluster.name.as_ref().ok_or_else(|| "faults need tests/cluster/cluster.sh".into()))?;
    let turn = TURN.write().unwrap_or_else(PoisonError::into_inner);
    Some(Held { cluster, _turn: Turn::Alone(turn) })
}

fn started() -> Option<&'static Cluster> {
    static CLUSTER: OnceLock<Result<Cluster, String>> = OnceLock::new();
    or_skip(CLUSTER.get_or_init(start).as_ref().map_err(String::clone))
}

/// What there is; otherwise the test is skipped, and that is said. Where `CI` is set it fails.
pub(crate) fn or_skip<T>(there: Result<T, String>) -> Option<T> {
    match there {
        Ok(there) => Some(there),
        Err(why) => {
            assert!(env::var_os("CI").is_none(), "cannot be skipped here: {why}");
            say(&format!("SKIPPED: {why}"));
            None
        }
    }
}

/// Past the test harness, which keeps what a test prints until it fails.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn start() -> Result<Cluster, String> {
    if let Some(kubeconfig) = env::var_os("MESHSNIFF_TEST_KUBECONFIG") {
        let cluster = Cluster::of(kubeconfig.into());
        // A mesh that is there is taken as it is.
        if cluster.try_kubectl(&["-n", "shop", "get", "deploy/frontend"]).is_err() {
            script("mesh/mesh.sh", &cluster.environment(), &["up"])?;
        }
        return Ok(cluster);
    }
    script("cluster.sh", &[], &["possible"]).map_err(|lacking| {
        format!(
            "a cluster cannot be started here, it needs {}; or MESHSNIFF_TEST_KUBECONFIG=FILE",
            lacking.trim().replace('\n', ", ")
        )
    })?;
    let me = std::process::id().to_string();
    let name = [("CLUSTER_NAME", format!("meshsniff-{me}"))];
    // It goes down when this process has ended, whichever way.
    let up = script("cluster.sh", &name, &["up", "2", &me])
        .and_then(|_| script("mesh/mesh.sh", &name, &["up"]))
        .and_then(|_| script("cluster.sh", &name, &["kubeconfig"]));
    Ok(Cluster::of(up.expect("the cluster starts").trim().into()))
}

/// Runs a script of `tests/cluster`; its output.
fn script(path: &str, environment: &[(&str, String)], args: &[&str]) -> Result<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cluster").join(path);
    let mut command = Command::new(path);
    command.envs(environment.iter().map(|(name, value)| (name, value))).args(args);
    if args.first() == Some(&"up") {
        // The first time takes minutes: who waits sees why.
        command.stderr(Stdio::inherit());
    }
    checked(command.stdin(Stdio::null()).output().expect("a script starts"))
}

fn checked(output: Output) -> Result<String, String> {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    match output.status.success() {
        true => Ok(text(&output.stdout)),
        false => Err(text(&output.stdout) + &text(&output.stderr)),
    }
}

impl Cluster {
    /// The cluster of this file: one of `cluster.sh` if it lies in that one's folder.
    fn of(kubeconfig: PathBuf) -> Self {
        let folder = kubeconfig.ancestors().nth(2).map(Path::to_owned).unwrap_or_default();
        if !folder.join("nodes").exists() {
            return Self { kubeconfig, kubectl: "kubectl".into(), name: None };
        }
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
        Self { kubeconfig, kubectl: folder.join("bin/kubectl"), name }
    }

    fn environment(&self) -> [(&'static str, String); 2] {
        let kubeconfig = self.kubeconfig.display().to_string();
        [
            ("MESHSNIFF_TEST_KUBECONFIG", kubeconfig),
            ("CLUSTER_NAME", self.name.clone().unwrap_or_default()),
        ]
    }

    /// The administrator's configuration.
    pub(crate) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The folder that kubectl is in, for `PATH`.
    pub(crate) fn programs(&self) -> Option<&Path> {
        self.kubectl.parent().filter(|folder| folder.is_absolute())
    }

    /// What kubectl says to the administrator.
    #[track_caller]
    pub(crate) fn kubectl(&self, args: &[&str]) -> String {
        self.try_kubectl(args).unwrap_or_else(|error| panic!("kubectl {}: {error}", args.join(" ")))
    }

    pub(crate) fn try_kubectl(&self, args: &[&str]) -> Result<String, String> {
        checked(self.kubectl_command(args).output().expect("kubectl starts"))
    }

    pub(crate) fn kubectl_command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.kubectl);
        command.arg("--kubeconfig").arg(&self.kubeconfig).args(args).stdin(Stdio::null());
        direct(&mut command);
        command
    }

    #[track_caller]
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let args: Vec<&str> = args.iter().copied().chain(["-o", "json"]).collect();
        serde_json::from_str(&self.kubectl(&args)).expect("kubectl prints JSON")
    }

    /// Makes what the manifest says.
    #[track_caller]
    pub(crate) fn apply(&self, manifest: &str) {
        let mut command = self.kubectl_command(&["apply", "--server-side", "-f", "-"]);
        let streams = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut kubectl = streams.spawn().expect("kubectl starts");
        let mut stdin = kubectl.stdin.take().expect("a pipe");
        stdin.write_all(manifest.as_bytes()).expect("kubectl reads");
        drop(stdin);
        checked(kubectl.wait_with_output().expect("kubectl ends"))
            .unwrap_or_else(|error| panic!("{error}\n{manifest}"));
    }

    /// The first pod with this label.
    #[track_caller]
    pub(crate) fn pod(&self, namespace: &str, selector: &str) -> String {
        let name = "jsonpath={.items[0].metadata.name}";
        self.kubectl(&["-n", namespace, "get", "pods", "-l", selector, "-o", name])
    }

    /// A namespace of the test's own, with a name that begins so.
    pub(crate) fn namespace(&self, begin: &str) -> Namespace<'_> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{begin}-{}-{count}", std::process::id());
        self.kubectl(&["create", "namespace", &name]);
        // Pods are refused until the controller has made it.
        let account = ["-n", &name, "get", "serviceaccount", "default"];
        until(Duration::from_secs(20), || self.try_kubectl(&account).is_ok());
        Namespace { cluster: self, name }
    }

    /// What a capture leaves on the cluster in a namespace: `kind/name`, and processes.
    pub(crate) fn leftovers(&self, namespace: &str) -> Vec<String> {
        let list = self.json(&["-n", namespace, "get", "jobs,configmaps,pods"]);
        let items = list["items"].as_array().cloned().unwrap_or_default();
        let ours = items.iter().filter(|item| {
            let metadata = &item["metadata"];
            let name = metadata["name"].as_str().unwrap_or_default();
            let label = &metadata["labels"]["app.kubernetes.io/name"];
            name.starts_with("meshsniff-") || label == "meshsniff-agent"
        });
        let named = ours.map(|item| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            format!("{}/{}", text(&item["kind"]), text(&item["metadata"]["name"]))
        });
        named.chain(self.agents(namespace)).collect()
    }

    /// The agents that run on the nodes and have a target in the namespace.
    pub(crate) fn agents(&self, namespace: &str) -> Vec<String> {
        let begin = format!("{namespace}/");
        let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let lines = processes.filter_map(|process| {
            let pid = process.file_name().to_string_lossy().parse::<u32>().ok()?;
            let line = std::fs::read(process.path().join("cmdline")).ok()?;
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            Some((pid, line))
        });
        let agents = lines.filter(|(_, line)| {
            let mut words = line.split(' ').skip(1);
            words.next() == Some("serve") && words.any(|word| word.starts_with(&begin))
        });
        agents.map(|(pid, line)| format!("process {pid}: {line}")).collect()
    }

    /// Asserts that nothing is left in the namespace at most 60 s from now; how long it took.
    #[track_caller]
    pub(crate) fn nothing_is_left(&self, namespace: &str) -> Duration {
        let begin = Instant::now();
        let clean = until(Duration::from_secs(60), || self.leftovers(namespace).is_empty());
        assert!(clean, "left after 60 s: {:#?}", self.leftovers(namespace));
        begin.elapsed()
    }

    /// One of the faults of `cluster.sh`.
    #[track_caller]
    pub(crate) fn fault(&self, args: &[&str]) {
        script("cluster.sh", &self.environment(), args).expect("the fault happens");
    }

    /// What the application in the pod saw.
    #[track_caller]
    pub(crate) fn truth_text(&self, pod: &str) -> String {
        script("mesh/mesh.sh", &self.environment(), &["truth", pod]).expect("the pod has a log")
    }

    /// A user with the rights of the documented Role in this namespace, and no others.
    pub(crate) fn restricted_user(&self, namespace: &str) -> User {
        User::new(self, namespace, |_| {})
    }
}

/// A namespace that goes when the test ends.
pub(crate) struct Namespace<'a> {
    cluster: &'a Cluster,
    pub(crate) name: String,
}

impl Namespace<'_> {
    /// A pod whose client asks 20 times a second over `lo`, gives up after 100 ms, and whose
    /// server takes up to 200 ms: half of the requests are given up. Ready when this returns.
    #[track_caller]
    pub(crate) fn busy_pod(&self, name: &str, node: Option<&str>) {
        self.pod_at_rate(name, node, RATE);
    }

    /// The same with so many requests a second.
    #[track_caller]
    pub(crate) fn pod_at_rate(&self, name: &str, node: Option<&str>, rate: u32) {
        let mut spec = busy(rate);
        spec["nodeName"] = json!(node);
        let metadata = json!({"name": name, "namespace": self.name, "labels": {"app": name}});
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec});
        self.cluster.apply(&pod.to_string());
        let pod = format!("pod/{name}");
        let args = ["-n", &self.name, "wait", "--for=condition=Ready", &pod, "--timeout=60s"];
        self.cluster.kubectl(&args);
    }

    /// A deployment of such pods. Ready when this returns.
    #[track_caller]
    pub(crate) fn busy_deployment(&self, name: &str, replicas: usize) {
        let labels = json!({"app": name});
        let strategy = json!({"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}});
        let template = json!({"metadata": {"labels": labels}, "spec": busy(RATE)});
        let deployment = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": name, "namespace": self.name},
            "spec": {"replicas": replicas, "strategy": strategy,
                     "selector": {"matchLabels": labels}, "template": template},
        });
        self.cluster.apply(&deployment.to_string());
        self.rolled_out(name);
    }

    /// Waits until a deployment has all its pods.
    #[track_caller]
    pub(crate) fn rolled_out(&self, name: &str) {
        let deployment = format!("deploy/{name}");
        let args = ["-n", &self.name, "rollout", "status", &deployment, "--timeout=60s"];
        self.cluster.kubectl(&args);
    }
}

/// Requests a second of a busy pod.
const RATE: u32 = 20;

/// What is in a busy pod.
fn busy(rate: u32) -> Value {
    let container = |name: &str, args: Value| {
        json!({
            "name": name, "image": "registry.local/shop:1", "args": args,
            "securityContext": {
                "runAsNonRoot": true, "runAsUser": 1000, "allowPrivilegeEscalation": false,
                "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"},
            },
            "resources": {"requests": {"cpu": "10m", "memory": "16Mi"},
                          "limits": {"cpu": "500m", "memory": "64Mi"}},
        })
    };
    let url = "http://127.0.0.1:9080/items";
    let load = json!(["load", "-url", url, "-rate", rate.to_string(), "-timeout", "100ms"]);
    json!({
        "terminationGracePeriodSeconds": 0,
        "containers": [
            container("server", json!(["catalog", "-delay", "0-200ms"])),
            container("client", load),
        ],
    })
}

impl Drop for Namespace<'_> {
    fn drop(&mut self) {
        let _ = self.cluster.try_kubectl(&["delete", "namespace", &self.name, "--wait=false"]);
    }
}

/// Whether it became true in time.
pub(crate) fn until(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let begin = Instant::now();
    loop {
        if condition() {
            return true;
        }
        if begin.elapsed() > limit {
            return false;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// A cluster on this machine is not behind this machine's proxy.
pub(crate) fn direct(command: &mut Command) {
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
}
