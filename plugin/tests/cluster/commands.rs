//! `check` and `clean`, as users with the documented rights and with fewer.

use crate::case::Case;
use crate::cluster::shared;
use crate::user::User;

#[test]
fn check_knows_the_documented_role_to_be_enough() {
    let Some(cluster) = shared() else { return };
    let case = Case::new(&cluster, "enough");
    let said = case.run(&["check", "busy"]);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    assert!(said.out.contains("may create, get pods/exec"), "{}", said.out);
    assert!(said.out.contains("busy"), "{}", said.out);
}

#[test]
fn check_names_what_is_missing_and_its_fix() {
    let Some(cluster) = shared() else { return };
    let case = Case::new(&cluster, "missing");
    for resource in ["jobs", "configmaps", "pods/exec"] {
        let user = User::without(&cluster, &case.namespace.name, resource);
        let said = cluster.meshsniff(&user, &["check"]);
        assert_eq!(said.code, Some(1), "{}", said.out);
        let fails: Vec<&str> = said.out.lines().filter(|line| line.starts_with("FAIL")).collect();
        assert_eq!(fails.len(), 1, "{}", said.out);
        assert!(fails[0].contains(resource) && said.out.contains("check --rbac"), "{}", said.out);
    }
    let label = "pod-security.kubernetes.io/enforce=baseline";
    case.here(&["label", "namespace", &case.namespace.name, label]);
    let said = case.run(&["check"]);
    assert_eq!(said.code, Some(1), "{}", said.out);
    assert!(
        said.out.contains("baseline") && said.out.contains("--agent-namespace"),
        "{}",
        said.out
    );
}

#[test]
fn clean_removes_what_is_left_and_nothing_else() {
    let Some(cluster) = shared() else { return };
    let case = Case::new(&cluster, "clean");
    let here = &case.namespace.name;
    let user = User::with_clean_role(&cluster, here);
    let nothing = cluster.meshsniff(&user, &["clean"]);
    assert_eq!(nothing.code, Some(0), "{}", nothing.err);

    let label = "labels: {app.kubernetes.io/name: meshsniff-agent}";
    cluster.apply(&format!(
        "apiVersion: batch/v1
kind: Job
metadata: {{name: meshsniff-left, namespace: {here}, {label}}}
spec:
  backoffLimit: 0
  template:
    metadata: {{{label}}}
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 0
      containers: [{{name: agent, image: 'registry.local/shop:1', args: [catalog]}}]
---
{{apiVersion: v1, kind: ConfigMap, metadata: {{name: meshsniff-orphan, namespace: {here}, {label}}}}}
---
{{apiVersion: v1, kind: ConfigMap, metadata: {{name: others, namespace: {here}}}}}
"
    ));
    // Nobody answers: nothing is deleted.
    let asked = cluster.meshsniff(&user, &["clean"]);
    assert_ne!(asked.code, Some(0), "{}", asked.err);
    assert!(cluster.leftovers(here).len() >= 2);

    let said = cluster.meshsniff(&user, &["clean", "-y"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert_eq!(cluster.leftovers(here), [""; 0]);
    case.here(&["get", "configmap", "others"]);
    case.here(&["get", "pod", "busy"]);

    // Whoever may capture only is told what clean needs.
    let refused = case.run(&["clean", "-y"]);
    assert_eq!(refused.code, Some(1), "{}", refused.err);
    assert!(refused.err.contains("may not list jobs.batch"), "{}", refused.err);
}
