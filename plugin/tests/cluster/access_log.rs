//! What the mesh's Envoys logged, joined with what was captured.

use std::sync::PoisonError;

use serde_json::{Value, json};

use crate::case::shared;
use crate::user::User;
use crate::verdicts::SHOP;

#[test]
fn each_exchange_has_the_flags_that_were_logged() {
    let Some(cluster) = shared() else { return };
    let _shop = SHOP.lock().unwrap_or_else(PoisonError::into_inner);
    let [slow, gateway, frontend] = ["app=catalog,version=v2", "app=gateway", "app=frontend"]
        .map(|selector| cluster.pod("shop", selector));
    let user = User::new(&cluster, "shop", |rules| {
        let right = json!({"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]});
        rules.as_array_mut().expect("rules").push(right);
    });
    let args = ["pod", "svc/catalog", "-n", "shop", "--port", "9080", "--duration", "15s"];
    let of = "--access-log-of";
    let frontends = format!("shop/pod/{frontend}");
    let logs = ["--access-log", of, "deploy/gateway", of, &frontends, "-o", "json"];
    let said = cluster.meshsniff(&user, &[&args[..], &logs].concat());
    assert_eq!(said.code, Some(0), "{}", said.err);
    cluster.nothing_is_left("shop");

    let report: Value = serde_json::from_str(&said.out).expect("one document");
    let summary = &report["summary"]["access_log"];
    assert_eq!(summary["unread"], json!([]), "{}", said.err);
    assert_eq!(summary["differ"], 0, "{summary}");
    for log in summary["logs"].as_array().expect("logs") {
        assert_eq!(log["only_in_log"]["count"], 0, "{log}");
        assert_eq!(log["only_in_packets"]["count"], 0, "{log}");
        assert_eq!(log["ambiguous"], 0, "{log}");
    }
    // The truth is that of the logs themselves, by the id, which is a request's own here.
    let own = cluster.access_log(&slow);
    let callers = [cluster.access_log(&gateway), cluster.access_log(&frontend)];
    let (mut gave_up, mut joined) = (0, 0);
    for exchange in report["exchanges"].as_array().expect("exchanges") {
        let id = exchange["request_id"].as_str().unwrap_or_default();
        let logged = exchange["logged"].as_array().cloned().unwrap_or_default();
        let by = |proxy: &str| logged.iter().find(|one| one["proxy"] == proxy);
        let codes = exchange["findings"].as_array().expect("findings");
        let left = codes.iter().any(|code| code == "client-closed-first" || code == "client-reset");
        for (proxy, log) in [(&slow, &own), (&gateway, &callers[0]), (&frontend, &callers[1])] {
            let Some(one) = by(proxy) else { continue };
            let line = log.get(id).unwrap_or_else(|| panic!("{id}: {one}"));
            assert_eq!(one["flags"], line.flags.as_str(), "{exchange}");
            assert_eq!(one["code"], line.status, "{exchange}");
            joined += 1;
        }
        if left && exchange["outcome"] != "in_progress" {
            gave_up += 1;
            let here = by(&slow).unwrap_or_else(|| panic!("not joined: {exchange}"));
            assert_eq!((&here["flags"], &here["direction"]), (&json!("DC"), &json!("inbound")));
            let caller = by(&gateway).or_else(|| by(&frontend));
            let caller = caller.unwrap_or_else(|| panic!("no caller: {exchange}"));
            assert_eq!((&caller["flags"], &caller["code"]), (&json!("UT"), &json!(504)));
        }
    }
    assert!(gave_up > 3 && joined > 20, "{gave_up} {joined}: {summary}");
}

#[test]
fn without_the_right_the_verdict_still_comes() {
    let Some(cluster) = shared() else { return };
    let _shop = SHOP.lock().unwrap_or_else(PoisonError::into_inner);
    let slow = cluster.pod("shop", "app=catalog,version=v2");
    let user = cluster.restricted_user("shop");
    let args = ["pod", &slow, "-n", "shop", "--port", "9080", "--duration", "6s", "--access-log"];
    let said = cluster.meshsniff(&user, &args);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.err.contains("may not get pods/log in namespace shop"), "{}", said.err);
    assert!(said.err.contains("Role meshsniff-logs"), "{}", said.err);
    assert!(said.out.contains("GET /items"), "{}", said.out);
    cluster.nothing_is_left("shop");
}
