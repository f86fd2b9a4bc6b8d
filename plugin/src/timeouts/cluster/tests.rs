//! What clusters answer, and what is made of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

use serde_json::{Value, json};

use super::*;

/// A cluster that answers these paths so and everything else with 403, and a pod of it with
/// `app: catalog`.
fn cluster(answers: Vec<(&'static str, u16, Value)>) -> (Cluster, Target) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let line = lines.next().unwrap_or_default();
            let path = line.split([' ', '?']).nth(1).unwrap_or_default().to_owned();
            lines.by_ref().take_while(|line| !line.is_empty()).for_each(drop);
            let found = answers.iter().find(|(known, ..)| *known == path);
            let (code, body) =
                found.map_or((403, json!(null)), |(_, code, body)| (*code, body.clone()));
            let body = match code {
                200 => body,
                _ => json!({"kind": "Status", "status": "Failure", "code": code, "message": path}),
            };
            let body = body.to_string();
            let _ = write!(
                &stream,
                "HTTP/1.1 {code} x\r\nContent-Type: application/json\r\n\
                 Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    let config = kube::Config::new(server.parse().unwrap());
    let client = kube::Client::try_from(config).unwrap();
    let labels = BTreeMap::from([("app".into(), "catalog".into())]);
    let target = Target { namespace: "shop".into(), labels, ..Target::default() };
    (Cluster { client, namespace: "shop".into(), server }, target)
}

/// What a cluster with these groups of APIs says of them.
fn groups(names: &[&str]) -> Value {
    let group = |name: &&str| {
        let version = json!({"groupVersion": format!("{name}/v1"), "version": "v1"});
        json!({"name": name, "versions": [version]})
    };
    let groups: Vec<Value> = names.iter().map(group).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

fn list(kind: &str, version: &str, items: Value) -> Value {
    json!({"kind": format!("{kind}List"), "apiVersion": version, "metadata": {}, "items": items})
}

fn virtual_services(version: &str) -> Value {
    let version = format!("{ISTIO}/{version}");
    let items = json!([{
        "apiVersion": version, "kind": "VirtualService",
        "metadata": {"name": "catalog", "namespace": "shop"},
        "spec": {"hosts": ["catalog"], "http": [{"timeout": "0.5s"}]},
    }]);
    list("VirtualService", &version, items)
}

fn services() -> Value {
    let items = json!([{
        "metadata": {"name": "catalog", "namespace": "shop"},
        "spec": {"selector": {"app": "catalog"}},
    }]);
    list("Service", "v1", items)
}

/// What is said of 500 ms, and what could not be read.
fn explained(answers: Vec<(&'static str, u16, Value)>) -> (String, Vec<String>) {
    let sources = crate::cluster::finish(async {
        let (cluster, target) = cluster(answers);
        Ok(of_cluster(&cluster, &[target]).await)
    });
    let sources = sources.unwrap();
    let origin = sources.explain("GET /items", None, &crate::timeouts::tests::shown(500));
    (origin.sentence, sources.notes())
}

const COME: &str = "The 500 ms come from VirtualService shop/catalog (spec.http[0].timeout).";

#[test]
fn of_a_cluster_that_may_be_read() {
    let said = explained(vec![
        ("/apis", 200, groups(&[ISTIO])),
        // An older Istio.
        ("/apis/networking.istio.io/v1/virtualservices", 404, Value::Null),
        ("/apis/networking.istio.io/v1beta1/virtualservices", 200, virtual_services("v1beta1")),
        ("/apis/networking.istio.io/v1/destinationrules", 404, Value::Null),
        ("/apis/networking.istio.io/v1beta1/destinationrules", 404, Value::Null),
        ("/apis/networking.istio.io/v1alpha3/destinationrules", 404, Value::Null),
        ("/api/v1/namespaces/shop/services", 200, services()),
        ("/api/v1/namespaces/istio-system/configmaps/istio", 404, Value::Null),
    ]);
    assert_eq!(said, (COME.into(), vec![]));
}

#[test]
fn of_the_namespace_alone() {
    let of_shop = "/apis/networking.istio.io/v1/namespaces/shop/virtualservices";
    let (sentence, notes) = explained(vec![
        ("/apis", 200, groups(&[ISTIO])),
        (of_shop, 200, virtual_services("v1")),
        ("/api/v1/namespaces/shop/services", 200, services()),
    ]);
    assert_eq!(sentence, COME);
    assert_eq!(notes.len(), 3, "{notes:?}");
    let forbidden = "Not allowed to list destinationrules.networking.istio.io in namespace shop: ";
    assert!(notes[0].starts_with(forbidden), "{notes:?}");
    assert!(notes[1].contains("virtualservices.networking.istio.io in the whole"), "{notes:?}");
    assert!(notes[2].contains("configmap istio"), "{notes:?}");
}

#[test]
fn of_a_user_without_any_right() {
    let (sentence, notes) = explained(vec![]);
    assert_eq!(sentence, "No manifest that could be read has 500 ms for these requests.");
    let begin = "Not allowed to list virtualservices.networking.istio.io, destinationrules";
    assert!(notes[0].starts_with(begin), "{notes:?}");
    assert!(notes[0].contains("services in namespace shop"), "{notes:?}");
}

#[test]
fn of_a_cluster_without_a_mesh() {
    let (sentence, notes) = explained(vec![
        ("/apis", 200, groups(&["apps"])),
        ("/api/v1/namespaces/shop/services", 200, services()),
    ]);
    assert!(sentence.starts_with("No manifest was found that could give the 500 ms"), "{sentence}");
    assert_eq!(
        notes,
        ["There are no VirtualServices, HTTPRoutes or ServiceProfiles on the cluster."]
    );
}

/// A revision has its own MeshConfig; what has none is no news.
#[test]
fn of_a_revision() {
    let sources = crate::cluster::finish(async {
        let mesh = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "istio-canary", "namespace": "istio-system"},
            "data": {"mesh": "defaultHttpRetryPolicy: {perTryTimeout: 500ms}"},
        });
        let (cluster, pod) = cluster(vec![
            ("/apis", 200, groups(&[ISTIO])),
            ("/api/v1/namespaces/istio-system/configmaps/istio", 404, Value::Null),
            ("/api/v1/namespaces/istio-system/configmaps/istio-canary", 200, mesh),
            ("/api/v1/namespaces/istio-system/configmaps/istio-gone", 404, Value::Null),
        ]);
        let of = |revision: &str| {
            let mut pod = pod.clone();
            pod.labels.insert("istio.io/rev".into(), revision.into());
            pod
        };
        let pods = ["canary", "gone", "default", "secret"].map(of);
        Ok(of_cluster(&cluster, &pods).await)
    });
    let sources = sources.unwrap();
    let found = sources.explain("GET /items", None, &crate::timeouts::tests::shown(500)).sources;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].name, "istio-canary");
    let notes = sources.notes();
    let maps: Vec<_> = notes.iter().filter(|note| note.contains("configmap istio")).collect();
    assert_eq!(maps.len(), 1, "{notes:?}");
    assert!(maps[0].starts_with("Not allowed to get configmap istio-secret "), "{notes:?}");
}

#[test]
fn of_an_api_server_that_is_gone() {
    let gone = crate::cluster::finish(async {
        let (mut cluster, target) = cluster(vec![]);
        let closed = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let config = kube::Config::new(format!("http://{closed}").parse()?);
        cluster.client = kube::Client::try_from(config)?;
        Ok(of_cluster(&cluster, &[target]).await)
    });
    let notes = gone.unwrap().notes();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].contains("connection refused"), "{notes:?}");
}

#[test]
fn a_service_is_of_the_pods_that_it_selects() {
    let service = |name: &str, namespace: &str, selector: Value| json!({"metadata": {"name": name, "namespace": namespace}, "spec": {"selector": selector}});
    let services = [
        service("catalog", "shop", json!({"app": "catalog"})),
        service("catalog-v1", "shop", json!({"app": "catalog", "version": "v1"})),
        service("outside", "shop", Value::Null),
        service("catalog", "other", json!({"app": "catalog"})),
    ];
    let labels = [("app", "catalog"), ("version", "v2")];
    let labels: BTreeMap<_, _> =
        labels.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let target = Target { namespace: "shop".into(), labels, ..Target::default() };
    assert_eq!(selecting(&services, &[target]), [Host::of("catalog", Some("shop"))]);
}

/// What is listed is what the documented ClusterRole grants.
#[test]
fn the_documented_role_is_what_is_asked() {
    let documented = include_str!("../../../../docs/rbac.yaml");
    let role = documented.split("\n---\n").find(|role| role.contains("name: meshsniff-timeouts"));
    let granted = role.unwrap().split("- apiGroups:").skip(1).flat_map(|rule| {
        let quoted = |line: &str| -> Vec<String> {
            line.split('"').skip(1).step_by(2).map(str::to_owned).collect()
        };
        let lines: Vec<&str> = rule.lines().collect();
        let group = quoted(lines[0]).remove(0);
        quoted(lines[1]).into_iter().map(move |plural| format!("{plural}.{group}"))
    });
    let granted: BTreeSet<String> = granted.collect();
    let asked = RESOURCES.iter().map(Resource::name);
    let core = ["services.", "configmaps."].map(str::to_owned);
    assert_eq!(granted, asked.chain(core).collect());
}
