//! The ways to a cluster that kubectl knows, each of which captures or says why it does not.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::case::{Case, shared};
use crate::plugin::{Running, Said};
use crate::proxy::Proxy;
use crate::user::User;

const CAPTURE: [&str; 6] = ["pod", "busy", "--duration", "2s", "-o", "jsonl"];

/// A file for this case alone.
fn file(case: &Case<'_>, name: &str, content: &str) -> PathBuf {
    let name = format!("{}-{name}", case.namespace.name);
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, content).expect("a file");
    path
}

/// The user's configuration after a change.
fn changed(case: &Case<'_>, name: &str, change: impl Fn(&mut Value)) -> User {
    let mut config = config(&case.user);
    change(&mut config);
    case.user.with(file(case, name, &config.to_string()))
}

fn config(user: &User) -> Value {
    let text = std::fs::read_to_string(&user.kubeconfig).expect("a configuration");
    serde_json::from_str(&text).expect("JSON")
}

#[track_caller]
fn captures(case: &Case<'_>, user: &User, args: &[&str]) {
    captured(case, &case.cluster.meshsniff(user, &[&CAPTURE, args].concat()));
}

#[track_caller]
fn captured(case: &Case<'_>, said: &Said) {
    assert!(said.exchanges().len() > 10, "{}", said.err);
    case.told(said, 0, &[]);
}

#[test]
fn through_proxies() {
    let Some(cluster) = shared() else { return };
    let case = Case::new(&cluster, "proxies");
    let proxy = Proxy::start();
    for scheme in ["socks5", "http"] {
        let url = format!("{scheme}://{}", proxy.address);
        let user = changed(&case, scheme, |config| {
            config["clusters"][0]["cluster"]["proxy-url"] = json!(url);
        });
        captures(&case, &user, &[]);
        assert!(proxy.connections() > 0, "{scheme} in the kubeconfig");
        captures(&case, &case.user, &["--proxy-url", &url]);
        assert!(proxy.connections() > 0, "{scheme} as a flag");
        let mut command = cluster.command(&case.user, &CAPTURE);
        command.env("HTTPS_PROXY", &url).env_remove("NO_PROXY").env_remove("no_proxy");
        captured(&case, &Running::start(command).end(Duration::from_secs(60)));
        assert!(proxy.connections() > 0, "{scheme} in the environment");
    }
    for scheme in ["socks5", "http", "gopher"] {
        let url = format!("{scheme}://127.0.0.1:1");
        let said = case.run(&[&CAPTURE[..], &["--proxy-url", &url]].concat());
        case.told(&said, 1, &["proxy"]);
    }
}

#[test]
fn several_files_contexts_and_flags() {
    let Some(cluster) = shared() else { return };
    let case = Case::new(&cluster, "files");
    let config = config(&case.user);
    let only = |names: &[&str]| {
        let mut part = json!({"apiVersion": "v1", "kind": "Config"});
        for name in names {
            part[name] = config[name].clone();
        }
        part.to_string()
    };
    let one = file(&case, "one", &only(&["clusters", "current-context"]));
    let two = file(&case, "two", &only(&["users", "contexts"]));
    let none = Path::new("/nonexistent/config");
    let list = std::env::join_paths([none, &one, &two]).expect("a list");
    let several = case.user.with(list.into());
    captures(&case, &several, &[]);
    let context = config["current-context"].as_str().unwrap_or_default();
    captures(&case, &several, &["--context", context]);
    let said = cluster.meshsniff(&several, &["pod", "busy", "--context", "nope"]);
    case.told(&said, 1, &["no context \"nope\"", context]);

    // Without a file: address, token and certificate.
    let nobody = case.user.with("/nonexistent/config".into());
    let server = config["clusters"][0]["cluster"]["server"].as_str().unwrap_or_default();
    let token = config["users"][0]["user"]["token"].as_str().unwrap_or_default();
    let said = cluster.meshsniff(&nobody, &["pod", "busy"]);
    case.told(&said, 1, &["no kubeconfig"]);
    let flags = ["-s", server, "--token", token, "-n", &case.namespace.name];
    let trust = [&flags[..], &["--insecure-skip-tls-verify"]].concat();
    captures(&case, &nobody, &trust);
    let said = cluster.meshsniff(&nobody, &[&["pod", "busy"], &flags[..]].concat());
    case.told(&said, 1, &["certificate"]);

    // As somebody else, and what that one may not.
    let account = format!("system:serviceaccount:{}:{}", case.namespace.name, case.user.name);
    let flags = ["--as", &account, "-n", &case.namespace.name];
    captures(&case, &User::administrator(&cluster), &flags);
    let said = case.run(&["pod", "busy", "--as", "jane"]);
    case.told(&said, 1, &["may not impersonate"]);
}

#[test]
fn credential_plugins() {
    let Some(cluster) = shared() else { return };
    let case = Case::new(&cluster, "exec");
    let token = config(&case.user)["users"][0]["user"]["token"].clone();
    let calls = file(&case, "calls", "");
    let credential = |until: &str| {
        json!({
            "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
            "status": {"token": token, "expirationTimestamp": until},
        })
    };
    let script = |name: &str, text: String| {
        let path = file(&case, name, &text);
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&path, executable).expect("executable");
        path.to_string_lossy().into_owned()
    };
    let with = |name: &str, command: &str| {
        changed(&case, name, |config| {
            config["users"][0]["user"] = json!({"exec": {
                "apiVersion": "client.authentication.k8s.io/v1", "command": command,
                "interactiveMode": "Never",
            }});
        })
    };
    let good = credential("2100-01-01T00:00:00Z");
    let calls = calls.display();
    let good = script("good", format!("#!/bin/sh\necho >>{calls}\ncat <<E\n{good}\nE\n"));
    captures(&case, &with("with-good", &good), &[]);
    let bad = script("bad", "#!/bin/sh\necho 'please log in' >&2; exit 1\n".into());
    let said = cluster.meshsniff(&with("with-bad", &bad), &["pod", "busy"]);
    case.told(&said, 1, &["credential plugin", "please log in"]);
    let said = cluster.meshsniff(&with("with-none", "/nonexistent/plugin"), &["pod", "busy"]);
    case.told(&said, 1, &["credential plugin", "Is it installed"]);

    // One whose tokens are short-lived is asked again.
    let before = std::fs::read_to_string(calls.to_string()).expect("calls").lines().count();
    let expired = credential("2020-01-01T00:00:00Z");
    let short = script("short", format!("#!/bin/sh\necho >>{calls}\ncat <<E\n{expired}\nE\n"));
    captures(&case, &with("with-short", &short), &[]);
    let after = std::fs::read_to_string(calls.to_string()).expect("calls").lines().count();
    assert!(after > before + 1, "{before} {after}");
}

#[test]
fn tokens_of_openid_connect() {
    let Some(cluster) = shared() else { return };
    let case = Case::new(&cluster, "oidc");
    // The service account's token is a JWT as an identity provider would give it.
    let token = config(&case.user)["users"][0]["user"]["token"].clone();
    let with = |name: &str, token: &Value| {
        changed(&case, name, |config| {
            config["users"][0]["user"] = json!({"auth-provider": {"name": "oidc", "config": {
                "client-id": "me", "id-token": token, "idp-issuer-url": "https://127.0.0.1:1",
            }}});
        })
    };
    captures(&case, &with("valid", &token), &[]);
    let said = cluster.meshsniff(&with("expired", &json!(EXPIRED)), &["pod", "busy"]);
    case.told(&said, 1, &["cannot get credentials"]);
}

/// Its `exp` is in 2001.
const EXPIRED: &str = "eyJhbGciOiJub25lIn0.eyJleHAiOjEwMDAwMDAwMDB9.x";

#[test]
fn kubectl_finds_it_and_completes_its_words() {
    let Some(cluster) = shared() else { return };
    let case = Case::new(&cluster, "kubectl");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(&case.namespace.name);
    std::fs::create_dir_all(&folder).expect("a folder");
    for name in ["kubectl-meshsniff", "kubectl_complete-meshsniff"] {
        let _ =
            std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_kubectl-meshsniff"), folder.join(name));
    }
    let kubectl = |args: &[&str]| {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command: Command = cluster.kubectl_command(&[]);
        let program = command.get_program().to_owned();
        command = Command::new(program);
        crate::cluster::direct(&mut command);
        let output = command
            .args(args)
            .env("PATH", format!("{}:{path}", folder.display()))
            .env("KUBECONFIG", &case.user.kubeconfig)
            .output()
            .expect("kubectl starts");
        (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code())
    };
    let (out, code) = kubectl(&[&["meshsniff"], &CAPTURE[..]].concat());
    assert!(out.lines().count() > 10, "{out}");
    assert_eq!(code, Some(0));
    for (line, wanted) in [
        (&["meshsniff", "pod", "bu"][..], "busy"),
        (&["meshsniff", "pod", "-n", &case.namespace.name, "pod/b"], "pod/busy"),
        (&["meshsniff", "pod", "busy", "-c", "cl"], "client"),
        (&["meshsniff", "pod", "-l", "app"], "app=busy"),
        (&["meshsniff", "ch"], "check"),
        (&["meshsniff", "pod", "--least"], "--least-privilege"),
    ] {
        let (out, _) = kubectl(&[&["__complete"], line].concat());
        let words: Vec<&str> = out.lines().filter_map(|line| line.split('\t').next()).collect();
        let all = words.join("\n");
        assert!(all.contains(wanted), "{line:?}: {out}");
    }
    case.clean();
}
