//! The access logs of the pods that were captured, and of their callers.

use tokio::runtime::Runtime;
use tokio::time::Instant;

use super::fleet::Fleet;
use crate::access_log::{Asked, Callers, Join, Of, fetch};

/// A join with the logs of all pods that the fleet will have captured, and of `callers`, from now on.
pub(super) fn join(runtime: &Runtime, fleet: &Fleet, callers: Callers) -> Join {
    let begun = Instant::now();
    let (runtime, fleet) = (runtime.handle().clone(), fleet.clone());
    Join::later(move |span| {
        let own = if fleet.args.logs.access_log { fleet.pods() } else { Vec::new() };
        let own = own.into_iter().map(|(namespace, name)| Of { namespace, name });
        let mut pods = Vec::new();
        for pod in own.chain(callers.pods) {
            if !pods.contains(&pod) {
                pods.push(pod);
            }
        }
        let asked = Asked { cluster: fleet.cluster.clone(), begun, span };
        let mut logs = runtime.block_on(fetch(asked, pods, fleet.stop.clone()));
        logs.unread.extend(callers.unread);
        logs
    })
}
