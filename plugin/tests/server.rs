//! An API server of a few lines: what the plugin makes of answers that a real one gives seldom.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

/// What the plugin said.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

/// Answers GET of these paths with these statuses and objects, and everything else with 404, until
/// the test is over. Returns its address.
fn serve(answers: &[(&str, u16, Value)]) -> String {
    let answers: BTreeMap<String, (u16, Value)> = answers
        .iter()
        .map(|(path, code, object)| ((*path).to_owned(), (*code, object.clone())))
        .collect();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let line = lines.next().unwrap_or_default();
            let path = line.split(' ').nth(1).unwrap_or_default();
            let path = path.split('?').next().unwrap_or_default().to_owned();
            lines.by_ref().take_while(|line| !line.is_empty()).for_each(drop);
            let missing = (
                404,
                json!({"kind": "Status", "code": 404, "reason": "NotFound",
                "message": format!("{path} not found")}),
            );
            let (code, object) = answers.get(&path).unwrap_or(&missing);
            let body = object.to_string();
            let _ = write!(
                &stream,
                "HTTP/1.1 {code} x\r\nContent-Type: application/json\r\n\
                 Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    address
}

fn plugin(args: &[&str], kubeconfig: &str) -> Said {
    plugin_as(env!("CARGO_BIN_EXE_kubectl-meshsniff").into(), args, kubeconfig)
}

fn plugin_as(program: PathBuf, args: &[&str], kubeconfig: &str) -> Said {
    let output = Command::new(program)
        .args(args)
        .env("KUBECONFIG", kubeconfig)
        .env_remove("HTTPS_PROXY")
        .env_remove("https_proxy")
        .output()
        .unwrap();
    Said {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn scratch(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// A kubeconfig for that server, with namespace `shop`.
fn config(name: &str, server: &str) -> String {
    let file = scratch(name);
    let config = json!({
        "current-context": "dev",
        "contexts": [{"name": "dev", "context": {"cluster": "c", "user": "u", "namespace": "shop"}}],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": "t"}}]
    });
    std::fs::write(&file, config.to_string()).unwrap();
    file.to_str().unwrap().to_owned()
}

fn pods() -> Value {
    let pod = |name: &str, phase: &str, container: &str| {
        json!({"metadata": {"name": name, "namespace": "shop"},
            "spec": {"nodeName": "n", "containers": [{"name": container, "image": "i"}]},
            "status": {"phase": phase}})
    };
    json!({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": [
        pod("catalog-1", "Running", "istio-proxy"),
        pod("migrate-1", "Succeeded", "app"),
        pod("web-1", "Running", "app"),
    ]})
}

const PODS: &str = "/api/v1/namespaces/shop/pods";

fn refused(code: u16, reason: &str, message: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
        "reason": reason, "message": message})
}

#[test]
fn completion_offers_pods_that_run_and_marks_those_in_a_mesh() {
    let server = serve(&[(PODS, 200, pods())]);
    let completed = plugin(&["__complete", "check", ""], &config("list", &server));
    assert_eq!(completed.code, Some(0));
    let pods: Vec<&str> = completed.out.lines().filter(|line| line.contains("-1")).collect();
    assert_eq!(pods, ["catalog-1\tIstio sidecar", "web-1"]);
    assert!(completed.out.ends_with("\n:4\n"), "{}", completed.out);
}

#[test]
fn kubectl_finds_completion_by_the_name_of_a_link() {
    let link = scratch("kubectl_complete-meshsniff");
    let _ = std::fs::remove_file(&link);
    symlink(env!("CARGO_BIN_EXE_kubectl-meshsniff"), &link).unwrap();
    let server = serve(&[(PODS, 200, pods())]);
    let said = plugin_as(link, &["check", "-n", "shop", "ca"], &config("link", &server));
    assert_eq!(said.out, "catalog-1\tIstio sidecar\n:4\n");
}

#[test]
fn completion_is_silent_when_there_is_no_cluster() {
    let said = plugin(&["__complete", "check", ""], "/nowhere");
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (Some(0), ":4\n", ""));
}

#[test]
fn expired_credentials_are_told_from_missing_rights() {
    let expired = serve(&[("/version", 401, refused(401, "Unauthorized", "Unauthorized"))]);
    let said = plugin(&["check"], &config("expired", &expired));
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("does not accept these credentials"), "{}", said.err);

    let message = "jobs.batch is forbidden: User \"jane\" cannot list resource \"jobs\" in API \
                   group \"batch\" in the namespace \"shop\"";
    let jobs = "/apis/batch/v1/namespaces/shop/jobs";
    let server = serve(&[(jobs, 403, refused(403, "Forbidden", message))]);
    let said = plugin(&["clean", "-y"], &config("rights", &server));
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("jane may not list jobs.batch in namespace shop"), "{}", said.err);
    assert!(said.err.contains("Role meshsniff-clean"), "{}", said.err);
}

#[test]
fn an_api_server_that_is_not_there_is_named() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let address = format!("http://{free}");
    let said = plugin(&["check"], &config("gone", &address));
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains(&format!("{address}: cannot reach the API server")), "{}", said.err);
}

#[test]
fn several_kubeconfigs_are_merged_and_those_that_are_not_there_passed_over() {
    let server = serve(&[]);
    let first = scratch("first");
    std::fs::write(&first, "current-context: ''\nclusters: []\n").unwrap();
    let list = format!("/nowhere:{}:{}", first.display(), config("second", &server));
    let said = plugin(&["check", "--context", "prod"], &list);
    assert!(said.err.contains("no context \"prod\"; it has dev"), "{}", said.err);
    let said = plugin(&["clean", "-y"], &list);
    assert!(said.err.contains("/jobs not found"), "{}", said.err);
}

#[test]
fn without_a_kubeconfig_it_is_said_how_to_give_one() {
    let said = plugin(&["check"], "/nowhere");
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("give --kubeconfig FILE"), "{}", said.err);
}

#[test]
fn the_roles_need_no_cluster() {
    let said = plugin(&["check", "--rbac"], "/nowhere");
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.out.contains("kind: Role\n") && said.out.contains("kind: ClusterRole\n"));
}
