//! Which pod is slow, on the mesh and in a deployment.

use std::sync::PoisonError;

use serde_json::Value;

use crate::case::{Case, shared};
use crate::cluster::Cluster;
use crate::user::User;
use crate::verdicts::SHOP;

fn document(out: &str) -> Value {
    serde_json::from_str(out).unwrap_or_else(|error| panic!("{error}: {out}"))
}

fn ask(cluster: &Cluster, user: &User, args: &[&str], code: i32) -> Value {
    let begin = ["slow", "-n", "shop", "-o", "json"];
    let said = cluster.meshsniff(user, &[&begin[..], args].concat());
    assert_eq!(said.code, Some(code), "{}{}", said.err, said.out);
    cluster.nothing_is_left("shop");
    document(&said.out)
}

#[test]
fn the_slow_pod_of_the_mesh_and_its_timeout_are_named() {
    let Some(cluster) = shared() else { return };
    let _shop = SHOP.lock().unwrap_or_else(PoisonError::into_inner);
    let slow = cluster.pod("shop", "app=catalog,version=v2");
    let user = User::with_timeouts(&cluster, "shop");
    let said = ask(&cluster, &user, &["svc/catalog", "--duration", "25s"], 3);
    assert_eq!(said["answer"], "slow", "{said}");
    assert_eq!(said["slow"].as_array().map(Vec::len), Some(1), "{said}");
    assert_eq!(said["slow"][0]["pod"], slow.as_str(), "{said}");
    assert_eq!(said["shared"][0], "version v2", "{said}");
    let limit = said["slow"][0]["limit_ms"].as_f64().unwrap_or_default();
    assert!((400.0..600.0).contains(&limit), "{said}");
    let source = &said["timeouts"][0]["sources"][0];
    assert_eq!(source["kind"], "VirtualService", "{said}");
    assert_eq!((&source["namespace"], &source["name"]), (&"shop".into(), &"catalog".into()));
    let healthy =
        cluster.meshsniff(&user, &["slow", "-n", "shop", "deploy/catalog-v1", "--duration", "20s"]);
    assert!(matches!(healthy.code, Some(0 | 5)), "{}{}", healthy.err, healthy.out);
    cluster.nothing_is_left("shop");
}

#[test]
fn with_few_rights_the_verdict_still_comes() {
    let Some(cluster) = shared() else { return };
    let _shop = SHOP.lock().unwrap_or_else(PoisonError::into_inner);
    let user = cluster.restricted_user("shop");
    let args = ["svc/catalog", "--until-sure", "--event", "--access-log"];
    let begin = ["slow", "-n", "shop"];
    let said = cluster.meshsniff(&user, &[&begin[..], &args].concat());
    assert_eq!(said.code, Some(3), "{}{}", said.err, said.out);
    for words in ["Not allowed to list virtualservices.networking.istio.io", "is slow: "] {
        assert!(said.out.contains(words), "{words} is not in {}", said.out);
    }
    for words in ["may not get pods/log in namespace shop", "recording an Event: "] {
        assert!(said.err.contains(words), "{words} is not in {}", said.err);
    }
    cluster.nothing_is_left("shop");
}

#[test]
fn pods_that_are_all_alike_are_not_accused() {
    let Some(cluster) = shared() else { return };
    let case = Case::empty(&cluster, "healthy");
    case.namespace.busy_deployment("web", 3);
    let said = case.run(&["slow", "deploy/web", "-o", "json", "--duration", "15s"]);
    // Half of what each of them is asked is given up there.
    assert!(matches!(said.code, Some(0 | 4 | 5)), "{}{}", said.err, said.out);
    let document = document(&said.out);
    assert_eq!(document["slow"], Value::Array(Vec::new()), "{document}");
    assert_eq!(document["pods"].as_array().map(Vec::len), Some(3), "{document}");
    let asked = |pod: &Value| pod["requests"].as_u64().unwrap_or_default() > 10;
    assert!(document["pods"].as_array().is_some_and(|pods| pods.iter().all(asked)), "{document}");
    case.clean();
}
