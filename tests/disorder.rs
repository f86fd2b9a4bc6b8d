//! The same packets in another order, or twice: what is said does not change.

mod support;

use support::mangle::Damage;
use support::talk::open;
use support::{Essence, Frame, analyse, assert_same, captures, load};

fn essence(frames: &[Frame]) -> Essence {
    analyse(frames).essence()
}

/// Every capture that is whole.
fn whole() -> Vec<(String, Vec<Frame>)> {
    captures()
        .into_iter()
        .filter(|path| {
            let name = path.to_str().unwrap();
            !["holes", "shuffled", "midstream", "lossy"].iter().any(|bad| name.contains(bad))
        })
        .map(|path| (path.display().to_string(), load(format!("captures/{}", path.display()))))
        .collect()
}

#[test]
fn every_packet_twice() {
    for (name, frames) in whole() {
        let twice: Vec<_> =
            frames.iter().flat_map(|frame| [frame.clone(), frame.clone()]).collect();
        assert_same(&essence(&twice), &essence(&frames), &name);
    }
}

#[test]
fn copies_a_little_later() {
    for (name, frames) in whole() {
        for seed in 0..10 {
            let damage = Damage { dup: 0.5, ..Damage::default() };
            assert_same(
                &essence(&damage.to(&frames, seed)),
                &essence(&frames),
                &format!("{name} seed {seed}"),
            );
        }
    }
}

#[test]
fn every_pair_of_neighbours_swapped() {
    for (name, frames) in whole() {
        let right = essence(&frames);
        if frames.len() > 200 {
            continue;
        }
        for at in 1..frames.len() {
            let mut swapped = frames.clone();
            swapped.swap(at - 1, at);
            assert_same(&essence(&swapped), &right, &format!("{name}: {at} before {}", at + 1));
        }
    }
}

/// The report as it is with a FIN and an answer that are captured in the wrong order: an answer is
/// told when it is whole, and if the FIN before it is captured after it, it was not yet known that
/// the client had closed its half. It took the answer either way. Likewise a redirected request
/// that is captured before everything of the other half goes to the proxy as far as one knows: the
/// servers' names are left out, and with them the order. Connections of HTTP/2 without any
/// request are left out, too: of one side alone its first packet decides what is told.
fn taken(frames: &[Frame]) -> Essence {
    let mut by_client = Essence::new();
    for ((client, _), lines) in essence(frames) {
        if lines.iter().all(|line| line.contains(": - - ")) {
            continue;
        }
        let lines = lines.into_iter().map(|line| {
            if line.contains(" half_close_ok ") {
                line.replace("half_close_ok", "complete").replace("Some(Client)", "None")
            } else {
                line
            }
        });
        by_client.entry((client, String::new())).or_default().extend(lines);
    }
    by_client.values_mut().for_each(|lines| lines.sort());
    by_client
}

/// A script moves packets by places, so some come seconds late where a capture is quiet. Then the
/// analysis does not wait for them, and says `unknown`: rarely, and never anything else. Of TLS whose
/// ClientHello comes so late it says nothing.
#[test]
fn captured_by_several_processors() {
    let (mut exchanges, mut unknown) = (0, 0);
    for (name, frames) in whole() {
        let right = taken(&frames);
        for seed in 0..10 {
            let damage = Damage { reorder: 0.3, ..Damage::default() };
            let mut said = taken(&damage.to(&frames, seed));
            for (connection, lines) in &mut said {
                exchanges += lines.len();
                for (at, line) in lines.iter_mut().enumerate() {
                    if line.contains(" unknown ") {
                        unknown += 1;
                        line.clone_from(&right[connection][at]);
                    }
                }
            }
            for (connection, lines) in &right {
                if lines.iter().all(|line| line.starts_with("- - - tls_")) {
                    said.entry(connection.clone()).or_insert_with(|| {
                        unknown += lines.len();
                        lines.clone()
                    });
                }
            }
            assert_same(&said, &right, &format!("{name} seed {seed}"));
        }
    }
    assert!(unknown * 200 < exchanges, "{unknown} of {exchanges} are unknown");
}

/// A body in segments that arrive in every order there is.
#[test]
fn segments_in_every_order() {
    let response = "HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\nabcdefghijklmno";
    let talk = open().client().sends("GET /a HTTP/1.1\r\n\r\n").then().server();
    let before = talk.clone().frames().len();
    let talk = talk.in_segments_of(response.len().div_ceil(6)).sends(response);
    let after = talk.clone().frames().len();
    let frames = talk.then().closes().frames();
    let mut order: Vec<usize> = (before..after).collect();
    assert_eq!(order.len(), 6);
    let mut tried = 0;
    permutations(&mut order, 0, &mut |order| {
        let mut shuffled = frames.clone();
        for (to, from) in (before..).zip(order) {
            shuffled[to] = frames[*from].clone();
        }
        let report = analyse(&shuffled);
        assert_eq!(report.brief(), ["GET /a 200 complete 0+15"], "{order:?}");
        assert_eq!(report.counts.gaps, 0, "{order:?}");
        tried += 1;
    });
    assert_eq!(tried, 720);
}

fn permutations(order: &mut [usize], from: usize, with: &mut impl FnMut(&[usize])) {
    if from == order.len() {
        return with(order);
    }
    for at in from..order.len() {
        order.swap(from, at);
        permutations(order, from + 1, with);
        order.swap(from, at);
    }
}
