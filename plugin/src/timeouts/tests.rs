//! Manifests as people write them, and what is said of them.

use std::time::Duration;

use super::*;

/// A timeout of which every gap is seen as it is.
pub(super) fn shown(millis: u64) -> InferredTimeout {
    let value = Duration::from_millis(millis);
    InferredTimeout { value, usual: true, low: value, high: value, count: 9 }
}

fn sources(text: &str) -> Sources {
    let mut sources = Sources::default();
    sources.read_text(text).unwrap();
    sources
}

/// What is said of a timeout of `GET /items` at this host.
fn said(manifests: &str, host: &str, millis: u64) -> String {
    sources(manifests).explain("GET /items", Some(host), &shown(millis)).sentence
}

const VIRTUAL_SERVICES: &str = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: catalog, namespace: shop}
spec:
  hosts: [catalog]
  http:
  - match:
    - uri: {prefix: /orders}
    timeout: 500ms
    route: [{destination: {host: catalog}}]
  - match:
    - uri: {prefix: /items}
      method: {exact: GET}
    timeout: 0.5s
    retries: {attempts: 2, perTryTimeout: 200ms}
    route: [{destination: {host: catalog, subset: v2}}]
  - timeout: 0s
    route: [{destination: {host: catalog}}]
---
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: {name: outside, namespace: gateways}
spec:
  hosts: [shop.example.com]
  gateways: [istio-system/public]
  http:
  - match: [{uri: {prefix: /shop}}]
    rewrite: {uri: /}
    timeout: 1m30s
    route: [{destination: {host: catalog.shop.svc.cluster.local}}]
";

#[test]
fn a_virtual_service() {
    let come = "The 500 ms come from VirtualService shop/catalog (spec.http[1].timeout).";
    for host in ["catalog", "catalog:9080", "catalog.shop", "catalog.shop.svc.cluster.local"] {
        assert_eq!(said(VIRTUAL_SERVICES, host, 500), come);
    }
    assert_eq!(
        said(VIRTUAL_SERVICES, "catalog", 200),
        "The 200 ms come from VirtualService shop/catalog (spec.http[1].retries.perTryTimeout, of \
         each try: a retry follows each give-up)."
    );
    let outside = "The 90 s come from VirtualService gateways/outside (spec.http[0].timeout).";
    assert_eq!(said(VIRTUAL_SERVICES, "shop.example.com", 90_000), outside);
    // From outside, the pods see the name that was asked for there.
    assert!(said(VIRTUAL_SERVICES, "catalog.shop", 90_000).contains("by the value alone"));
}

#[test]
fn the_services_of_the_pods_decide() {
    let mut sources = sources(VIRTUAL_SERVICES);
    sources.namespaces = vec!["shop".into()];
    sources.services = vec![Host::of("catalog", Some("shop"))];
    let explain = |host, millis| sources.explain("GET /items", host, &shown(millis)).sources;
    let found = explain(None, 495);
    assert_eq!(
        found,
        [TimeoutSource {
            kind: "VirtualService".into(),
            namespace: Some("shop".into()),
            name: "catalog".into(),
            field: "spec.http[1].timeout".into(),
            value: Duration::from_millis(500),
        }]
    );
    sources.services = vec![Host::of("basket", Some("shop"))];
    assert!(sources.explain("GET /items", None, &shown(500)).sources.is_empty());
}

/// What is sent to other services is none of these pods', whatever was asked for.
#[test]
fn a_rule_that_sends_elsewhere_is_not_theirs() {
    let all = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: all, namespace: gateways}
spec:
  hosts: ['*']
  http:
  - timeout: 0.5s
    route: [{destination: {host: other.shop.svc.cluster.local}}]
  - timeout: 0.7s
    route: [{destination: {host: catalog.shop.svc.cluster.local}}]
";
    let mut sources = sources(all);
    sources.namespaces = vec!["shop".into()];
    sources.services = vec![Host::of("catalog", Some("shop"))];
    let explain = |millis| sources.explain("GET /items", Some("shop.example.com"), &shown(millis));
    assert!(explain(500).sources.is_empty(), "{}", explain(500).sentence);
    let come = "The 700 ms come from VirtualService gateways/all (spec.http[1].timeout).";
    assert_eq!(explain(700).sentence, come);
}

/// No hosts are not all hosts.
#[test]
fn what_names_no_host_is_not_for_all() {
    let manifests = "
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: bucket, namespace: other}
spec:
  parentRefs: [{name: public}]
  rules:
  - timeouts: {request: 500ms}
    backendRefs: [{group: example.com, kind: Bucket, name: pictures}]
  - timeouts: {request: 500ms}
    filters: [{type: RequestRedirect, requestRedirect: {scheme: https}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: empty, namespace: other}
spec: {http: [{timeout: 0.5s}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: empty, namespace: other}
spec: {trafficPolicy: {connectionPool: {tcp: {connectTimeout: 500ms}}}}
";
    let mut sources = sources(manifests);
    let value = &shown(500);
    let said = sources.explain("GET /items", Some("catalog.shop"), value).sentence;
    assert!(said.contains("by the value alone, since no manifest"), "{said}");
    sources.services = vec![Host::of("catalog", Some("shop"))];
    assert!(sources.explain("GET /items", Some("catalog.shop"), value).sources.is_empty());
}

#[test]
fn without_a_host_the_value_decides_and_that_is_said() {
    let said = sources(VIRTUAL_SERVICES).explain("GET /items", None, &shown(500));
    assert_eq!(
        said.sentence,
        "The 500 ms may come from VirtualService shop/catalog (spec.http[1].timeout): by the value \
         alone, since the requests name no service."
    );
}

#[test]
fn a_manifest_for_another_host_is_named_as_such() {
    assert_eq!(
        said(VIRTUAL_SERVICES, "api.example.com", 500),
        "The 500 ms may come from VirtualService shop/catalog (spec.http[1].timeout): by the value \
         alone, since no manifest with it is for api.example.com."
    );
}

#[test]
fn several_are_all_named() {
    let rule = "
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: catalog, namespace: shop}
spec:
  host: catalog.shop.svc.cluster.local
  trafficPolicy:
    connectionPool:
      tcp: {connectTimeout: 505ms, maxConnections: 10}
      http: {idleTimeout: 1h}
    portLevelSettings:
    - port: {number: 9080}
      connectionPool: {http: {idleTimeout: 500ms}}
  subsets:
  - name: v2
    trafficPolicy: {connectionPool: {tcp: {idleTimeout: 7s, maxConnectionDuration: 9s}}}
";
    assert_eq!(
        said(&format!("{VIRTUAL_SERVICES}---{rule}"), "catalog", 500),
        "The 500 ms may come from VirtualService shop/catalog (spec.http[1].timeout) or \
         DestinationRule shop/catalog \
         (spec.trafficPolicy.portLevelSettings[0].connectionPool.http.idleTimeout, of connections, \
         not of requests or spec.trafficPolicy.connectionPool.tcp.connectTimeout: 505 ms, of \
         connections, not of requests)."
    );
    assert_eq!(
        said(rule, "catalog", 9000),
        "The 9 s may come from DestinationRule shop/catalog \
         (spec.subsets[0].trafficPolicy.connectionPool.tcp.maxConnectionDuration, of connections, \
         not of requests)."
    );
}

const GATEWAY: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: catalog
  namespace: shop
  annotations: {timeout.linkerd.io/response: 3s}
spec:
  parentRefs: [{kind: Service, group: '', name: catalog, port: 9080}]
  rules:
  - matches: [{path: {type: PathPrefix, value: /items}}]
    timeouts: {request: 2s, backendRequest: 750ms}
    backendRefs: [{name: catalog-v2, port: 9080}]
  - matches: [{path: {type: Exact, value: /orders}}]
    timeouts: {request: 4s}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata:
  name: stock
  namespace: shop
  annotations: {timeout.linkerd.io/request: 8s}
spec:
  hostnames: [stock.example.com]
  rules:
  - matches: [{method: {service: shop.Stock, method: Get}}]
    backendRefs: [{name: stock, namespace: store, port: 80}]
";

#[test]
fn routes_of_the_gateway_api() {
    assert_eq!(
        said(GATEWAY, "catalog.shop", 2000),
        "The 2 s come from HTTPRoute shop/catalog (spec.rules[0].timeouts.request)."
    );
    assert!(said(GATEWAY, "catalog", 750).contains("spec.rules[0].timeouts.backendRequest, of"));
    assert_eq!(
        said(GATEWAY, "catalog", 3000),
        "The 3 s come from HTTPRoute shop/catalog \
         (metadata.annotations[timeout.linkerd.io/response])."
    );
    assert!(said(GATEWAY, "catalog", 4000).starts_with("No manifest read has 4 s"));
    let value = &shown(8000);
    let mut sources = sources(GATEWAY);
    let explain = |sources: &Sources| {
        let host = Some("stock.example.com");
        sources.explain("gRPC shop.Stock/Get", host, value).sources.len()
    };
    assert_eq!(explain(&sources), 1);
    sources.services = vec![Host::of("stock", Some("store"))];
    assert_eq!(explain(&sources), 1);
    sources.services = vec![Host::of("catalog", Some("shop"))];
    assert_eq!(explain(&sources), 0);
}

const LINKERD: &str = "
apiVersion: linkerd.io/v1alpha2
kind: ServiceProfile
metadata: {name: catalog.shop.svc.cluster.local, namespace: shop}
spec:
  routes:
  - name: GET /items
    condition: {method: GET, pathRegex: /items}
    timeout: 300ms
  - name: PUT /items
    condition: {method: PUT, pathRegex: /items}
    timeout: 900ms
---
apiVersion: v1
kind: Service
metadata:
  name: basket
  namespace: shop
  annotations: {timeout.linkerd.io/request: 6s, other: '1'}
";

#[test]
fn linkerds() {
    let profile = "The 300 ms come from ServiceProfile shop/catalog.shop.svc.cluster.local \
                   (spec.routes[0].timeout).";
    assert_eq!(said(LINKERD, "catalog:9080", 300), profile);
    assert!(said(LINKERD, "catalog", 900).starts_with("No manifest read has 900 ms"));
    assert!(said(LINKERD, "basket", 6000).contains("Service shop/basket (metadata.annotations["));
}

#[test]
fn mesh_config_is_for_all() {
    let map = "
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |-
    connectTimeout: 10s
    defaultHttpRetryPolicy: {attempts: 1, perTryTimeout: 2.5s}
  meshNetworks: 'networks: {}'
";
    assert_eq!(
        said(map, "catalog", 10_000),
        "The 10 s may come from ConfigMap istio-system/istio (data.mesh.connectTimeout, of \
         connections, not of requests)."
    );
    assert!(said(map, "any.example.com", 2500).contains("perTryTimeout, of each try"));
}

#[test]
fn nothing_found_names_what_has_it_by_default() {
    assert_eq!(
        said(VIRTUAL_SERVICES, "catalog", 15_000),
        "No manifest read has 15 s for these requests; what has it by default: Envoy's route \
         timeout (Istio switches it off)."
    );
    assert_eq!(
        said("", "catalog", 437),
        "No manifest was found that could give the 437 ms, and nothing known has it by default: \
         perhaps the client's own code."
    );
    assert!(said("", "catalog", 29_000).contains("usually AWS API Gateway"));
}

#[test]
fn what_may_not_be_read_may_have_it() {
    let sources = Sources { partial: true, ..Sources::default() };
    let said = sources.explain("GET /items", None, &shown(500)).sentence;
    assert_eq!(said, "No manifest that could be read has 500 ms for these requests.");
}

/// 500 ms as a pod sees them whose callers begin to wait earlier.
fn below() -> InferredTimeout {
    let millis = Duration::from_millis;
    InferredTimeout { low: millis(455), high: millis(482), usual: false, ..shown(470) }
}

#[test]
fn a_value_above_what_the_pod_sees_may_be_it() {
    let explain = |manifests: &str| {
        sources(manifests).explain("GET /items", Some("catalog"), &below()).sentence
    };
    assert_eq!(
        explain(VIRTUAL_SERVICES),
        "The 470 ms may come from VirtualService shop/catalog (spec.http[1].timeout: 500 ms)."
    );
    // Another that is nearer is it.
    let both = VIRTUAL_SERVICES.replace("perTryTimeout: 200ms", "perTryTimeout: 475ms");
    assert_eq!(
        explain(&both),
        "The 470 ms come from VirtualService shop/catalog (spec.http[1].retries.perTryTimeout: 475 \
         ms, of each try: a retry follows each give-up)."
    );
}

#[test]
fn what_could_not_be_read_may_have_a_better_value() {
    let mut sources = sources(&VIRTUAL_SERVICES.replace("0.5s", "0.49s"));
    let of = |sources: &Sources, millis| {
        let timeout =
            RouteTimeout { route: "GET /items", host: Some("catalog"), timeout: shown(millis) };
        sources.origins(&[timeout])
    };
    sources.notes = vec!["Not allowed.".into()];
    assert!(of(&sources, 500).routes[0].sentence.contains(" come from"));
    assert!(of(&sources, 500).notes.is_empty());
    sources.partial = true;
    assert!(of(&sources, 500).routes[0].sentence.contains("may come from"));
    let exact = of(&sources, 490);
    assert!(exact.routes[0].sentence.starts_with("The 490 ms come from"), "{exact:?}");
    assert_eq!(exact.notes, ["Not allowed."]);
}

#[test]
fn lists_and_other_kinds() {
    let list = "
apiVersion: v1
kind: List
items:
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: catalog}
- apiVersion: networking.istio.io/v1
  kind: VirtualService
  metadata: {name: catalog}
  spec: {hosts: [catalog], http: [{timeout: 1.5s}]}
";
    assert_eq!(
        said(list, "catalog.any", 1500),
        "The 1.5 s come from VirtualService catalog (spec.http[0].timeout)."
    );
    assert_eq!(sources(list).read, 1);
}

#[test]
fn what_is_no_duration_is_noted_and_passed_over() {
    let odd = VIRTUAL_SERVICES.replace("0.5s", "soon");
    let sources = sources(&odd);
    assert_eq!(
        sources.notes(),
        ["VirtualService shop/catalog has no duration at spec.http[1].timeout: it is passed over."]
    );
    assert_eq!(sources.fields.list.len(), 3);
}

#[test]
fn files_that_are_something_else() {
    let refused = |text: &str| format!("{:#}", Sources::default().read_text(text).unwrap_err());
    assert_eq!(
        refused("kind: Pod\n---\nhosts: []\n"),
        "document 2: no object of Kubernetes: it has no kind"
    );
    assert!(refused("kind: List\nitems: [5]\n").starts_with("document 1: items[0]: no object"));
    let place = refused("kind: Pod\nspec: {{ .Values.x }}: [\n");
    assert!(place.contains("line 2"), "{place}");
    assert!(!place.contains('\n'), "{place}");
}
