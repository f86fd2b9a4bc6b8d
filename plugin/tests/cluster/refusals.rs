//! What cannot be captured: said at once and in words that help, with nothing created.

use std::path::Path;
use std::time::Duration;

use crate::case::{Case, shared};
use crate::cluster::until;
use crate::user::User;

#[test]
fn names_that_are_not_there() {
    let Some(cluster) = shared() else { return };
    let case = Case::new(&cluster, "names");
    case.refused(&["pod", "bussy"], 1, &["there is no pod bussy", "busy"]);
    case.refused(&["pod", "busy", "-n", "shopp"], 1, &["shopp"]);
    case.refused(&["pod"], 2, &["busy"]);
    case.refused(&["pod", "busy", "-c", "nginx"], 1, &["nginx", "server"]);
    let nowhere = "/nonexistent/evidence.pcapng";
    case.refused(&["pod", "busy", "-v", "-w", nowhere], 1, &[nowhere, "cannot be written"]);
    for (filter, words) in [
        ("tcp prot 80", "tcp prot 80"),
        ("tcp port", "tcp port"),
        ("port http or nosuchservice", "nosuchservice"),
        ("net nosuchnet", "/etc/networks"),
    ] {
        case.refused(&["pod", "busy", "-f", filter], 2, &[words]);
    }
    case.refused(&["pod", "deploy/none"], 1, &["deploy", "none"]);
    case.refused(&["pod", "-l", "app=none"], 1, &["app=none"]);
}

#[test]
fn interfaces_that_are_not_there() {
    let Some(cluster) = shared() else { return };
    let case = Case::new(&cluster, "eth7");
    let words = ["there is no interface \"eth7\"", "error: nothing was captured"];
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("eth7.pcapng");
    let file = file.to_string_lossy();
    for args in [&[][..], &["-o", "json"], &["-w", &file]] {
        let said = case.run(&[&["pod", "busy", "-i", "eth7"], args].concat());
        // No summary, as if there were something to sum up.
        assert_eq!(said.out, "");
        case.told(&said, 1, &words);
    }
    assert!(!Path::new(&*file).exists());

    // One of two: the other goes on, and the end says that something is missing. Only a node has this.
    cluster.apply(&format!(
        "{{apiVersion: v1, kind: Pod, metadata: {{name: host, namespace: {}}}, spec: {{hostNetwork: \
         true, terminationGracePeriodSeconds: 0, containers: [{{name: app, image: \
         'registry.local/shop:1', args: [load, -url, 'http://127.0.0.1:19080/items']}}]}}}}",
        case.namespace.name
    ));
    case.here(&["wait", "--for=condition=Ready", "pod/host", "--timeout=60s"]);
    let args = ["pod", "busy", "host", "-i", "cni0", "--host-network", "--duration", "3s"];
    let said = case.run(&args);
    assert!(said.out.contains("packets"), "{}", said.out);
    case.told(&said, 1, &["there is no interface \"cni0\"", "busy:cni0 was not captured"]);
}

#[test]
fn each_missing_right_is_named() {
    let Some(cluster) = shared() else { return };
    let case = Case::new(&cluster, "rights");
    for (resource, words) in [
        ("jobs", "jobs.batch"),
        ("configmaps", "configmaps"),
        ("pods/exec", "pods/exec"),
        ("pods", "pods"),
    ] {
        let user = User::without(&cluster, &case.namespace.name, resource);
        let said = cluster.meshsniff(&user, &["pod", "busy", "--duration", "3s"]);
        case.told(&said, 1, &["may not", words, "Role"]);
    }
}

#[test]
fn pod_security_is_told_from_rights() {
    let Some(cluster) = shared() else { return };
    let case = Case::new(&cluster, "security");
    for level in ["baseline", "restricted"] {
        let label = format!("pod-security.kubernetes.io/enforce={level}");
        case.here(&["label", "namespace", &case.namespace.name, &label, "--overwrite"]);
        let words = ["Pod Security", level, "--agent-namespace"];
        case.refused(&["pod", "busy", "--duration", "3s"], 1, &words);
        let args = ["pod", "busy", "--duration", "3s", "--least-privilege"];
        case.refused(&args, 1, &["Pod Security"]);
    }
}

#[test]
fn quotas_and_limits_are_told() {
    let Some(cluster) = shared() else { return };
    let case = Case::new(&cluster, "quota");
    let here = &case.namespace.name;
    cluster.apply(&format!(
        "{{apiVersion: v1, kind: ResourceQuota, metadata: {{name: q, namespace: {here}}}, \
         spec: {{hard: {{pods: '1'}}}}}}"
    ));
    let used = || case.here(&["get", "quota", "q", "-o", "jsonpath={.status.used.pods}"]) == "1";
    assert!(until(Duration::from_secs(20), used));
    case.refused(&["pod", "busy", "--duration", "3s"], 1, &["ResourceQuota", "exceeded quota: q"]);
    case.here(&["delete", "quota", "q"]);
    cluster.apply(&format!(
        "{{apiVersion: v1, kind: LimitRange, metadata: {{name: l, namespace: {here}}}, \
         spec: {{limits: [{{type: Container, max: {{memory: 4Mi}}}}]}}}}"
    ));
    case.refused(&["pod", "busy", "--duration", "3s"], 1, &["LimitRange", "memory"]);
}

#[test]
fn policies_of_admission() {
    let Some(cluster) = shared() else { return };
    let case = Case::new(&cluster, "policy");
    let here = &case.namespace.name;
    let policy = |expression: &str| {
        cluster.apply(&format!(
            "apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {{name: {here}}}
spec:
  matchConstraints:
    resourceRules: [{{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}}]
  validations: [{{expression: \"{expression}\", message: not here}}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {{name: {here}}}
spec:
  policyName: {here}
  validationActions: [Deny]
  matchResources: {{namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: {here}}}}}}}
"
        ));
    };
    policy("!has(object.spec.hostPID)");
    let refused = || case.run(&["check"]).code == Some(1);
    assert!(until(Duration::from_secs(30), refused));
    case.refused(&["pod", "busy"], 1, &["admission policy", "not here", "--least-privilege"]);

    // What the dry run does not meet: the Job's controller alone may not.
    policy("!request.userInfo.username.endsWith(':job-controller')");
    assert!(until(Duration::from_secs(30), || !refused()));
    case.refused(&["pod", "busy"], 1, &["makes no pod for the agent", "not here"]);
    let user = User::without(&cluster, here, "events");
    let said = cluster.meshsniff(&user, &["pod", "busy"]);
    cluster.kubectl(&["delete", "validatingadmissionpolicybinding", here]);
    cluster.kubectl(&["delete", "validatingadmissionpolicy", here]);
    case.told(&said, 1, &["makes no pod for the agent", "get events"]);
}

#[test]
fn an_image_that_cannot_be_pulled() {
    let Some(cluster) = shared() else { return };
    let case = Case::new(&cluster, "image");
    let image = "registry.local/none:1";
    let words = ["ErrImagePull", image, "without --agent-image"];
    case.refused(&["pod", "busy", "--agent-image", image], 1, &words);
    case.refused(&["pod", "busy", "--agent-image", "No Image"], 1, &["InvalidImageName"]);
}

#[test]
fn a_namespace_that_is_being_deleted() {
    let Some(cluster) = shared() else { return };
    let case = Case::new(&cluster, "deleted");
    let ends = cluster.namespace("ends");
    let user = {
        let user = cluster.restricted_user(&ends.name);
        // Who may capture here and bring the agent there.
        let account = format!("{}:{}", case.namespace.name, case.user.name);
        let role = format!("--role={}", user.name);
        let account = format!("--serviceaccount={account}");
        cluster.kubectl(&["-n", &ends.name, "create", "rolebinding", "both", &role, &account]);
        user
    };
    drop(user);
    cluster.apply(&format!(
        "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: stays, namespace: {}, \
         finalizers: [example.com/stays]}}}}",
        ends.name
    ));
    cluster.kubectl(&["delete", "namespace", &ends.name, "--wait=false"]);
    case.refused(&["pod", "busy", "--agent-namespace", &ends.name], 1, &["being deleted"]);
    let patch = "{\"metadata\": {\"finalizers\": null}}";
    cluster.kubectl(&["-n", &ends.name, "patch", "configmap", "stays", "-p", patch]);
}

#[test]
fn credentials_that_have_expired() {
    let Some(cluster) = shared() else { return };
    let case = Case::new(&cluster, "expired");
    case.here(&["delete", "serviceaccount", &case.user.name]);
    let expired = || case.run(&["pod", "busy", "--duration", "1s"]).code == Some(1);
    // The API server remembers a good token for some seconds.
    assert!(until(Duration::from_secs(30), expired));
    case.refused(&["pod", "busy", "--duration", "1s"], 1, &["credentials", "expired"]);
}

#[test]
fn nodes_that_no_agent_is_for() {
    let Some(cluster) = shared() else { return };
    let case = Case::new(&cluster, "nodes");
    let user = User::with_cluster_role(&cluster, &case.namespace.name);
    for (name, os, arch) in [("windows", "windows", "amd64"), ("riscv", "linux", "riscv64")] {
        let node = format!("{name}-{}", case.namespace.name);
        let pod = format!("on-{name}");
        cluster.apply(&format!(
            "{{apiVersion: v1, kind: Node, metadata: {{name: {node}, \
             labels: {{kubernetes.io/os: {os}, kubernetes.io/arch: {arch}}}}}}}"
        ));
        cluster.apply(&format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: {pod}, namespace: {}}}, spec: \
             {{nodeName: {node}, tolerations: [{{operator: Exists}}], \
             containers: [{{name: app, image: 'registry.local/shop:1'}}]}}}}",
            case.namespace.name
        ));
        let status = format!(
            "{{\"status\": {{\"phase\": \"Running\", \"containerStatuses\": [{{\"name\": \"app\", \
             \"image\": \"x\", \"imageID\": \"x\", \"restartCount\": 0, \"ready\": true, \
             \"containerID\": \"containerd://{}\", \"state\": {{\"running\": {{}}}}}}]}}}}",
            "ab".repeat(32)
        );
        case.here(&["patch", "pod", &pod, "--subresource=status", "--type=merge", "-p", &status]);
        let info = format!(
            "{{\"status\": {{\"nodeInfo\": {{\"operatingSystem\": \"{os}\", \
             \"architecture\": \"{arch}\"}}}}}}"
        );
        let patch = ["patch", "node", &node, "--subresource=status", "--type=merge", "-p", &info];
        let _ = cluster.try_kubectl(&patch);
        let said = cluster.meshsniff(&user, &["pod", &pod, "--duration", "3s"]);
        cluster.kubectl(&["delete", "node", &node]);
        let word = if os == "windows" { "Windows" } else { "riscv64" };
        case.told(&said, 1, &[word]);
    }
}

#[test]
fn a_pod_that_has_completed_and_one_that_does_not_run_yet() {
    let Some(cluster) = shared() else { return };
    let case = Case::new(&cluster, "phases");
    let pod = |name: &str, image: &str, args: &str| {
        cluster.apply(&format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, namespace: {}}}, spec: \
             {{restartPolicy: Never, containers: [{{name: app, image: '{image}', args: {args}}}, \
             {{name: client, image: 'registry.local/shop:1', args: {args}}}]}}}}",
            case.namespace.name
        ));
    };
    pod("done", "registry.local/shop:1", "[catalog, -h]");
    let phase = || case.here(&["get", "pod", "done", "-o", "jsonpath={.status.phase}"]);
    assert!(until(Duration::from_secs(30), || phase() == "Succeeded"));
    case.refused(&["pod", "done"], 1, &["done has ended", "Succeeded"]);

    pod("later", "registry.local/none:1", "[load, -url, 'http://127.0.0.1:9080/items']");
    let mut running = case.start(&case.user, &["pod", "later", "--duration", "4s"]);
    running.says("later", Duration::from_secs(20));
    let image =
        "{\"spec\": {\"containers\": [{\"name\": \"app\", \"image\": \"registry.local/shop:1\"}]}}";
    case.here(&["patch", "pod", "later", "-p", image]);
    // Nobody listens on 9080: each connect is refused.
    running.lines(5);
    case.told(&running.end(Duration::from_secs(60)), 0, &["later"]);
}
