//! What the API server answers when it is asked for objects.

use std::fmt::Debug;
use std::time::Duration;

use kube::Api;
use kube::api::ListParams;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::cluster::explain;

/// How long the API server has; everything is asked at once.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);

/// What came of one question.
#[derive(Debug)]
pub(super) enum Answer {
    /// Objects; of some namespaces only if the others may not be read.
    Objects { objects: Vec<Value>, everywhere: bool },
    /// There is nothing like it.
    Absent,
    /// This user may not.
    Forbidden,
    /// None in time.
    Late,
    /// Why there is none.
    Failed(String),
}

/// What comes in time.
pub(super) async fn within<T>(time: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(time, work).await.ok()
}

/// All objects that the API has.
pub(super) async fn list<K>(api: &Api<K>) -> Answer
where
    K: Clone + Debug + DeserializeOwned + Serialize,
{
    match api.list(&ListParams::default()).await {
        Ok(list) => objects(&list.items, true),
        Err(error) => refused(error),
    }
}

/// All objects of these namespaces.
pub(super) async fn list_in<K>(namespaces: &[String], api: impl Fn(&str) -> Api<K>) -> Answer
where
    K: Clone + Debug + DeserializeOwned + Serialize,
{
    let mut all = Vec::new();
    for namespace in namespaces {
        match list(&api(namespace)).await {
            Answer::Objects { objects, .. } => all.extend(objects),
            other => return other,
        }
    }
    Answer::Objects { objects: all, everywhere: false }
}

/// The object of this name.
pub(super) async fn get<K>(api: &Api<K>, name: &str) -> Answer
where
    K: Clone + Debug + DeserializeOwned + Serialize,
{
    match api.get(name).await {
        Ok(object) => objects(&[object], true),
        Err(error) => refused(error),
    }
}

fn objects<K: Serialize>(items: &[K], everywhere: bool) -> Answer {
    let objects: Result<Vec<Value>, _> = items.iter().map(serde_json::to_value).collect();
    match objects {
        Ok(objects) => Answer::Objects { objects, everywhere },
        Err(error) => Answer::Failed(error.to_string()),
    }
}

fn refused(error: kube::Error) -> Answer {
    match &error {
        kube::Error::Api(status) if status.code == 404 => Answer::Absent,
        kube::Error::Api(status) if status.code == 403 => Answer::Forbidden,
        _ => Answer::Failed(explain(error, "the API server").to_string()),
    }
}
