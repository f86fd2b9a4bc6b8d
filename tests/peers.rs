//! Real clients and servers of HTTP/2, gRPC, WebSocket and TLS, with a real Envoy between them:
//! `tests/peers` makes each situation and captures it. What is said of the capture is compared with
//! what must be said, and with what the peers' own libraries and Envoy's log say.
//!
//! `MESHSNIFF_PEERS=DIR` reads captures that `tests/peers/peers.sh run DIR` made, instead of making
//! them.

mod support;
#[path = "peers/verdicts.rs"]
mod verdicts;

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use meshsniff::pairing::detail::{Grpc, grpc_status_name};
use meshsniff::pairing::{Exchange, Outcome, Side};
use meshsniff::problem::envoy_flags;
use serde_json::Value;
use support::mangle::Damage;
use support::{Frame, Report, analyse, load};
use verdicts::{GRPC, HTTP2, TLS, Verdicts, WEBSOCKET};

#[test]
fn grpc() {
    judge(GRPC);
}

#[test]
fn http2() {
    judge(HTTP2);
}

#[test]
fn websocket() {
    judge(WEBSOCKET);
}

#[test]
fn tls() {
    judge(TLS);
}

#[test]
fn every_situation_has_its_verdicts() {
    let Some(played) = played() else { return };
    let made: Vec<&str> = played.keys().map(String::as_str).collect();
    let mut judged: Vec<&str> = verdicts::all().map(|(name, ..)| *name).collect();
    judged.sort_unstable();
    assert_eq!(made, judged);
}

/// What a worse capture of the same traffic says is less, not something else.
#[test]
fn a_bad_capture_makes_no_false_verdict() {
    let Some(played) = played() else { return };
    let mut wrong = Vec::new();
    for (name, _, must) in verdicts::all() {
        let it = &played[*name];
        let frames = load(&it.capture);
        let mut look = |what: String, worse: &[Frame]| {
            let report = analyse(worse);
            let lies = report.exchanges.iter().filter(|said| {
                let is_right = must.iter().any(|must| is_among(must, &told(said)));
                !is_right && !is_less(said, &it.report)
            });
            wrong.extend(lies.map(|said| format!("{name} {what}: says {}", told(said))));
        };
        for seed in 1..=20 {
            let lossy = Damage { drop: 0.05, ..Damage::default() };
            look(format!("with 5 % lost, seed {seed}"), &lossy.to(&frames, seed));
            let disordered = Damage { reorder: 0.3, dup: 0.1, ..Damage::default() };
            look(format!("disordered, seed {seed}"), &disordered.to(&frames, seed));
        }
        for begin in 1..frames.len() {
            look(format!("begun at frame {}", begin + 1), &frames[begin..]);
            look(format!("ended at frame {begin}"), &frames[..begin]);
        }
    }
    assert!(wrong.is_empty(), "{} lies:\n{}", wrong.len(), wrong.join("\n"));
}

/// Whether it is the verdict on an exchange of the whole capture, or none.
fn is_less(said: &Exchange, whole: &Report) -> bool {
    if matches!(said.outcome, Outcome::Unknown | Outcome::InProgress) {
        return true;
    }
    // Of a refused connect whose RST was lost.
    if said.outcome == Outcome::ConnectTimeout && said.request.attempts == 1 {
        return true;
    }
    // An answer in HTTP/1 to something that was not captured: a ClientHello.
    if said.outcome == Outcome::Complete && said.request.method.is_none() {
        return true;
    }
    let path = |exchange: &Exchange| exchange.request.path.clone();
    let is_outcome = |real: Outcome| match (said.outcome, real) {
        // The packet with which the client left was lost, and the server, which had not read it, answered.
        (
            Outcome::Complete,
            Outcome::ClientRstStreamBeforeResponse | Outcome::ClientFinBeforeResponse,
        ) => true,
        (said, real) => said == real,
    };
    whole.exchanges.iter().any(|real| {
        (real.client, real.server, real.stream) == (said.client, said.server, said.stream)
            && is_outcome(real.outcome)
            && (said.by.is_none() || real.by == said.by)
            && (path(said).is_none() || path(said) == path(real))
    })
}

/// One situation: what is said of its capture, and what its peers saw.
struct Situation {
    report: Report,
    peers: Value,
    capture: PathBuf,
}

fn judge(verdicts: &Verdicts) {
    let Some(played) = played() else { return };
    let mut wrong = Vec::new();
    for (name, heard, must) in verdicts {
        let it = played.get(*name).unwrap_or_else(|| panic!("{name} was not made"));
        assert!(it.peers.to_string().contains(heard), "{name}: nobody heard {heard}: {}", it.peers);
        let said: Vec<String> = it.report.exchanges.iter().map(told).collect();
        wrong.extend(
            different(&said, must)
                .into_iter()
                .chain(
                    it.report
                        .exchanges
                        .iter()
                        .filter_map(|exchange| denied(exchange, it.peers.as_array().unwrap())),
                )
                .map(|words| format!("{name}: {words} ({})", it.capture.display())),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is said and must not be, and what is missing.
fn different(said: &[String], must: &[&str]) -> Vec<String> {
    let mut unsaid = must.to_vec();
    let mut wrong = Vec::new();
    for said in said {
        match unsaid.iter().position(|must| is_among(must, said)) {
            Some(place) => drop(unsaid.remove(place)),
            None => wrong.push(format!("says {said}")),
        }
    }
    wrong.extend(unsaid.iter().map(|must| format!("does not say {must}")));
    wrong
}

fn is_among(must: &str, said: &str) -> bool {
    must.split(" | ").any(|one| one == said)
}

/// An exchange in one line: the server's port, protocol, path or server name, outcome, who left,
/// status; gRPC's status, the close codes of client and server, the alert; the findings.
fn told(exchange: &Exchange) -> String {
    let what = exchange.tls().and_then(|tls| tls.sni.as_deref());
    let mut words = vec![
        exchange.server.port().to_string(),
        protocol(exchange),
        what.or(exchange.request.path.as_deref()).unwrap_or("-").to_owned(),
        exchange.outcome.name().to_owned(),
    ];
    if let Some(by) = exchange.by {
        words.push(format!("by {}", side(by)));
    }
    if let Some(response) = &exchange.response
        && exchange.websocket().is_none()
    {
        words.push(response.status.to_string());
    }
    if let Some(grpc) = exchange.grpc() {
        words.extend(grpc.status.map(status));
    }
    if let Some(stall) = exchange.http2().and_then(|http2| http2.stall)
        && stall.longest.as_millis() >= 300
    {
        let when = if stall.at_end { " at its end" } else { "" };
        words.push(format!("stalled by {}{when}", side(stall.reader)));
    }
    if let Some(websocket) = exchange.websocket() {
        let [client, server] = [&websocket.client, &websocket.server].map(|side| {
            let close = side.close.as_ref()?;
            let code = close.code.map_or("none".to_owned(), |code| code.to_string());
            Some(format!("{code} {}", close.reason).trim().to_owned())
        });
        let or = |close: Option<String>| close.unwrap_or_else(|| "-".to_owned());
        words.push(format!("{} / {}", or(client), or(server)));
    }
    if let Some(alert) = exchange.tls().and_then(|tls| tls.alert) {
        words.push(alert.description.map_or("hidden".to_owned(), |number| number.to_string()));
    }
    words.extend(exchange.findings.iter().map(|code| format!("#{}", code.name())));
    words.join(" ")
}

fn protocol(exchange: &Exchange) -> String {
    format!("{:?}", exchange.protocol).to_lowercase()
}

fn side(side: Side) -> &'static str {
    match side {
        Side::Client => "client",
        Side::Server => "server",
    }
}

/// As the gRPC documentation spells it.
fn status(code: u32) -> String {
    grpc_status_name(code).map_or(code.to_string(), str::to_owned)
}

/// What the peers say against it, if they do.
fn denied(exchange: &Exchange, peers: &[Value]) -> Option<String> {
    let said = told(exchange);
    let path = exchange.request.path.as_deref().unwrap_or_default();
    let of = |who: &'static str| peers.iter().filter(move |peer| peer["who"] == who);

    if let Some(websocket) = exchange.websocket() {
        let code = websocket.server.close.as_ref().map(|close| close.code.unwrap_or(1005));
        let received =
            of("client").map(|peer| &peer["received"]).find(|it| **it != Value::from(code))?;
        return Some(format!("says {said}, the client received {received}"));
    }
    if let Some(grpc) = exchange.grpc() {
        let mut calls = of("client")
            .filter(|peer| peer["port"] == exchange.server.port())
            .filter(|peer| peer["method"].as_str().is_some_and(|method| path.ends_with(method)))
            .peekable();
        if calls.peek().is_some() && !calls.any(|call| agrees(exchange.outcome, grpc, call)) {
            return Some(format!("says {said} {grpc:?}, the client saw {peers:?}"));
        }
    }
    let flags = envoy_flags(exchange)?;
    let from = exchange.client.to_string();
    let logged = of("envoy").find(|peer| peer["from"] == *from && peer["path"] == path)?;
    let logged = logged["flags"].as_str().filter(|flags| *flags != "-")?;
    let fits = flags.here.iter().chain(flags.caller).any(|flag| *flag == logged);
    (!fits).then(|| format!("says {said} {flags:?}, Envoy logged {logged}"))
}

/// Whether a client's library ended a call as it is said, be it in more words.
fn agrees(outcome: Outcome, grpc: &Grpc, call: &Value) -> bool {
    let message = grpc.message.as_deref().unwrap_or_default();
    let ended = grpc.status.is_none_or(|status| {
        // Of a call that the client gave up, the message is its own.
        call["grpc_status"] == status
            && (outcome != Outcome::Complete
                || call["message"].as_str().is_some_and(|said| said.contains(message)))
    });
    let said = if call["method"] == "Upload" { grpc.requests } else { grpc.responses };
    // One may have come that the client did not take any more.
    let messages = call["messages"]
        .as_u64()
        .is_none_or(|messages| [Some(messages), Some(messages + 1)].contains(&said));
    ended && messages
}

/// All situations, by name; `None`: there cannot be any here, and that was said.
fn played() -> Option<&'static BTreeMap<String, Situation>> {
    static PLAYED: OnceLock<Option<BTreeMap<String, Situation>>> = OnceLock::new();
    PLAYED.get_or_init(play).as_ref()
}

#[expect(clippy::disallowed_methods, reason = "how one names captures that are there")]
fn play() -> Option<BTreeMap<String, Situation>> {
    let directory = match env::var_os("MESHSNIFF_PEERS") {
        Some(directory) => PathBuf::from(directory),
        None => make()?,
    };
    let mut situations = BTreeMap::new();
    for entry in fs::read_dir(&directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let it: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            let capture = path.with_extension("pcap");
            let report = analyse(&load(&capture));
            let peers = it["peers"].clone();
            let name = it["situation"].as_str().unwrap().to_owned();
            situations.insert(name, Situation { report, peers, capture });
        }
    }
    Some(situations)
}

/// Makes them, in this folder.
fn make() -> Option<PathBuf> {
    let script = support::root().join("tests/peers/peers.sh");
    let possible = Command::new(&script).arg("possible").output().unwrap();
    if !possible.status.success() {
        skip(String::from_utf8_lossy(&possible.stdout).trim());
        return None;
    }
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("peers");
    let _ = fs::remove_dir_all(&directory);
    let run = Command::new(&script).arg("run").arg(&directory).output().unwrap();
    let words = [run.stdout, run.stderr].concat();
    assert!(run.status.success(), "peers.sh run: {}", String::from_utf8_lossy(&words));
    Some(directory)
}

/// Says aloud that this did not happen. Where `CI` is set that is a failure.
#[expect(clippy::disallowed_methods, reason = "where nothing may be skipped")]
fn skip(why: &str) {
    assert!(env::var_os("CI").is_none(), "cannot be skipped here: {why}");
    let _ = writeln!(std::io::stderr(), "SKIPPED: real peers: {why}");
}
