//! Users with the rights that the documentation tells to give them.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::cluster::Cluster;

/// Who runs the plugin: a configuration of kubectl.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) kubeconfig: PathBuf,
    /// The service account that is behind it.
    pub(crate) name: String,
    /// The service account's.
    namespace: String,
}

impl User {
    /// A service account with the Role of `docs/rbac.yaml`, after `change`, in this namespace.
    #[track_caller]
    pub(crate) fn new(cluster: &Cluster, namespace: &str, change: impl Fn(&mut Value)) -> Self {
        Self::with_role(cluster, namespace, "meshsniff", change)
    }

    /// A service account with the Role that is for `clean`.
    #[track_caller]
    pub(crate) fn with_clean_role(cluster: &Cluster, namespace: &str) -> Self {
        Self::with_role(cluster, namespace, "meshsniff-clean", |_| {})
    }

    #[track_caller]
    fn with_role(
        cluster: &Cluster,
        namespace: &str,
        role: &str,
        change: impl Fn(&mut Value),
    ) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("user-{}-{count}", std::process::id());
        let mut role = documented(cluster, "Role", role);
        change(&mut role["rules"]);
        role["metadata"] = json!({"name": name, "namespace": namespace});
        let metadata = role["metadata"].clone();
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata});
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
        });
        let items = json!({"apiVersion": "v1", "kind": "List", "items": [account, role, binding]});
        cluster.apply(&items.to_string());
        let token = cluster.kubectl(&["-n", namespace, "create", "token", &name]);
        let kubeconfig = configuration(cluster, namespace, &name, token.trim());
        Self { kubeconfig, name, namespace: namespace.to_owned() }
    }

    /// The documented Role, and the optional ClusterRole.
    #[track_caller]
    pub(crate) fn with_cluster_role(cluster: &Cluster, namespace: &str) -> Self {
        let user = Self::new(cluster, namespace, |_| {});
        let name = format!("{namespace}-{}", user.name);
        let mut role = documented(cluster, "ClusterRole", "meshsniff");
        role["metadata"] = json!({"name": name});
        let group = "rbac.authorization.k8s.io";
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": user.name, "namespace": namespace}],
        });
        let items = json!({"apiVersion": "v1", "kind": "List", "items": [role, binding]});
        cluster.apply(&items.to_string());
        user
    }

    /// The documented Role, and the right to list what has timeouts in this namespace.
    #[track_caller]
    pub(crate) fn with_timeouts(cluster: &Cluster, namespace: &str) -> Self {
        let user = Self::new(cluster, namespace, |_| {});
        cluster.apply(&documented(cluster, "ClusterRole", "meshsniff-timeouts").to_string());
        let binding = format!("{}-timeouts", user.name);
        let account = format!("--serviceaccount={namespace}:{}", user.name);
        let role = "--clusterrole=meshsniff-timeouts";
        cluster.kubectl(&["-n", namespace, "create", "rolebinding", &binding, role, &account]);
        user
    }

    /// The same user with another configuration.
    pub(crate) fn with(&self, kubeconfig: PathBuf) -> Self {
        Self { kubeconfig, name: self.name.clone(), namespace: self.namespace.clone() }
    }

    /// Gives the user the documented Role in another namespace, too.
    #[track_caller]
    pub(crate) fn also_in(&self, cluster: &Cluster, namespace: &str) {
        let other = Self::new(cluster, namespace, |_| {});
        let binding = format!("{}-too", self.name);
        let role = format!("--role={}", other.name);
        let account = format!("--serviceaccount={}:{}", self.namespace, self.name);
        let args = ["-n", namespace, "create", "rolebinding", &binding, &role, &account];
        cluster.kubectl(&args);
    }

    /// The same without one resource, as it is written in the Role.
    #[track_caller]
    pub(crate) fn without(cluster: &Cluster, namespace: &str, resource: &str) -> Self {
        Self::new(cluster, namespace, |rules| {
            for rule in rules.as_array_mut().expect("rules") {
                if let Some(resources) = rule["resources"].as_array_mut() {
                    resources.retain(|name| name != resource);
                }
            }
            let rules = rules.as_array_mut().expect("rules");
            rules.retain(|rule| rule["resources"] != json!([]));
        })
    }

    /// Who may do everything.
    pub(crate) fn administrator(cluster: &Cluster) -> Self {
        let kubeconfig = cluster.kubeconfig().to_owned();
        Self { kubeconfig, name: "admin".to_owned(), namespace: "default".to_owned() }
    }
}

/// The object of this kind and name in `docs/rbac.yaml`.
#[track_caller]
fn documented(cluster: &Cluster, kind: &str, name: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/rbac.yaml");
    let file = file.to_string_lossy();
    let args = ["create", "--dry-run=client", "--validate=false", "-o", "json", "-f", &file];
    // One object after another, or a list of them.
    let text = cluster.kubectl(&args);
    let values = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
    let objects = values
        .map(|value| value.expect("kubectl prints JSON"))
        .flat_map(|value| value["items"].as_array().cloned().unwrap_or_else(|| vec![value]));
    let mut objects =
        objects.filter(|object| object["kind"] == kind && object["metadata"]["name"] == name);
    objects.next().unwrap_or_else(|| panic!("docs/rbac.yaml has no {kind} {name}"))
}

fn configuration(cluster: &Cluster, namespace: &str, name: &str, token: &str) -> PathBuf {
    let args = ["config", "view", "--raw", "--flatten", "--minify"];
    let mut config = cluster.json(&args);
    config["users"] = json!([{"name": name, "user": {"token": token}}]);
    config["contexts"][0]["context"]["user"] = json!(name);
    config["contexts"][0]["context"]["namespace"] = json!(namespace);
    let file = format!("{namespace}-{name}.kubeconfig");
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(file);
    std::fs::write(&path, config.to_string()).expect("a configuration is written");
    path
}
