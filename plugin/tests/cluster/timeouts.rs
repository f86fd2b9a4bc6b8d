//! Where the timeout of the mesh's clients comes from, as its manifests say.

use std::sync::PoisonError;

use crate::case::shared;
use crate::user::User;
use crate::verdicts::SHOP;

const CAPTURE: [&str; 6] = ["svc/catalog", "-n", "shop", "--duration", "15s", "--summary"];

#[test]
fn the_virtual_service_is_named() {
    let Some(cluster) = shared() else { return };
    let _shop = SHOP.lock().unwrap_or_else(PoisonError::into_inner);
    let user = User::with_timeouts(&cluster, "shop");
    let said = cluster.meshsniff(&user, &CAPTURE);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let come = "The 500 ms come from VirtualService shop/catalog (spec.http[0].timeout).";
    assert!(said.out.contains(come), "{}", said.out);
    cluster.nothing_is_left("shop");
}

#[test]
fn a_missing_right_is_named_and_the_verdict_comes() {
    let Some(cluster) = shared() else { return };
    let _shop = SHOP.lock().unwrap_or_else(PoisonError::into_inner);
    let user = cluster.restricted_user("shop");
    let said = cluster.meshsniff(&user, &CAPTURE);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let words = ["a timeout of 500 ms", "Not allowed to list virtualservices.networking.istio.io"];
    for words in words {
        assert!(said.out.contains(words), "{words} is not in {}", said.out);
    }
    cluster.nothing_is_left("shop");
}
