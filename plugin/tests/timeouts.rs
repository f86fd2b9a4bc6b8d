//! `analyze --config`: the field that has the timeout that a capture shows.

mod support;

use std::path::{Path, PathBuf};

use support::*;

/// Give-ups after 500 ms, of requests for `catalog.demo.test`.
fn tutorial() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../captures/http1/tutorial-504.pcap")
}

const VIRTUAL_SERVICE: &str = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: catalog, namespace: shop}
spec:
  hosts: [catalog.demo.test]
  http: [{timeout: 0.5s, route: [{destination: {host: catalog}}]}]
";

/// A file with manifests.
fn manifests(name: &str, text: &str) -> String {
    let path = scratch(name);
    std::fs::write(&path, text).unwrap();
    path.to_string_lossy().into_owned()
}

#[test]
fn the_manifest_is_named_behind_the_sentence_with_the_timeout() {
    let file = manifests("vs.yaml", VIRTUAL_SERVICE);
    let plain = analyze(&tutorial(), &["--summary"]);
    let said = analyze(&tutorial(), &["--summary", "--config", &file]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let mut lines: Vec<&str> = said.out.lines().collect();
    assert!(lines[0].ends_with("a timeout of 500 ms."), "{}", lines[0]);
    assert_eq!(
        lines.remove(1),
        "  The 500 ms come from VirtualService shop/catalog (spec.http[0].timeout)."
    );
    assert_eq!(lines, plain.out.lines().collect::<Vec<_>>());
}

#[test]
fn in_the_summary_as_json() {
    let file = manifests("vs.yaml", VIRTUAL_SERVICE);
    for format in ["json", "jsonl"] {
        let said = analyze(&tutorial(), &["--summary", "-o", format, "--config", &file]);
        let value: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        let summary = value.get("summary").unwrap_or(&value);
        let route = &summary["routes"][0];
        assert_eq!(
            route["timeout_sources"],
            serde_json::json!([{
                "kind": "VirtualService", "namespace": "shop", "name": "catalog",
                "field": "spec.http[0].timeout", "value_ms": 500,
            }])
        );
        assert!(route["timeout_origin"].as_str().unwrap().starts_with("The 500 ms come from"));
        assert_eq!(summary["timeout_notes"], serde_json::json!([]));
    }
}

#[test]
fn several_files_and_none_that_has_it() {
    let pod = manifests("pod.json", r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {}}"#);
    let odd = VIRTUAL_SERVICE.replace("0.5s", "9x");
    let args = ["--summary", "--config", &pod, "--config", &manifests("odd.yaml", &odd)];
    let said = analyze(&tutorial(), &args);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(
        said.out.contains("  No manifest read has 500 ms for these requests, and nothing"),
        "{}",
        said.out
    );
    let note = "  VirtualService shop/catalog has no duration at spec.http[0].timeout";
    assert!(said.out.contains(note), "{}", said.out);
}

#[test]
fn of_a_proxy_that_answers_by_itself() {
    let capture = tutorial().with_file_name("outbound-caller.pcap");
    let file = manifests("vs.yaml", VIRTUAL_SERVICE);
    let said = analyze(&capture, &["--summary", "--config", &file]);
    let lines: Vec<&str> = said.out.lines().collect();
    assert!(lines[0].contains("answered by the proxy itself, with 504"), "{}", lines[0]);
    assert!(lines[1].contains("The 500 ms come from VirtualService shop/catalog"), "{}", lines[1]);
}

#[test]
fn nothing_is_said_where_no_timeout_shows() {
    let mut capture = Capture::new();
    capture.answered(0, 5, 1000, GET, OK);
    let file = manifests("vs.yaml", VIRTUAL_SERVICE);
    let capture = capture.save("well.pcap");
    let said = analyze(&capture, &["--config", &file]);
    assert_eq!(said.out, analyze(&capture, &[]).out);
}

#[test]
fn bad_files_are_named_with_the_place() {
    let refused = |file: &str| {
        let said = analyze(&tutorial(), &["--config", file]);
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{}", said.err);
        said.err
    };
    let error = refused("/nowhere/vs.yaml");
    assert!(error.starts_with("error: --config /nowhere/vs.yaml: No such file"), "{error}");
    let error = refused(&manifests("bad.yaml", "kind: VirtualService\nspec: [\n"));
    assert!(error.contains("bad.yaml: ") && error.contains("line 2"), "{error}");
    let error = refused(&manifests("other.yaml", "timeout: 1s\n"));
    assert!(error.contains("other.yaml: document 1: no object of Kubernetes"), "{error}");
    let error = refused(&tutorial().to_string_lossy());
    assert!(error.contains("tutorial-504.pcap: "), "{error}");
}

#[test]
fn a_name_cannot_speak_to_the_terminal() {
    let evil = VIRTUAL_SERVICE.replace("name: catalog", "name: \"c\\e[31m\"");
    let file = manifests("evil.yaml", &evil);
    for format in ["text", "json"] {
        let said = analyze(&tutorial(), &["-o", format, "--config", &file]);
        assert!(said.out.contains("VirtualService"), "{}", said.out);
        assert!(!said.out.replace('\n', "").contains(char::is_control), "{:?}", said.out);
    }
}
