use kube::core::ObjectMeta;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Resource, ResourceExt as _};
use meshsniff::slow::Verdict;

use crate::cluster::{Cluster, Target, explain};
use crate::talk::say;

/// The longest note that the API takes, in bytes.
const NOTE: usize = 1024;

/// Records on each slow pod that it is slow, and why. Where that may not be, says so.
pub(crate) async fn record(cluster: &Cluster, targets: &[Target], verdict: &Verdict) {
    if verdict.slow.is_empty() {
        return say("--event: no pod is named, so nothing is recorded");
    }
    let reporter = Reporter { controller: "meshsniff".into(), instance: None };
    let recorder = Recorder::new(cluster.client.clone(), reporter);
    for slow in &verdict.slow {
        let Some(target) =
            targets.iter().find(|target| [&target.name, &target.full_name()].contains(&&slow.pod))
        else {
            say(&format!("--event: {} came later and gets none", slow.pod));
            continue;
        };
        let mut note = slow.sentence();
        let end = (0..=NOTE.min(note.len())).rev().find(|end| note.is_char_boundary(*end));
        note.truncate(end.unwrap_or(0));
        let event = Event {
            type_: EventType::Warning,
            reason: "SlowPod".into(),
            note: Some(note),
            action: "Compared".into(),
            secondary: None,
        };
        let pod = k8s_openapi::api::core::v1::Pod {
            metadata: ObjectMeta {
                name: Some(target.name.clone()),
                namespace: Some(target.namespace.clone()),
                uid: Some(target.uid.clone()),
                ..ObjectMeta::default()
            },
            ..Default::default()
        };
        match recorder.publish(&event, &pod.object_ref(&())).await {
            Ok(()) => say(&format!("recorded on pod {}: SlowPod", pod.name_any())),
            Err(error) => say(&format!("{:#}", explain(error, "recording an Event"))),
        }
    }
}
