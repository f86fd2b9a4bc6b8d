//! The cluster itself: what the other tests compare with is right.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::cluster::{shared, until};

#[test]
fn the_mesh_answers_and_its_logs_agree() {
    let Some(cluster) = shared() else { return };
    let slow = cluster.pod("shop", "app=catalog,version=v2");
    let gateway = cluster.pod("shop", "app=gateway");
    // What was under way while a node stood still, in the tests of faults, is as odd as it was.
    let begun = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let since = || cluster.truth(&slow).into_iter().filter(move |truth| truth.t > begun);

    // Both sides of what the gateway gave up, and of what it did not.
    let both = until(Duration::from_secs(60), || {
        let (here, caller) = (cluster.access_log(&slow), cluster.access_log(&gateway));
        let flags = |flags: &str| caller.values().filter(|line| line.flags == flags).count();
        let flagged =
            flags("UT") >= 5 && flags("-") >= 5 && here.values().any(|line| line.flags == "DC");
        flagged && since().count() >= 20
    });
    assert!(both, "{:#?}", cluster.access_log(&gateway));

    let (here, caller) = (cluster.access_log(&slow), cluster.access_log(&gateway));
    let mut compared = 0;
    for truth in since() {
        let (Some(here), Some(caller)) =
            (here.get(&truth.request_id), caller.get(&truth.request_id))
        else {
            continue;
        };
        assert!(here.cluster.starts_with("inbound|9080|"), "{here:?}");
        // The timeout, and the answer on its way at the same time.
        if (truth.total_ms - 500.0).abs() < 100.0 {
            continue;
        }
        let left = truth.total_ms > 500.0;
        assert_eq!(truth.client_left, Some(left), "{truth:?}");
        assert_eq!((here.flags == "DC", caller.flags == "UT"), (left, left), "{here:?} {caller:?}");
        assert_eq!(caller.status, if left { 504 } else { 200 }, "{caller:?}");
        if left {
            assert!((250.0..1500.0).contains(&here.duration_ms), "{here:?}");
        }
        compared += 1;
    }
    assert!(compared >= 5, "{compared}");
    let client = cluster.truth(&gateway);
    assert!(client.iter().any(|call| call.status == Some(504) && call.error.is_none()));
}

#[test]
fn a_pod_of_a_tests_own_gives_up_half_of_its_calls() {
    let Some(cluster) = shared() else { return };
    let namespace = cluster.namespace("own");
    namespace.busy_pod("busy", None);
    let log = || cluster.kubectl(&["-n", &namespace.name, "logs", "busy", "-c", "client"]);
    let both = until(Duration::from_secs(30), || {
        let log = log();
        log.matches("\"status\":200").count() > 5 && log.matches("Client.Timeout").count() > 5
    });
    assert!(both, "{}", log());
    assert_eq!(cluster.leftovers(&namespace.name), [""; 0]);
}
