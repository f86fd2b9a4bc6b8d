//! `serve` and `relay` between real network namespaces and a reader that breaks off.

mod support;

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use support::pod::{Pod, Serve, inside, possible};
use support::{AGENT, Frame, talk};

const PACKETS: [&str; 2] = ["--send", "packets"];
const EXCHANGES: [&str; 2] = ["--send", "exchanges"];

fn payloads(frames: &[Frame], interface: u32) -> Vec<u8> {
    let of = frames.iter().filter(|frame| frame.interface == interface);
    of.flat_map(|frame| frame.payload().to_vec()).collect()
}

#[test]
fn each_target_has_its_interface() {
    if !possible() {
        return;
    }
    let (one, two) = (Pod::new(), Pod::new());
    let serve = Serve::start(&[one.target("shop/one"), two.target("shop/two")], &PACKETS);
    let mut relay = serve.relay(0);
    one.inside(|| talk(b"to one", b"from one"));
    two.inside(|| talk(b"to two", b"from two"));
    relay.until(|all| payloads(&all.packets().packets, 1).ends_with(b"from two"));
    relay.say("stop");
    let (code, brought, words) = relay.end();
    assert_eq!((code, &*words, brought.whole), (Some(0), "", true));
    assert_eq!(brought.first["next"], 0);
    assert_eq!(brought.first["send"], "packets");
    assert_eq!(brought.first["refused"], serde_json::json!([]));
    let packets = brought.packets();
    assert_eq!(packets.interfaces, ["shop/one:lo", "shop/two:lo"]);
    assert_eq!(payloads(&packets.packets, 0), b"to onefrom one");
    assert_eq!(payloads(&packets.packets, 1), b"to twofrom two");
    let mut ended: Vec<_> = packets.statistics.iter().filter(|s| s.ended).collect();
    ended.sort_by_key(|last| last.interface);
    assert_eq!(ended.iter().map(|last| last.interface).collect::<Vec<_>>(), [0, 1]);
    for last in ended {
        let count = packets.packets.iter().filter(|p| p.interface == last.interface).count();
        assert_eq!((last.delivered, last.refused), (Some(count as u64), Some(0)));
    }
}

#[test]
fn a_broken_relay_is_taken_up_where_it_was() {
    if !possible() {
        return;
    }
    let pod = Pod::new();
    let serve = Serve::start(&[pod.target("shop/a")], &PACKETS);
    let mut all = Vec::new();
    let broken = AtomicBool::new(false);
    // Ends also where the breaks below fail.
    let given_up = Instant::now() + Duration::from_secs(60);
    let connections = thread::scope(|threads| {
        let traffic = threads.spawn(|| {
            let mut connections = 0u32;
            while !broken.load(Relaxed) && Instant::now() < given_up {
                pod.inside(|| talk(&connections.to_le_bytes(), &[b'x'; 3000]));
                connections += 1;
            }
            connections as usize
        });
        for enough in [1, 50, 90, 200, 130] {
            let relay = serve.relay(all.len() as u64);
            relay.until(|some| some.packets().packets.len() >= enough);
            let brought = relay.kill();
            assert_eq!(
                (&brought.first["next"], &brought.first["lost"]),
                (&all.len().into(), &0.into())
            );
            all.extend(brought.packets().packets);
        }
        broken.store(true, Relaxed);
        traffic.join().unwrap()
    });
    let mut relay = serve.relay(all.len() as u64);
    relay.say("stop");
    let (code, brought, _) = relay.end();
    assert_eq!(code, Some(0));
    let last = brought.packets();
    all.extend(last.packets);
    let last = last.statistics.iter().find(|last| last.ended).unwrap();
    let (count, none) = (Some(all.len() as u64), Some(0));
    assert_eq!((last.received, last.delivered), (count, count));
    assert_eq!((last.refused, last.dropped), (none, none));
    assert!(all.is_sorted_by_key(|frame| frame.nanos), "none twice, none in another place");
    assert_eq!(payloads(&all, 0).len(), connections * 3004);
}

#[test]
fn what_was_acknowledged_is_gone_and_counted() {
    if !possible() {
        return;
    }
    let pod = Pod::new();
    let serve = Serve::start(&[pod.target("shop/a")], &PACKETS);
    let mut relay = serve.relay(0);
    pod.inside(|| talk(b"request", b"answer"));
    let have = relay.until(|all| payloads(&all.packets().packets, 0).ends_with(b"answer"));
    let have = have.packets().packets.len() as u64;
    relay.say(&(have - 2).to_string());
    thread::sleep(Duration::from_millis(300));
    relay.kill();
    let relay = serve.relay(1);
    let first = relay.until(|_| true).first;
    assert_eq!((&first["next"], &first["lost"]), (&(have - 2).into(), &(have - 3).into()));
}

#[test]
fn a_full_queue_counts_what_it_refuses() {
    if !possible() {
        return;
    }
    let pod = Pod::new();
    let serve = Serve::start(&[pod.target("shop/a")], &["--send", "packets", "--queue", "1"]);
    // It reads, and never says that it received.
    let mut relay = serve.relay(0);
    pod.inside(|| {
        // The pod does not wait for the capture.
        for _ in 0..4 {
            talk(b"request", &vec![b'x'; 1 << 20]);
        }
    });
    relay.say("stop");
    let (code, brought, _) = relay.end();
    assert_eq!(code, Some(0));
    let packets = brought.packets();
    let last = packets.statistics.iter().find(|last| last.ended).unwrap();
    let (delivered, refused) = (last.delivered.unwrap(), last.refused.unwrap());
    assert_eq!(delivered, packets.packets.len() as u64);
    assert!(refused > 20, "{refused} refused");
    assert_eq!(last.received, Some(delivered + refused));
}

#[test]
fn what_is_acknowledged_makes_room() {
    if !possible() {
        return;
    }
    let pod = Pod::new();
    let serve = Serve::start(&[pod.target("shop/a")], &["--send", "packets", "--queue", "4"]);
    let mut relay = serve.relay(0);
    for _ in 0..8 {
        pod.inside(|| talk(b"request", &vec![b'x'; 1 << 20]));
        thread::sleep(Duration::from_millis(300));
        let have = relay.so_far().packets().packets.len();
        relay.say(&have.to_string());
    }
    relay.say("stop");
    let (_, brought, _) = relay.end();
    let packets = brought.packets();
    assert_eq!(packets.statistics.last().unwrap().refused, Some(0));
    // A busy machine sends a segment twice.
    assert!(payloads(&packets.packets, 0).len() >= 8 * ((1 << 20) + 7));
}

#[test]
fn without_a_sign_of_life_it_leaves() {
    if !possible() {
        return;
    }
    let pod = Pod::new();
    let begun = Instant::now();
    let serve =
        Serve::start(&[pod.target("shop/a")], &["--send", "packets", "--patience", "1500ms"]);
    let mut relay = serve.relay(0);
    thread::sleep(Duration::from_millis(700));
    relay.say("0");
    assert_eq!(serve.end(), Some(1));
    let lived = begun.elapsed();
    assert!((2200..4000).contains(&lived.as_millis()), "{lived:?}");
    let (code, brought, words) = relay.end();
    assert_eq!((code, brought.whole), (Some(1), false), "an end that was not complete shows");
    assert!(words.contains("before it had sent everything"), "{words}");
}

#[test]
fn a_relay_ends_with_its_stdin() {
    if !possible() {
        return;
    }
    let pod = Pod::new();
    let serve = Serve::start(&[pod.target("shop/a")], &PACKETS);
    let mut relay = serve.relay(0);
    relay.until(|_| true);
    drop(relay.stdin.take());
    assert_eq!(relay.end().0, Some(1));
    // What is left of the capture goes on.
    serve.relay(0).until(|_| true);
}

#[test]
fn it_leaves_when_all_is_taken() {
    if !possible() {
        return;
    }
    let pod = Pod::new();
    let serve = Serve::start(&[pod.target("shop/a")], &["--send", "packets", "--count", "7"]);
    let mut relay = serve.relay(0);
    pod.inside(|| talk(b"request", b"answer"));
    relay.until(|all| all.packets().packets.len() == 7);
    // All there is: the end comes after it.
    relay.say("7");
    let (code, brought, _) = relay.end();
    assert_eq!((code, brought.packets().packets.len()), (Some(0), 7));
    let begun = Instant::now();
    assert_eq!(serve.end(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_target_that_is_gone_ends_with_a_sentence() {
    if !possible() {
        return;
    }
    let (mut one, two) = (Pod::new(), Pod::new());
    let targets = [one.target("shop/one"), "shop/none=pid:4194304".into(), two.target("shop/two")];
    let serve = Serve::start(&targets, &EXCHANGES);
    let mut relay = serve.relay(0);
    one.kill();
    let ended = |all: &support::pod::Brought, target: u64| {
        all.lines()
            .iter()
            .any(|line| line["target"].as_u64().unwrap_or(0) == target && line["ended"].is_string())
    };
    relay.until(|all| ended(all, 0) && ended(all, 1));
    two.inside(|| talk(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n"));
    relay.until(|all| all.lines().iter().any(|line| line["plain"].is_array()));
    relay.say("stop");
    let (code, brought, words) = relay.end();
    assert_eq!(code, Some(0));
    assert_eq!(brought.first["refused"], serde_json::json!([1]));
    assert!(words.contains("shop/one: the pod is gone"), "{words}");
    assert!(words.contains("shop/none: no process"), "{words}");
    assert!(!words.contains("shop/two"), "{words}");
    assert_eq!(brought.lines().last().unwrap()["end"], true);
}

fn ip(line: &str) -> bool {
    Command::new("ip").args(line.split(' ')).status().unwrap().success()
}

#[test]
fn a_pod_whose_containers_restart_is_still_captured() {
    if !possible() {
        return;
    }
    let mut pod = Pod::new();
    let network = pod.network();
    if !inside(&network, || ip("link add eth0 type veth peer name ve1")) {
        return support::skip("no interface can be made");
    }
    let serve = Serve::start(&[pod.target("shop/a")], &PACKETS);
    let relay = serve.relay(0);
    pod.kill();
    thread::sleep(Duration::from_millis(1500));
    inside(&network, || talk(b"request", b"answer"));
    relay.until(|all| payloads(&all.packets().packets, 0).ends_with(b"answer"));
    // The sandbox ends: the node takes its interfaces away.
    assert!(inside(&network, || ip("link del eth0")));
    let (code, _, words) = relay.end();
    assert_eq!(code, Some(0));
    assert!(words.contains("shop/a: the pod is gone"), "{words}");
}

#[test]
fn all_interfaces_of_a_target() {
    if !possible() {
        return;
    }
    let pod = Pod::new();
    let args = ["--send", "packets", "-i", "any", "-f", "tcp", "--snaplen", "96"];
    let serve = Serve::start(&[pod.target("shop/a")], &args);
    let mut relay = serve.relay(0);
    pod.inside(|| talk(b"request", &[b'x'; 5000]));
    thread::sleep(Duration::from_millis(300));
    relay.say("stop");
    let packets = relay.end().1.packets();
    assert_eq!(packets.interfaces, ["shop/a:any"]);
    assert!(packets.packets.iter().any(|frame| frame.original > 5000 && frame.bytes.len() == 96));
}

#[test]
fn no_thread_has_any_right() {
    if !possible() {
        return;
    }
    let (one, two) = (Pod::new(), Pod::new());
    for send in [PACKETS, EXCHANGES] {
        let serve = Serve::start(&[one.target("shop/one"), two.target("shop/two")], &send);
        let relay = serve.relay(0);
        relay.until(|_| true);
        for (process, wanted) in [(serve.child.id(), 3), (relay.child.id(), 2)] {
            let tasks = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
            let tasks: Vec<_> = tasks.map(|task| task.unwrap().path().join("status")).collect();
            assert_eq!(tasks.len(), wanted);
            for task in tasks {
                let status = std::fs::read_to_string(task).unwrap();
                for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
                    assert!(status.contains(&format!("{set}:\t0000000000000000\n")), "{status}");
                }
                assert!(status.contains("NoNewPrivs:\t1\n"), "{status}");
                assert!(status.contains("Seccomp:\t2\n"), "{status}");
                assert!(status.contains("Uid:\t65534\t65534\t65534\t65534\n"), "{status}");
                assert!(status.contains("Groups:\t \n"), "{status}");
            }
        }
    }
}

#[test]
fn strangers_at_the_socket_change_nothing() {
    if !possible() {
        return;
    }
    let pod = Pod::new();
    let serve = Serve::start(&[pod.target("shop/a")], &PACKETS);
    let relay = serve.relay(0);
    relay.until(|_| true);
    let socket = serve.dir().join("socket");
    let mut strangers = Vec::new();
    for words in [&b""[..], b"hello\n", b"stop\n", &[b'1'; 4096], b"\xff\xfe\n", b"-1\n", b"12"] {
        for _ in 0..3 {
            let mut stranger = UnixStream::connect(&socket).unwrap();
            let _ = stranger.write_all(words);
            strangers.push(stranger);
        }
    }
    pod.inside(|| talk(b"request", b"answer"));
    relay.until(|all| payloads(&all.packets().packets, 0).ends_with(b"answer"));
}

#[test]
fn the_pod_is_not_interrupted_by_any_thread() {
    if !possible() {
        return;
    }
    let pod = Pod::new();
    let serve = Serve::start(&[pod.target("shop/a")], &EXCHANGES);
    serve.relay(0).until(|_| true);
    let tasks = std::fs::read_dir(format!("/proc/{}/task", serve.child.id())).unwrap();
    for task in tasks {
        let stat = std::fs::read_to_string(task.unwrap().path().join("stat")).unwrap();
        let policy = stat.rsplit(')').next().unwrap().split_whitespace().nth(38).unwrap();
        assert_eq!(policy, "3", "SCHED_BATCH: {stat}");
    }
}

/// Processor time that a process took, in ticks of 10 ms.
fn ticks(process: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[test]
fn a_relay_that_does_not_read_costs_nothing() {
    if !possible() {
        return;
    }
    let pod = Pod::new();
    let serve = Serve::start(&[pod.target("shop/a")], &PACKETS);
    let mut relay = UnixStream::connect(serve.dir().join("socket")).unwrap();
    relay.write_all(b"0\n").unwrap();
    let mut random = 1u64;
    let noise = std::iter::repeat_with(|| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 56) as u8
    });
    let noise: Vec<u8> = noise.take(4 << 20).collect();
    pod.inside(|| talk(b"request", &noise));
    thread::sleep(Duration::from_millis(1500));
    let before = ticks(serve.child.id());
    thread::sleep(Duration::from_secs(2));
    let took = ticks(serve.child.id()) - before;
    assert!(took < 20, "{took} ticks in 2 s");
    // And whoever comes next gets it all.
    let relay = serve.relay(0);
    relay.until(|all| payloads(&all.packets().packets, 0).ends_with(&noise[noise.len() - 100..]));
}

#[test]
fn who_comes_last_gets_the_stream() {
    if !possible() {
        return;
    }
    let pod = Pod::new();
    let serve = Serve::start(&[pod.target("shop/a")], &PACKETS);
    let first = serve.relay(0);
    first.until(|_| true);
    let second = serve.relay(0);
    second.until(|_| true);
    assert_eq!(first.end().0, Some(1));
    pod.inside(|| talk(b"request", b"answer"));
    second.until(|all| payloads(&all.packets().packets, 0).ends_with(b"answer"));
}

#[test]
fn a_relay_without_a_capture_says_so() {
    let dir = std::env::temp_dir().join(format!("meshsniff-none-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    drop(std::os::unix::net::UnixListener::bind(dir.join("socket")).unwrap());
    let output = Command::new(AGENT)
        .args(["relay", "--dir"])
        .arg(&dir)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    std::fs::remove_dir_all(dir).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(words.contains("nothing captures here"), "{words}");
}
