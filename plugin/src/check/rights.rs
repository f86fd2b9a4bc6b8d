//! May I? Each verb that a capture uses, asked one by one.
//!
//! `kubectl auth can-i create pods/exec` has said yes where exec was forbidden: the subresource
//! must be asked for as such, not as part of the resource's name.

use std::collections::BTreeMap;

use anyhow::Result;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::Api;
use kube::api::PostParams;
use tokio::task::JoinSet;

use super::Line;
use crate::cluster::{Cluster, explain};

/// Where a right is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// The namespace of the pods.
    Pods,
    /// The namespace of the agent: mostly the same.
    Agent,
    /// The whole cluster.
    Cluster,
}

/// Verbs on a resource.
#[derive(Clone, Copy, Debug)]
struct Right {
    place: Place,
    group: &'static str,
    resource: &'static str,
    subresource: &'static str,
    verbs: &'static [&'static str],
    /// What goes without it; needed if that is nothing.
    without: &'static str,
}

impl Right {
    const fn needed(
        place: Place,
        group: &'static str,
        resource: &'static str,
        verbs: &'static [&'static str],
    ) -> Self {
        Self { place, group, resource, subresource: "", verbs, without: "" }
    }

    /// What admission is asked with.
    fn is_dry_run(&self) -> bool {
        self.place == Place::Agent && self.resource == "pods" && self.subresource.is_empty()
    }

    fn name(&self) -> String {
        let dot = if self.group.is_empty() { "" } else { "." };
        let slash = if self.subresource.is_empty() { "" } else { "/" };
        format!("{}{slash}{}{dot}{}", self.resource, self.subresource, self.group)
    }
}

/// What the Role and the ClusterRole of docs/rbac.yaml grant, and why.
const RIGHTS: [Right; 11] = [
    Right::needed(Place::Pods, "", "pods", &["get", "list"]),
    // Create as a dry run, for the verdict of admission; list to find the Job's.
    Right::needed(Place::Agent, "", "pods", &["create", "list"]),
    // WebSockets begin with a GET; newer API servers ask for create as well.
    Right { subresource: "exec", ..Right::needed(Place::Agent, "", "pods", &["create", "get"]) },
    Right::needed(Place::Agent, "batch", "jobs", &["create", "patch", "delete"]),
    Right::needed(Place::Agent, "", "configmaps", &["create"]),
    Right {
        without: "why the cluster makes no pod for the agent is not said, if it makes none",
        ..Right::needed(Place::Agent, "", "events", &["list"])
    },
    Right {
        without: "deploy/NAME and the like cannot be named; -l SELECTOR can",
        ..Right::needed(Place::Pods, "apps", "deployments", &["get"])
    },
    Right {
        without: "job/NAME cannot be named; -l SELECTOR can",
        ..Right::needed(Place::Pods, "batch", "jobs", &["get"])
    },
    Right {
        without: "svc/NAME cannot be named; -l SELECTOR can",
        ..Right::needed(Place::Pods, "", "services", &["get"])
    },
    Right {
        without: "the node's architecture is learned by trying",
        ..Right::needed(Place::Cluster, "", "nodes", &["get"])
    },
    Right {
        without: "-A is not possible, and a pod in another namespace is not found by name",
        ..Right::needed(Place::Cluster, "", "pods", &["list"])
    },
];

/// What was answered.
pub(super) struct Answers {
    pub(super) lines: Vec<Line>,
    /// Whether admission can be asked: it needs `create pods`.
    pub(super) may_try: bool,
}

/// Asks for all of them at once; `agent` is the agent's namespace.
pub(super) async fn check(cluster: &Cluster, agent: &str) -> Result<Answers> {
    let mut asked = JoinSet::new();
    for (index, right) in RIGHTS.into_iter().enumerate() {
        let namespace = match right.place {
            Place::Pods => Some(cluster.namespace.clone()),
            Place::Agent => Some(agent.to_owned()),
            Place::Cluster => None,
        };
        for &verb in right.verbs {
            let api: Api<SelfSubjectAccessReview> = cluster.everywhere();
            let review = review(&right, verb, namespace.clone());
            asked.spawn(async move {
                let answer = api.create(&PostParams::default(), &review).await;
                (index, verb, answer)
            });
        }
    }
    let mut refused: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for (index, verb, answer) in asked.join_all().await {
        let answer = answer.map_err(|error| explain(error, "asking what is allowed"))?;
        if !answer.status.is_some_and(|status| status.allowed) {
            refused.entry(index).or_default().push(verb);
        }
    }
    let lines = RIGHTS.iter().enumerate().map(|(index, right)| {
        let namespace = match right.place {
            Place::Pods => Some(cluster.namespace.as_str()),
            Place::Agent => Some(agent),
            Place::Cluster => None,
        };
        line(right, namespace, refused.get(&index).map(Vec::as_slice).unwrap_or_default())
    });
    let lines = once(lines.collect(), agent);
    let to_try = RIGHTS.iter().position(Right::is_dry_run).and_then(|index| refused.get(&index));
    let may_try = !to_try.is_some_and(|verbs| verbs.contains(&"create"));
    Ok(Answers { lines, may_try })
}

/// How to be granted what is missing: once, behind the last line about it.
fn once(mut lines: Vec<Line>, namespace: &str) -> Vec<Line> {
    let last = lines.iter_mut().rev().find_map(|line| match line {
        Line::Fail(_, fix) => Some(fix),
        _ => None,
    });
    if let Some(fix) = last {
        *fix = format!(
            "the Role meshsniff has it; whoever may grant it runs\n\
             kubectl meshsniff check --rbac | kubectl apply -n {namespace} -f -\n\
             kubectl -n {namespace} create rolebinding meshsniff --role=meshsniff --user=YOU"
        );
    }
    lines
}

fn review(right: &Right, verb: &str, namespace: Option<String>) -> SelfSubjectAccessReview {
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                group: some(right.group),
                resource: some(right.resource),
                subresource: some(right.subresource),
                verb: some(verb),
                namespace,
                ..Default::default()
            }),
            ..Default::default()
        },
        ..Default::default()
    }
}

fn line(right: &Right, namespace: Option<&str>, refused: &[&str]) -> Line {
    let name = right.name();
    let place = match namespace {
        Some(namespace) => format!("in namespace {namespace}"),
        None => "in the whole cluster".into(),
    };
    if refused.is_empty() {
        return Line::Ok(format!("may {} {name} {place}", right.verbs.join(", ")));
    }
    let mut refused: Vec<&str> = refused.to_vec();
    refused.sort_by_key(|verb| right.verbs.iter().position(|one| one == verb));
    let words = format!("may not {} {name} {place}", refused.join(", "));
    if !right.without.is_empty() {
        return Line::Note(format!("{words}: {}", right.without));
    }
    Line::Fail(words, String::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exec_is_asked_for_as_a_subresource() {
        let exec = RIGHTS.iter().find(|right| right.subresource == "exec").unwrap();
        let review = review(exec, "create", Some("shop".into()));
        let asked = review.spec.resource_attributes.unwrap();
        assert_eq!(asked.resource.as_deref(), Some("pods"));
        assert_eq!(asked.subresource.as_deref(), Some("exec"));
        assert_eq!(exec.name(), "pods/exec");
    }

    #[test]
    fn what_is_needed_fails_and_what_is_not_is_a_note() {
        let jobs = RIGHTS.iter().find(|right| right.resource == "jobs").unwrap();
        let refused = || line(jobs, Some("shop"), &["delete", "create"]);
        let lines = once(vec![refused(), refused(), Line::Ok(String::new())], "shop");
        let [Line::Fail(words, nothing), Line::Fail(_, fix), Line::Ok(_)] = lines.as_slice() else {
            panic!("no failure")
        };
        assert_eq!(words, "may not create, delete jobs.batch in namespace shop");
        assert!(nothing.is_empty() && fix.contains("apply -n shop"), "{fix}");
        let nodes = RIGHTS.iter().find(|right| right.resource == "nodes").unwrap();
        assert!(matches!(line(nodes, None, &["get"]), Line::Note(_)));
    }

    /// Every verb that is asked for is in the Role.
    #[test]
    fn the_documented_role_is_what_is_checked() {
        let role = super::super::RBAC.split("\n---\n").next().unwrap();
        for right in RIGHTS.iter().filter(|right| right.place != Place::Cluster) {
            let slash = if right.subresource.is_empty() { "" } else { "/" };
            let resource = format!("\"{}{slash}{}\"", right.resource, right.subresource);
            let rule = role
                .split("- apiGroups:")
                .find(|rule| rule.contains(&resource))
                .unwrap_or_else(|| panic!("{resource} is not in the Role"));
            assert!(rule.contains(&format!("[\"{}\"]", right.group)), "{resource}: {rule}");
            for verb in right.verbs {
                assert!(rule.contains(&format!("\"{verb}\"")), "{verb} {resource}");
            }
        }
    }

    /// The Role grants nothing that is not asked for.
    #[test]
    fn the_documented_role_is_no_more_than_what_is_checked() {
        let role = super::super::RBAC.split("\n---\n").next().unwrap();
        let quoted = |line: &str| -> Vec<String> {
            line.split('"').skip(1).step_by(2).map(str::to_owned).collect()
        };
        for rule in role.split("- apiGroups:").skip(1) {
            let line = |key: &str| quoted(rule.lines().find(|line| line.contains(key)).unwrap());
            for resource in line("resources:") {
                // Of these `deployments` stands for all.
                let resource = match resource.as_str() {
                    "statefulsets" | "daemonsets" | "replicasets" => "deployments",
                    other => other,
                };
                let asked: Vec<&str> = RIGHTS
                    .iter()
                    .filter(|right| right.place != Place::Cluster)
                    .filter(|right| right.name().split('.').next() == Some(resource))
                    .flat_map(|right| right.verbs)
                    .copied()
                    .collect();
                for verb in line("verbs:") {
                    assert!(asked.contains(&verb.as_str()), "{verb} {resource}");
                }
            }
        }
    }
}
