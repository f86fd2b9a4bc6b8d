//! Would the agent's pod be admitted? A dry run on the server: Pod Security, quotas, limits, webhooks
//! and policies all say what they would say, and nothing is created.

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::PostParams;
use serde_json::json;

use super::Line;
use crate::cluster::{Cluster, Refusal, Target, advise, refusal};

/// Asks for a pod like the agent's in `namespace`, beside `target` if there is one.
pub(super) async fn check(
    cluster: &Cluster,
    namespace: &str,
    target: Option<&Target>,
    least_privilege: bool,
) -> Line {
    let api: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
    let params = PostParams { dry_run: true, ..Default::default() };
    let how = if least_privilege { "with few rights" } else { "privileged" };
    let what = format!("a pod with hostPID, {how}, in namespace {namespace}");
    let pod = match pod(target, least_privilege) {
        Ok(pod) => pod,
        Err(error) => return Line::Fail(error.to_string(), String::new()),
    };
    match api.create(&params, &pod).await {
        Ok(_) => Line::Ok(format!("{what} is admitted")),
        Err(kube::Error::Api(status)) => match refusal(&status) {
            // Said already, with its fix.
            Refusal::Rights { .. } => {
                Line::Note(format!("whether {what} is admitted cannot be tried without that right"))
            }
            refused => {
                Line::Fail(format!("{what} is not admitted"), advise(&refused, &status.message))
            }
        },
        Err(error) => Line::Fail(format!("{what}: {error}"), String::new()),
    }
}

/// What admission looks at.
fn pod(target: Option<&Target>, least_privilege: bool) -> serde_json::Result<Pod> {
    let security = if least_privilege {
        json!({
            "runAsUser": 0,
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"], "add": ["NET_RAW", "SYS_ADMIN", "SYS_PTRACE"]},
            "seccompProfile": {"type": "RuntimeDefault"}
        })
    } else {
        json!({"runAsUser": 0, "privileged": true, "readOnlyRootFilesystem": true})
    };
    serde_json::from_value(json!({
        "metadata": {
            "generateName": "meshsniff-",
            "labels": {
                "app.kubernetes.io/name": "meshsniff-agent",
                "sidecar.istio.io/inject": "false",
                "kuma.io/sidecar-injection": "disabled"
            },
            "annotations": {
                "sidecar.istio.io/inject": "false",
                "linkerd.io/inject": "disabled"
            }
        },
        "spec": {
            "nodeName": target.map(|target| &target.node),
            "hostPID": true,
            "restartPolicy": "Never",
            "automountServiceAccountToken": false,
            "terminationGracePeriodSeconds": 0,
            "tolerations": [{"operator": "Exists"}],
            "containers": [{
                "name": "agent",
                "image": target.map_or("meshsniff", |target| &target.image),
                "imagePullPolicy": "IfNotPresent",
                "command": ["/agent"],
                "securityContext": security,
                "resources": {
                    "requests": {"cpu": "50m", "memory": "64Mi"},
                    "limits": {"cpu": "1", "memory": "256Mi"}
                }
            }]
        }
    }))
}
