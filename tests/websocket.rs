//! WebSockets after their upgrade, one small conversation a case.

mod support;

use meshsniff::pairing::{Exchange, Outcome, Protocol, Side};
use meshsniff::problem::Code;
use support::Report;
use support::talk::{Talk, open};

const UPGRADE: &str =
    "GET /live HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n";
const SWITCHES: &str =
    "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n";

/// A frame, masked or not.
fn frame(first: u8, payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
    let mut frame = vec![first];
    let bit = if mask.is_some() { 0x80 } else { 0 };
    match payload.len() {
        len @ ..126 => frame.push(bit | len as u8),
        len => {
            frame.push(bit | 126);
            frame.extend((len as u16).to_be_bytes());
        }
    }
    frame.extend(mask.iter().flatten());
    let mask = mask.unwrap_or_default();
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// A client's frame.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    frame(first, payload, Some([0x37, 0xfa, 0x21, 0x3d]))
}

/// A server's frame.
fn plain(first: u8, payload: &[u8]) -> Vec<u8> {
    frame(first, payload, None)
}

fn close(code: u16, reason: &str) -> Vec<u8> {
    [&code.to_be_bytes(), reason.as_bytes()].concat()
}

fn upgraded() -> Talk {
    open().client().sends(UPGRADE).then().server().sends(SWITCHES).then()
}

/// A message each way.
fn spoken() -> Talk {
    let talk = upgraded().client().sends(masked(0x81, b"hello")).then();
    talk.server().sends(plain(0x82, b"you")).then()
}

fn codes(exchange: &Exchange) -> Vec<Code> {
    exchange.findings.iter().collect()
}

#[track_caller]
fn ends(talk: Talk) -> (Outcome, Option<Side>) {
    let report = talk.says();
    let exchange = report.one();
    assert_eq!(exchange.protocol, Protocol::Ws);
    (exchange.outcome, exchange.by)
}

fn messages(report: &Report) -> [(u64, u64); 2] {
    let websocket = report.one().websocket().unwrap();
    [&websocket.client, &websocket.server].map(|side| (side.messages, side.bytes))
}

mod closed {
    use super::*;

    #[test]
    fn normally_by_the_client() {
        let talk = spoken().client().sends(masked(0x88, &close(1000, "bye"))).then();
        let talk = talk.server().sends(plain(0x88, &close(1000, ""))).fin().client().fin().then();
        let report = talk.says();
        let exchange = report.one();
        assert_eq!((exchange.outcome, exchange.by), (Outcome::WsClosed, Some(Side::Client)));
        assert_eq!(exchange.response.as_ref().unwrap().status, 101);
        assert_eq!(messages(&report), [(1, 5), (1, 3)]);
        assert_eq!(codes(exchange), []);
        let websocket = exchange.websocket().unwrap();
        let said =
            |close: &meshsniff::pairing::detail::Close| (close.code, close.reason.to_string());
        assert_eq!(websocket.client.close.as_ref().map(said), Some((Some(1000), "bye".into())));
        assert_eq!(websocket.server.close.as_ref().map(said), Some((Some(1000), String::new())));
        // The life of the socket: from the request to the first Close.
        assert_eq!(exchange.total().unwrap().as_millis(), 8);
        assert_eq!(exchange.gap(), None);
        assert_eq!(report.counts.opaque, 0);
    }

    #[test]
    fn by_the_server_with_an_error() {
        let talk = spoken().server().sends(plain(0x88, &close(1011, "Internal Error"))).then();
        let talk = talk.client().sends(masked(0x88, &close(1011, "Internal Error"))).then();
        let report = talk.server().fin().client().fin().then().says();
        let exchange = report.one();
        assert_eq!((exchange.outcome, exchange.by), (Outcome::WsClosed, Some(Side::Server)));
        assert_eq!(codes(exchange), [Code::WebsocketError]);
        assert_eq!(exchange.close_code(), Some(1011));
    }

    #[test]
    fn without_a_code() {
        let talk = spoken().server().sends(plain(0x88, b"")).then().client().fin();
        let report = talk.server().fin().client().acks().says();
        assert_eq!(report.one().outcome, Outcome::WsClosed);
        assert_eq!((report.one().close_code(), codes(report.one())), (None, vec![]));
    }

    #[test]
    fn and_the_other_side_goes_without_an_answer() {
        let talk = spoken().server().sends(plain(0x88, &close(1001, ""))).then().client().rst();
        assert_eq!(ends(talk), (Outcome::WsClosed, Some(Side::Server)));
    }

    #[test]
    fn and_nothing_else_before_the_capture_ends() {
        let talk = spoken().server().sends(plain(0x88, &close(1001, ""))).then();
        assert_eq!(ends(talk), (Outcome::WsClosed, Some(Side::Server)));
    }

    #[test]
    fn by_both_at_once() {
        let talk = spoken().server().sends(plain(0x88, &close(1001, "")));
        let talk = talk.client().crossing().sends(masked(0x88, &close(1000, ""))).then();
        assert_eq!(ends(talk.closes()), (Outcome::WsClosed, Some(Side::Server)));
    }

    #[test]
    fn with_frames_right_behind_the_head() {
        let all = [SWITCHES.as_bytes(), &plain(0x89, b""), &plain(0x88, &close(1013, ""))].concat();
        let report = open().client().sends(UPGRADE).then().server().sends(all).fin().then().says();
        assert_eq!(report.one().outcome, Outcome::WsClosed);
        assert!(report.one().websocket().unwrap().server.ping.is_some());
        assert_eq!(report.one().close_code(), Some(1013));
    }
}

mod aborted {
    use super::*;

    #[test]
    fn by_a_fin_or_a_reset_of_either() {
        let client = Some(Side::Client);
        let server = Some(Side::Server);
        assert_eq!(ends(spoken().client().fin().server().fin()), (Outcome::WsAborted, client));
        assert_eq!(ends(spoken().server().fin().client().fin()), (Outcome::WsAborted, server));
        assert_eq!(ends(spoken().client().rst()), (Outcome::WsAborted, client));
        assert_eq!(ends(spoken().server().rst()), (Outcome::WsAborted, server));
        assert_eq!(ends(spoken().server().fin().client().rst()), (Outcome::WsAborted, server));
    }

    #[test]
    fn after_silence() {
        let talk = spoken().server().sends(plain(0x89, b"")).then();
        let talk = talk.client().sends(masked(0x8a, b"")).then().after(59_998);
        let report = talk.server().fin().client().fin().then().says();
        let exchange = report.one();
        assert_eq!(codes(exchange), [Code::WebsocketAborted]);
        let sentence = (Code::WebsocketAborted.detector().sentence)(exchange);
        assert!(sentence.contains("the last frame was 60 s before"), "{sentence}");
        assert!(sentence.contains("the last pong 60 s"), "{sentence}");
    }

    #[test]
    fn though_the_other_side_says_close_afterwards() {
        let talk = spoken().client().fin().server().sends(plain(0x88, &close(1001, ""))).fin();
        assert_eq!(ends(talk.client().acks()), (Outcome::WsAborted, Some(Side::Client)));
    }

    #[test]
    fn in_the_middle_of_a_message() {
        let half = &plain(0x81, &[b'x'; 300])[..100];
        let report = spoken().server().sends(half).fin().client().fin().then().says();
        assert_eq!(report.one().outcome, Outcome::WsAborted);
        assert_eq!(messages(&report)[1], (1, 3 + 96));
    }

    #[test]
    fn before_anything_was_said() {
        assert_eq!(
            ends(upgraded().server().fin().then()),
            (Outcome::WsAborted, Some(Side::Server))
        );
    }
}

#[test]
fn still_open() {
    assert_eq!(ends(spoken()), (Outcome::InProgress, None));
}

mod not_captured {
    use super::*;

    #[test]
    fn a_frame_and_then_a_fin() {
        let talk = spoken().unseen(|talk| talk.server().sends(plain(0x81, b"lost")));
        let talk = talk.client().acks().server().fin().client().fin().server().acks();
        assert_eq!(ends(talk), (Outcome::Unknown, None));
    }

    #[test]
    fn a_part_of_a_message() {
        let long = plain(0x81, &[b'x'; 600]);
        let talk = spoken().server().sends(&long[..200]).unseen(|talk| talk.sends(&long[200..400]));
        let talk = talk.sends(&long[400..]).then().client().fin().server().fin().client().acks();
        let report = talk.says();
        assert_eq!(report.one().outcome, Outcome::WsAborted);
        assert_eq!(messages(&report)[1], (2, 3 + 600));
    }

    #[test]
    fn a_frame_and_then_a_close() {
        let talk =
            spoken().unseen(|talk| talk.server().sends(plain(0x81, b"lost"))).client().acks();
        let talk = talk.server().sends(plain(0x88, &close(1011, "")));
        let talk = talk.client().sends(masked(0x88, &close(1011, ""))).then().closes();
        assert_eq!(ends(talk), (Outcome::WsClosed, Some(Side::Server)));
    }

    #[test]
    fn the_first_close() {
        let talk = spoken().unseen(|talk| talk.client().sends(masked(0x88, &close(1000, ""))));
        let talk = talk.server().sends(plain(0x88, &close(1000, ""))).fin().client().fin().then();
        assert_eq!(ends(talk), (Outcome::WsClosed, None));
    }

    #[test]
    fn the_end_of_a_segment() {
        let talk = upgraded().snapped(54 + 3).server().sends(plain(0x82, b"you!")).then();
        let report = talk.client().fin().server().fin().client().acks().says();
        assert_eq!(report.one().outcome, Outcome::WsAborted);
        assert_eq!(messages(&report)[1], (1, 4));
    }

    /// The head ends where the capture of its segment does: frames may have followed.
    #[test]
    fn the_frames_behind_the_head() {
        let all = [SWITCHES.as_bytes(), &plain(0x88, &close(1011, ""))].concat();
        let talk = open().client().sends(UPGRADE).then().snapped(54 + SWITCHES.len());
        let talk = talk.server().sends(all).then().client().fin().server().fin().client().acks();
        assert_eq!(ends(talk), (Outcome::Unknown, None));
    }

    #[test]
    fn the_head_of_the_answer() {
        let talk =
            open().client().sends(UPGRADE).then().unseen(|talk| talk.server().sends(SWITCHES));
        let talk = talk.client().sends(masked(0x81, b"hello")).then();
        let report = talk.server().sends(plain(0x81, b"you")).then().client().fin().says();
        assert!(report.outcomes().iter().all(|outcome| *outcome == Outcome::Unknown));
    }
}

#[test]
fn what_are_no_frames() {
    let talk = spoken().client().sends("not masked, and no frames").then();
    let talk = talk.server().fin().client().fin().then();
    assert_eq!(ends(talk), (Outcome::Unknown, None));
    let talk = spoken().client().sends("not masked, and no frames").then();
    let talk = talk.server().sends(plain(0x88, &close(1002, "mask"))).fin().client().fin().then();
    let report = talk.says();
    assert_eq!((report.one().outcome, report.one().by), (Outcome::WsClosed, None));
    assert_eq!(codes(report.one()), [Code::WebsocketError]);
}

#[test]
fn however_the_segments_are_cut() {
    let client = [
        masked(0x01, &[1; 300]),
        masked(0x89, b"?"),
        masked(0x80, b""),
        masked(0x88, &close(1000, "bye")),
    ]
    .concat();
    let report = |segment| {
        let talk = upgraded().in_segments_of(segment).client().sends(&client).then();
        talk.server().sends(plain(0x88, &close(1000, ""))).fin().client().fin().then().says()
    };
    let whole = report(1 << 14);
    assert_eq!(messages(&whole), [(1, 300), (0, 0)]);
    for segment in [1, 2, 3, 5, 7, 64, 301] {
        let cut = report(segment);
        assert_eq!(messages(&cut), messages(&whole), "{segment}");
        assert_eq!(cut.one().by, Some(Side::Client), "{segment}");
    }
}

mod refused {
    use super::*;

    fn answered(response: &str) -> Vec<Code> {
        codes(
            open()
                .client()
                .sends(UPGRADE)
                .then()
                .server()
                .sends(response)
                .then()
                .closes()
                .says()
                .one(),
        )
    }

    #[test]
    fn by_any_status() {
        let refused = Code::WebsocketRefused;
        assert_eq!(answered("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"), [refused]);
        assert_eq!(
            answered("HTTP/1.1 426 Upgrade Required\r\ncontent-length: 0\r\n\r\n"),
            [refused]
        );
        assert_eq!(answered("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"), [refused]);
        let both = [Code::ServerError, refused];
        assert_eq!(answered("HTTP/1.1 503 Unavailable\r\ncontent-length: 0\r\n\r\n"), both);
    }

    /// Envoy never says how long its upstream took for an upgrade.
    #[test]
    fn by_envoy_or_the_server_behind_it() {
        let envoy = "HTTP/1.1 503 Unavailable\r\nserver: envoy\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(answered(envoy), [Code::WebsocketRefused]);
    }

    #[test]
    fn not_where_nobody_asked() {
        let get = "GET /live HTTP/1.1\r\nhost: x\r\n\r\n";
        let no = "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";
        let report = open().client().sends(get).then().server().sends(no).then().closes().says();
        assert_eq!(codes(report.one()), []);
    }
}
