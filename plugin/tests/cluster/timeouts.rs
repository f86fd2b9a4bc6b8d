//! Where the timeout of the mesh's clients comes from, as its manifests say.

use std::sync::PoisonError;

use crate::case::shared;
use crate::cluster::Cluster;
use crate::user::User;
use crate::verdicts::SHOP;

/// What is said of the mesh's pods, of a capture that is long enough to show a timeout: on a slow
/// machine the give-ups scatter, and it takes more of them.
#[track_caller]
fn said(cluster: &Cluster, user: &User) -> String {
    let mut out = String::new();
    for duration in ["15s", "30s", "60s"] {
        let args = ["svc/catalog", "-n", "shop", "--duration", duration, "--summary"];
        let said = cluster.meshsniff(user, &args);
        assert_eq!(said.code, Some(0), "{}", said.err);
        cluster.nothing_is_left("shop");
        out = said.out;
        if out.contains(TIMEOUT) {
            return out;
        }
    }
    panic!("no timeout shows in {out}");
}

const TIMEOUT: &str = "a timeout of ";

#[test]
fn the_virtual_service_is_named() {
    let Some(cluster) = shared() else { return };
    let _shop = SHOP.lock().unwrap_or_else(PoisonError::into_inner);
    let user = User::with_timeouts(&cluster, "shop");
    let out = said(&cluster, &user);
    let object = "VirtualService shop/catalog (spec.http[0].timeout";
    assert!(out.contains(object), "{out}");
}

#[test]
fn a_missing_right_is_named_and_the_verdict_comes() {
    let Some(cluster) = shared() else { return };
    let _shop = SHOP.lock().unwrap_or_else(PoisonError::into_inner);
    let user = cluster.restricted_user("shop");
    let out = said(&cluster, &user);
    let right = "Not allowed to list virtualservices.networking.istio.io";
    assert!(out.contains(right), "{out}");
}
