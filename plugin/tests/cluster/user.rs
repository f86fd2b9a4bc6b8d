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
}

impl User {
    /// A service account with the Role of `docs/rbac.yaml`, after `change`, in this namespace.
    #[track_caller]
    pub(crate) fn new(cluster: &Cluster, namespace: &str, change: impl Fn(&mut Value)) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("user-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let mut role = documented_role(cluster);
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
        Self { kubeconfig, name }
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
        Self { kubeconfig: cluster.kubeconfig().to_owned(), name: "admin".to_owned() }
    }
}

/// The Role in `docs/rbac.yaml`.
fn documented_role(cluster: &Cluster) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/rbac.yaml");
    let file = file.to_string_lossy();
    let args = ["create", "--dry-run=client", "--validate=false", "-o", "json", "-f", &file];
    // One object after another, or a list of them.
    let text = cluster.kubectl(&args);
    let values = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
    let objects = values
        .map(|value| value.expect("kubectl prints JSON"))
        .flat_map(|value| value["items"].as_array().cloned().unwrap_or_else(|| vec![value]));
    objects.into_iter().find(|object| object["kind"] == "Role").expect("a Role in docs/rbac.yaml")
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
