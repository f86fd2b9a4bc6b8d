//! `analyze --slow`: which pod is slow, from captures of a mesh.

mod support;

use std::path::{Path, PathBuf};

use serde_json::Value;
use support::*;

const SLOW: &str = "catalog-v2-78564fc9fd-qrpht";
const FAST: [&str; 2] = ["catalog-v1-558bb578bd-45bx9", "catalog-v1-558bb578bd-z4fjj"];

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/slow").join(name)
}

fn pod(name: &str) -> PathBuf {
    data(&format!("{name}.pcap.zst"))
}

/// `analyze --slow` on these files.
fn slow(files: &[PathBuf], args: &[&str]) -> Said {
    let (last, first) = files.split_last().unwrap();
    let mut all: Vec<&str> = vec!["--slow"];
    all.extend(first.iter().map(|file| file.to_str().unwrap()));
    all.extend(args);
    analyze(last, &all)
}

#[test]
fn the_slow_pod_of_three_is_named() {
    // A second begins with the first request, in which files in ns and in µs differ.
    let files = [pod(FAST[0]), pod(SLOW), pod(FAST[1])].to_vec();
    let cases =
        [(vec![data("three-pods.pcapng.zst")], "104 of its 124"), (files, "103 of its 123")];
    for (files, count) in cases {
        let said = slow(&files, &[]);
        assert_eq!((said.code, said.err.as_str()), (3, ""), "{}", said.out);
        let first = said.out.lines().next().unwrap();
        assert!(first.contains(SLOW) && first.ends_with("is slow."), "{first}");
        let why = said.out.lines().nth(1).unwrap();
        assert!(why.contains(&format!("{count} requests reached the limit")), "{why}");
        assert!(why.contains("give up (500 ms); 0 would have on the other pods"), "{why}");
        let rows: Vec<&str> =
            said.out.lines().skip_while(|line| !line.starts_with("  pod")).collect();
        assert!(rows[1].contains(SLOW) && rows.len() == 4, "{rows:?}");
    }
}

#[test]
fn healthy_pods_are_not_and_one_pod_is_not_enough() {
    let healthy = slow(&FAST.map(pod), &[]);
    assert_eq!(healthy.code, 0, "{}", healthy.out);
    assert!(
        healthy.out.starts_with("No pod stands out: 251 requests on 2 pods"),
        "{}",
        healthy.out
    );
    let alone = slow(&[pod(SLOW)], &[]);
    assert_eq!(alone.code, 5, "{}", alone.out);
    assert!(alone.out.starts_with(&format!("Only {SLOW} had requests;")), "{}", alone.out);
}

#[test]
fn the_manifest_with_its_timeout_is_named() {
    let file = scratch("slow-vs.yaml");
    let manifest = "{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: catalog, \
        namespace: shop}, spec: {hosts: ['*'], http: [{timeout: 0.5s}]}}";
    std::fs::write(&file, manifest).unwrap();
    let said = slow(&[data("three-pods.pcapng.zst")], &["--config", file.to_str().unwrap()]);
    assert!(
        said.out.contains("VirtualService shop/catalog (spec.http[0].timeout)"),
        "{}",
        said.out
    );
}

#[test]
fn the_document_is_as_its_schema_says() {
    let schema: Value =
        serde_json::from_str(include_str!("../../docs/schema/slow.v1.json")).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let cases = [
        (vec![pod(FAST[0]), pod(SLOW)], "slow"),
        (FAST.map(pod).to_vec(), "none"),
        (vec![pod(SLOW)], "not_enough"),
    ];
    for (files, answer) in cases {
        for format in ["json", "jsonl"] {
            let said = slow(&files, &["-o", format]);
            let document: Value = serde_json::from_str(&said.out).unwrap();
            if let Err(error) = schema.validate(&document) {
                panic!("{error} at {}: {document:#}", error.instance_path());
            }
            assert_eq!(document["answer"], answer);
            assert_eq!(document["pods"].as_array().unwrap().len(), files.len());
            let named = document["slow"].as_array().unwrap();
            assert_eq!(named.len(), usize::from(answer == "slow"));
            assert!(named.iter().all(|one| one["pod"] == SLOW && one["given_up"] == 98));
        }
    }
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_and_the_rest_is_judged() {
    let absent = pod("absent");
    let said = slow(&[pod(FAST[0]), absent, pod(SLOW)], &[]);
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.err.contains("absent.pcap.zst: there is no such file"), "{}", said.err);
    assert!(said.out.contains(&format!("{SLOW} is slow")), "{}", said.out);
}

#[test]
fn captures_of_different_times_are_said_to_be() {
    let mut captures = [0, 60_000].map(|begin| {
        let mut capture = Capture::new();
        for place in 0..40 {
            let request = "GET /items HTTP/1.1\r\nHost: shop\r\n\r\n";
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
            capture.answered(begin + place * 500, 20, 40_000 + place as u16, request, answer);
        }
        capture
    });
    let files = ["morning.pcap", "evening.pcap"].map(scratch);
    for (file, capture) in files.iter().zip(&mut captures) {
        std::fs::write(file, &capture.bytes).unwrap();
    }
    let said = slow(&files, &[]);
    assert!(said.out.contains("were not made at the same time"), "{}", said.out);
    assert!(!said.out.contains("is slow"), "{}", said.out);
}

#[test]
fn a_limit_stands_for_clients_that_never_give_up() {
    let capture = |slow: u64| {
        let mut capture = Capture::new();
        for place in 0..60 {
            let request = "GET /items HTTP/1.1\r\nHost: shop\r\n\r\n";
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
            let after = if place % 3 == 0 { slow } else { 20 };
            capture.answered(place * 500, after, 40_000 + place as u16, request, answer);
        }
        let file = scratch(&format!("limit-{slow}.pcap"));
        std::fs::write(&file, &capture.bytes).unwrap();
        file
    };
    // All alike a third takes 400 ms: only who says that this is too long is told so.
    let files = [capture(400), capture(401)];
    assert_eq!(slow(&files, &[]).code, 0);
    let said = slow(&files, &["--limit", "300ms"]);
    assert_eq!(said.code, 4, "{}", said.out);
    assert!(
        said.out.contains(
            "All pods are slow alike: 40 of 120 requests were given up or reached the limit"
        ),
        "{}",
        said.out
    );
}
