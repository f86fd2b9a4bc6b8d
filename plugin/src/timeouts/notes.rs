//! What of the cluster could not be read, in sentences.

use std::collections::BTreeMap;

use super::Sources;
use super::answer::Answer;

/// Who has the rights.
const ROLE: &str =
    "the ClusterRole meshsniff-timeouts has it, and `kubectl meshsniff check --rbac` prints it";

/// What could not be read.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Resources that may not be listed.
    forbidden: Vec<String>,
    /// Resources that may not be listed elsewhere.
    elsewhere: Vec<String>,
    /// Resources that did not come in time.
    late: Vec<String>,
    /// Why there was no answer, and of which resources.
    failed: BTreeMap<String, Vec<String>>,
    /// Whole sentences.
    others: Vec<String>,
}

impl Notes {
    /// Takes the objects of a resource, as `virtualservices.networking.istio.io`, or why there are
    /// none.
    pub(super) fn take(&mut self, resource: &str, answer: Answer, sources: &mut Sources) {
        match answer {
            Answer::Objects { objects, everywhere } => {
                objects.iter().for_each(|object| sources.take(object));
                // Services of other namespaces are none of the pods'.
                if !everywhere && resource != "services" {
                    self.elsewhere.push(resource.into());
                }
            }
            Answer::Absent => {}
            Answer::Forbidden => self.forbidden.push(resource.into()),
            Answer::Late => self.late.push(resource.into()),
            Answer::Failed(why) => self.failed.entry(why).or_default().push(resource.into()),
        }
    }

    /// Takes the ConfigMap of this name with MeshConfig.
    pub(super) fn mesh_config(&mut self, name: &str, answer: Answer, sources: &mut Sources) {
        let has = match name {
            "istio" => ROLE,
            _ => "the ClusterRole meshsniff-timeouts can name it in its resourceNames",
        };
        match answer {
            Answer::Forbidden => self.others.push(format!(
                "Not allowed to get configmap {name} in namespace istio-system, which has \
                 MeshConfig's defaults: {has}."
            )),
            other => self.take(&format!("configmap {name}"), other, sources),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        let lists = [&self.forbidden, &self.elsewhere, &self.late, &self.others];
        self.failed.is_empty() && lists.iter().all(|list| list.is_empty())
    }

    /// Nothing that can have a timeout was found, and all could be read.
    pub(super) fn nothing_is_there(&mut self) {
        self.others.push(
            "There are no VirtualServices, HTTPRoutes or ServiceProfiles on the cluster.".into(),
        );
    }

    /// All of them; `namespaces` are those of the pods.
    pub(super) fn sentences(self, namespaces: &[String]) -> Vec<String> {
        let place = match namespaces {
            [one] => format!("namespace {one}"),
            several => format!("namespaces {}", several.join(", ")),
        };
        let say = |names: &[String], words: &dyn Fn(String) -> String| {
            (!names.is_empty()).then(|| words(names.join(", ")))
        };
        let forbidden = |names| format!("Not allowed to list {names} in {place}: {ROLE}.");
        let elsewhere = |names| {
            format!(
                "Only those of {place} were read, for lack of the right to list {names} in the whole cluster."
            )
        };
        let late = |names| format!("The API server did not list {names} in time.");
        let failed = self
            .failed
            .into_iter()
            .map(|(why, names)| format!("Not read: {}; {why}.", names.join(", ")));
        [say(&self.forbidden, &forbidden), say(&self.elsewhere, &elsewhere), say(&self.late, &late)]
            .into_iter()
            .flatten()
            .chain(failed)
            .chain(self.others)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_missing_right_is_named_once() {
        let mut notes = Notes::default();
        let mut sources = Sources::default();
        for resource in ["virtualservices.networking.istio.io", "services"] {
            notes.take(resource, Answer::Forbidden, &mut sources);
        }
        notes.take("serviceprofiles.linkerd.io", Answer::Absent, &mut sources);
        notes.mesh_config("istio", Answer::Absent, &mut sources);
        assert_eq!(
            notes.sentences(&["shop".into()]),
            [
                "Not allowed to list virtualservices.networking.istio.io, services in namespace shop: \
              the ClusterRole meshsniff-timeouts has it, and `kubectl meshsniff check --rbac` \
              prints it."
            ]
        );
    }

    #[test]
    fn what_may_be_read_in_part_and_what_is_late() {
        let mut notes = Notes::default();
        let mut sources = Sources::default();
        let some = Answer::Objects { objects: Vec::new(), everywhere: false };
        notes.take("virtualservices.networking.istio.io", some, &mut sources);
        notes.take("httproutes.gateway.networking.k8s.io", Answer::Late, &mut sources);
        notes.mesh_config("istio", Answer::Forbidden, &mut sources);
        let said = notes.sentences(&["shop".into()]);
        assert!(said[0].starts_with("Only those of namespace shop were read"), "{said:?}");
        assert!(said[1].contains("did not list httproutes"), "{said:?}");
        assert!(said[2].contains("configmap istio in namespace istio-system"), "{said:?}");
    }
}
