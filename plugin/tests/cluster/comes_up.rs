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
    // Envoy writes its log every few seconds.
    let compared = until_some(Duration::from_secs(60), || {
        let (here, caller) = (cluster.access_log(&slow), cluster.access_log(&gateway));
        let truths = cluster.truth(&slow).into_iter();
        let compared: Vec<_> = truths
            // The timeout, and the answer on its way at the same time.
            .filter(|truth| truth.t > begun && (truth.total_ms - 500.0).abs() >= 100.0)
            .filter_map(|truth| {
                let here = here.get(&truth.request_id)?.clone();
                let caller = caller.get(&truth.request_id)?.clone();
                Some((truth, here, caller))
            })
            .collect();
        let left = compared.iter().filter(|(truth, ..)| truth.total_ms > 500.0).count();
        (left >= 3 && compared.len() - left >= 1).then_some(compared)
    });
    let compared = compared.unwrap_or_else(|| panic!("{:#?}", cluster.access_log(&gateway)));
    for (truth, here, caller) in compared {
        assert!(here.cluster.starts_with("inbound|9080|"), "{here:?}");
        let left = truth.total_ms > 500.0;
        assert_eq!(truth.client_left, Some(left), "{truth:?}");
        assert_eq!((here.flags == "DC", caller.flags == "UT"), (left, left), "{here:?} {caller:?}");
        assert_eq!(caller.status, if left { 504 } else { 200 }, "{caller:?}");
        if left {
            assert!((250.0..1500.0).contains(&here.duration_ms), "{here:?}");
        }
    }
    let client = cluster.truth(&gateway);
    assert!(client.iter().any(|call| call.status == Some(504) && call.error.is_none()));
}

/// The first answer that is one, within the time.
fn until_some<T>(time: Duration, mut answer: impl FnMut() -> Option<T>) -> Option<T> {
    let mut found = None;
    until(time, || {
        found = answer();
        found.is_some()
    });
    found
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
