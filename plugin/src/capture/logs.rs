//! The access logs of the pods that were captured, and of their callers.

use std::time::Duration;

use tokio::runtime::Runtime;

use super::fleet::Fleet;
use crate::access_log::{Join, Of, fetch};

/// Requests that began so long before the capture may end in it.
const BEFORE: Duration = Duration::from_secs(60);

/// A join with the logs of all pods that the fleet will have captured, and of `callers`, from now on.
pub(super) fn join(runtime: &Runtime, fleet: &Fleet, callers: Vec<Of>) -> Join {
    let now = jiff::Timestamp::now();
    let since = now.checked_sub(BEFORE).unwrap_or(now);
    let (runtime, fleet) = (runtime.handle().clone(), fleet.clone());
    Join::later(move |last| {
        let own = if fleet.args.logs.access_log { fleet.pods() } else { Vec::new() };
        let own = own.into_iter().map(|(namespace, name)| Of { namespace, name });
        let mut pods = Vec::new();
        for pod in own.chain(callers) {
            if !pods.contains(&pod) {
                pods.push(pod);
            }
        }
        runtime.block_on(fetch(&fleet.cluster, pods, since, last))
    })
}
