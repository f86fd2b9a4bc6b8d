//! HTTP/2 and gRPC on it, one small conversation a case.
//!
//! What is expected reads `method path status outcome request-bytes+response-bytes`.

mod support;

use std::time::Duration;

use meshsniff::pairing::{Outcome, Protocol, Side};
use meshsniff::problem::Code;
use meshsniff::{Limits, Settings};
use support::frames::*;
use support::talk::{Talk, open, talk};

/// After the first words of both sides.
fn begun() -> Talk {
    let talk = open().client().sends(preface()).then();
    talk.server().sends(settings(&[])).then()
}

/// After a request for `/a` on stream 1.
fn asked() -> Talk {
    begun().client().sends(get(1, "/a")).then()
}

fn all(parts: &[Vec<u8>]) -> Vec<u8> {
    parts.concat()
}

mod frames {
    use super::*;

    #[test]
    fn a_request_and_its_answer() {
        let talk = asked().server().sends(answer(1, "hello")).then().closes().says();
        assert_eq!(talk.brief(), ["GET /a 200 complete 0+5"]);
        assert_eq!((talk.one().protocol, talk.one().stream), (Protocol::H2, Some(1)));
        assert_eq!((talk.counts.http2, talk.counts.opaque), (1, 0));
    }

    #[test]
    fn in_segments_of_every_size() {
        for size in 1..40 {
            let post = headers(1, 0, &[(":method", "POST"), (":path", "/a"), ("host", "h")]);
            let talk = open().in_segments_of(size).client().sends(preface()).sends(post);
            let talk = talk.sends(data(1, 0, "abc")).sends(data(1, END_STREAM, "defg")).then();
            let talk = talk.server().sends(settings(&[(3, 100)])).sends(answer(1, "hello")).then();
            assert_eq!(talk.closes().brief(), ["POST /a 200 complete 7+5"], "{size}");
        }
    }

    #[test]
    fn the_servers_settings_come_first() {
        let talk = open().server().sends(settings(&[(4, 1 << 20)])).then();
        let talk = talk.client().sends(preface()).sends(get(1, "/a")).then();
        let talk = talk.server().sends(answer(1, "hello")).then().closes();
        assert_eq!(talk.brief(), ["GET /a 200 complete 0+5"]);
    }

    #[test]
    fn streams_are_answered_in_any_order() {
        let talk = begun().client().sends(all(&[get(1, "/a"), get(3, "/b"), get(5, "/c")])).then();
        let parts = [
            status(5, "200"),
            answer(3, "bb"),
            status(1, "404"),
            data(5, 1, "ccc"),
            data(1, 1, ""),
        ];
        let talk = talk.server().sends(all(&parts)).then().closes();
        let right =
            ["GET /b 200 complete 0+2", "GET /c 200 complete 0+3", "GET /a 404 complete 0+0"];
        assert_eq!(talk.brief(), right);
    }

    #[test]
    fn padding_and_priority() {
        let fields = block(&[(":method", "GET"), (":path", "/a")]);
        let padded = [&[3, 0, 0, 0, 0, 15][..], &fields, &[0; 3]].concat();
        let flags = END_STREAM | END_HEADERS | PADDED | PRIORITY;
        let talk = begun().client().sends(frame(1, flags, 1, padded)).then();
        let body = [&[4][..], b"hello", &[0; 4]].concat();
        let parts = [status(1, "200"), data(1, PADDED, &body), data(1, PADDED | END_STREAM, [0])];
        let talk = talk.server().sends(all(&parts)).then().closes();
        assert_eq!(talk.brief(), ["GET /a 200 complete 0+5"]);
    }

    #[test]
    fn a_header_block_in_continuations() {
        let fields = block(&[(":method", "GET"), (":path", "/a"), ("x", "y")]);
        let (a, rest) = fields.split_at(5);
        let (b, c) = rest.split_at(7);
        let parts = [
            frame(1, END_STREAM, 1, a),
            frame(9, 0, 1, b),
            frame(9, 0, 1, ""),
            frame(9, END_HEADERS, 1, c),
        ];
        for size in [3, 1000] {
            let talk = begun().in_segments_of(size).client().sends(all(&parts)).then();
            let talk = talk.server().sends(answer(1, "hello")).then().closes();
            assert_eq!(talk.brief(), ["GET /a 200 complete 0+5"], "{size}");
        }
    }

    #[test]
    fn interim_responses_and_trailers() {
        let parts = [
            status(1, "100"),
            headers(1, 0, &[(":status", "103"), ("link", "x")]),
            status(1, "200"),
            data(1, 0, "hello"),
            headers(1, END_STREAM, &[("checksum", "1")]),
        ];
        let talk = asked().server().sends(all(&parts)).then().closes();
        assert_eq!(talk.brief(), ["GET /a 200 complete 0+5"]);
    }

    #[test]
    fn a_push_is_nobodys_request() {
        let promised = [&2u32.to_be_bytes()[..], &block(&[(":method", "GET"), (":path", "/p")])];
        let parts =
            [frame(5, END_HEADERS, 1, promised.concat()), answer(1, "hello"), answer(2, "pushed")];
        let talk = asked().server().sends(all(&parts)).then().closes();
        assert_eq!(talk.brief(), ["GET /a 200 complete 0+5"]);
    }

    #[test]
    fn extensions_are_passed_over() {
        let talk = begun().client().sends(frame(0x10, 0, 0, "u=1")).sends(get(1, "/a")).then();
        let talk = talk.server().sends(frame(0xbb, 7, 1, [9; 99])).sends(answer(1, "x")).then();
        assert_eq!(talk.closes().brief(), ["GET /a 200 complete 0+1"]);
    }

    #[test]
    fn an_early_answer() {
        let post = headers(1, 0, &[(":method", "POST"), (":path", "/a")]);
        let talk = begun().client().sends(post).sends(data(1, 0, "abc")).then();
        let no = [headers(1, END_STREAM, &[(":status", "413")]), rst(1, 0)];
        let talk = talk.server().sends(all(&no)).then().client().sends(data(1, END_STREAM, "d"));
        assert_eq!(talk.then().closes().brief(), ["POST /a 413 complete 3+0"]);
    }

    #[test]
    fn frames_longer_than_was_allowed_make_it_unreadable() {
        let talk = asked().server().sends(frame(0, 0, 1, [0; 16_385])).sends(answer(1, "x")).then();
        assert_eq!(talk.closes().brief(), ["GET /a - unknown 0+-"]);
        let allows = open().client().sends(preface()).sends(settings(&[(5, 20_000)])).then();
        let talk = allows.server().sends(settings(&[])).client().sends(get(1, "/a")).then();
        let parts = [status(1, "200"), data(1, END_STREAM, [0; 20_000])];
        let talk = talk.server().sends(all(&parts)).then().closes();
        assert_eq!(talk.brief(), ["GET /a 200 complete 0+20000"]);
    }

    #[test]
    fn nonsense_between_a_block_and_its_continuation() {
        let talk = begun().client().sends(frame(1, 0, 1, block(&[(":method", "GET")])));
        let talk = talk.sends(ping()).then().server().sends(answer(1, "x")).then();
        assert_eq!(talk.closes().brief(), [""; 0]);
    }

    #[test]
    fn an_upgrade_makes_the_request_stream_1() {
        let get = "GET /a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\n\
                   Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n";
        let yes = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
        let talk = open().client().sends(get).then().server().sends(yes).then();
        let talk = talk.client().sends(preface()).then();
        let talk = talk.server().sends(all(&[settings(&[]), answer(1, "hello")])).then();
        let talk = talk.client().sends(super::get(3, "/b")).then().server().sends(answer(3, "x"));
        let report = talk.then().closes().says();
        assert_eq!(report.brief(), ["GET /a 200 complete 0+5", "GET /b 200 complete 0+1"]);
        assert_eq!(report.exchanges[0].stream, Some(1));
    }

    #[test]
    fn a_websocket_is_a_stream() {
        let connect = [(":method", "CONNECT"), (":protocol", "websocket"), (":path", "/ws")];
        let talk = begun().client().sends(headers(1, 0, &connect)).then();
        let talk = talk.server().sends(status(1, "200")).then().capture_runs_on(5000);
        let report = talk.says();
        assert_eq!(report.one().request.upgrade, Some(meshsniff::message::Upgrade::WebSocket));
        assert!(report.one().findings.is_empty());
    }

    #[test]
    fn more_streams_than_are_followed() {
        let limits = Limits { streams: 2, ..Limits::default() };
        let talk = begun().client().sends(all(&[get(1, "/a"), get(3, "/b"), get(5, "/c")])).then();
        let parts = [answer(5, "c"), answer(3, "b"), answer(1, "a")];
        let talk = talk.server().sends(all(&parts)).then().closes();
        let report = talk.says_with(Settings { limits, ..Settings::default() });
        assert_eq!(report.brief(), ["GET /b 200 complete 0+1", "GET /a 200 complete 0+1"]);
        assert_eq!(report.counts.limit(meshsniff::Limit::Streams), 1);
    }
}

mod ends {
    use super::*;

    #[test]
    fn the_client_resets_before_the_answer() {
        for code in [0, 2, 8] {
            let talk = asked().after(500).client().sends(rst(1, code)).then().closes().says();
            assert_eq!(talk.outcomes(), [Outcome::ClientRstStreamBeforeResponse], "{code}");
            assert_eq!(talk.one().by, Some(Side::Client));
            assert_eq!(talk.one().http2().unwrap().error, Some(code));
            assert!(talk.one().findings.contains(Code::ClientResetStream));
            assert_eq!(talk.one().gap().map(|gap| gap.as_millis()), Some(502));
        }
    }

    #[test]
    fn two_resets_in_one_segment() {
        let talk = begun().client().sends(all(&[get(1, "/a"), get(3, "/b")])).then();
        let talk = talk.client().sends(all(&[rst(1, 2), rst(3, 2)])).then().closes();
        let outcome = "client_rst_stream_before_response";
        assert_eq!(
            talk.brief(),
            [format!("GET /a - {outcome} 0+-"), format!("GET /b - {outcome} 0+-")]
        );
    }

    #[test]
    fn an_answer_that_was_on_its_way() {
        let talk = asked().client().sends(rst(1, 8)).server().crossing().sends(answer(1, "x"));
        let report = talk.then().closes().says();
        assert_eq!(report.outcomes(), [Outcome::ClientRstStreamBeforeResponse]);
        assert_eq!(report.one().late.and_then(|late| late.status), Some(200));
        assert!(report.one().response.is_none());
    }

    #[test]
    fn the_reset_is_decided_without_the_connections_end() {
        let talk = asked().client().sends(rst(1, 8)).then();
        let other = (0..20).fold(talk, |talk, _| talk.capture_runs_on(1));
        let report = other.client().sends(get(3, "/b")).then().says();
        assert_eq!(report.outcomes()[0], Outcome::ClientRstStreamBeforeResponse);
        assert_eq!(report.outcomes()[1], Outcome::InProgress);
    }

    #[test]
    fn the_client_resets_in_the_middle() {
        let parts = [status(1, "200"), data(1, 0, "hel")];
        let talk = asked().server().sends(all(&parts)).then().client().sends(rst(1, 8)).then();
        let report = talk.closes().says();
        assert_eq!(report.brief(), ["GET /a 200 truncated_response 0+3"]);
        assert_eq!(report.one().by, Some(Side::Client));
    }

    #[test]
    fn the_server_resets() {
        let report = asked().server().sends(rst(1, 2)).then().closes().says();
        assert_eq!(report.outcomes(), [Outcome::ServerRstStreamBeforeResponse]);
        assert!(report.one().findings.contains(Code::ServerResetStream));
        let parts = [status(1, "200"), data(1, 0, "hel"), rst(1, 2)];
        let report = asked().server().sends(all(&parts)).then().closes().says();
        assert_eq!(report.brief(), ["GET /a 200 truncated_response 0+3"]);
        assert_eq!(report.one().by, Some(Side::Server));
        let report = asked().server().sends(rst(1, 7)).then().closes().says();
        assert!(report.one().findings.contains(Code::StreamRefused));
    }

    #[test]
    fn a_reset_after_the_whole_answer_is_nothing() {
        let talk = asked().server().sends(all(&[answer(1, "x"), rst(1, 0)])).then();
        let report = talk.client().sends(rst(1, 8)).then().closes().says();
        assert_eq!(report.brief(), ["GET /a 200 complete 0+1"]);
        assert!(report.one().findings.is_empty());
    }

    #[test]
    fn goaway_below_a_stream_refuses_it_though_the_client_closes_first() {
        let talk = begun().client().sends(all(&[get(1, "/a"), get(3, "/b")])).then();
        let talk = talk.server().sends(goaway(1, 0, "max_age")).then();
        let report = talk.server().sends(answer(1, "x")).then().closes().says();
        let right = ["GET /b - server_closed_before_response 0+-", "GET /a 200 complete 0+1"];
        assert_eq!(report.brief(), right);
        let refused = &report.exchanges[0];
        assert_eq!(refused.by, Some(Side::Server));
        assert!(refused.findings.iter().eq([Code::StreamRefused]));
        assert_eq!(refused.http2().unwrap().goaway.as_deref(), Some("max_age"));
    }

    #[test]
    fn a_request_that_crosses_the_goaway_is_refused() {
        let talk = asked().server().sends(answer(1, "x")).then().server().sends(goaway(1, 0, ""));
        let talk = talk.client().crossing().sends(get(3, "/b")).then().closes();
        let right = ["GET /a 200 complete 0+1", "GET /b - server_closed_before_response 0+-"];
        assert_eq!(talk.brief(), right);
    }

    #[test]
    fn goaway_and_the_end_of_an_idle_connection_are_nothing() {
        let talk = asked().server().sends(answer(1, "x")).then();
        let talk = talk.server().sends(goaway(0x7fff_ffff, 0, "")).sends(goaway(1, 0, "")).then();
        let report = talk.closes().says();
        assert_eq!(report.brief(), ["GET /a 200 complete 0+1"]);
        assert!(report.one().findings.is_empty());
    }

    #[test]
    fn the_server_closes_with_open_streams() {
        let talk = asked().server().sends(goaway(1, 11, "too_many_pings")).fin().then();
        let report = talk.client().fin().then().says();
        assert_eq!(report.outcomes(), [Outcome::ServerClosedBeforeResponse]);
        assert!(report.one().findings.iter().eq([Code::ServerClosedFirst]));
        assert_eq!(report.one().http2().unwrap().error_name().unwrap(), "ENHANCE_YOUR_CALM");
        let talk = asked().server().sends(status(1, "200")).rst().says();
        assert_eq!(talk.brief(), ["GET /a 200 truncated_response 0+0"]);
    }

    #[test]
    fn the_client_closes_with_open_streams() {
        let talk = asked().client().fin().then().server().fin().then();
        assert_eq!(talk.brief(), ["GET /a - client_fin_before_response 0+-"]);
        let late = asked().client().fin().then().server().sends(answer(1, "x")).client().bare_rst();
        let report = late.says();
        assert_eq!(report.brief(), ["GET /a - client_fin_before_response 0+-"]);
        assert_eq!(report.one().late.and_then(|late| late.status), Some(200));
        let reset = asked().client().rst();
        assert_eq!(reset.brief(), ["GET /a - client_rst_before_response 0+-"]);
    }

    #[test]
    fn a_half_close_that_takes_its_answer() {
        let talk = asked().client().fin().then().server().sends(answer(1, "x")).then();
        assert_eq!(talk.server().fin().then().brief(), ["GET /a 200 half_close_ok 0+1"]);
    }

    #[test]
    fn not_answered_when_the_capture_ends() {
        let report = asked().capture_runs_on(3000).says();
        assert_eq!(report.brief(), ["GET /a - in_progress 0+-"]);
        assert!(report.one().findings.contains(Code::NoResponse));
    }
}

mod grpc {
    use super::*;

    fn ends(status: &str, message: &str) -> Vec<u8> {
        headers(1, END_STREAM, &[("grpc-status", status), ("grpc-message", message)])
    }

    #[test]
    fn a_call_that_works() {
        let talk = begun().client().sends(call(1, "/pkg.Service/Method", &[])).then();
        let head = headers(1, 0, &[(":status", "200"), ("content-type", "application/grpc+proto")]);
        let parts = [head, data(1, 0, message(b"abc")), ends("0", "")];
        for size in [1, 1000] {
            let talk = talk.clone().in_segments_of(size).server().sends(all(&parts)).then();
            let report = talk.closes().says();
            assert_eq!(report.brief(), ["POST /pkg.Service/Method 200 complete 10+8"]);
            let grpc = report.one().grpc().unwrap();
            assert_eq!(report.one().protocol, Protocol::Grpc);
            assert_eq!((grpc.status, grpc.requests, grpc.responses), (Some(0), Some(1), Some(1)));
            assert!(report.one().findings.is_empty());
        }
    }

    #[test]
    fn messages_are_counted_over_frames() {
        let talk = begun().client().sends(call(1, "/s/m", &[])).then();
        let stream = [message(&[1; 300]), message(b""), message(b"abc")].concat();
        let mut parts = vec![status(1, "200")];
        parts.extend(stream.chunks(7).map(|piece| data(1, 0, piece)));
        parts.push(ends("0", ""));
        let report = talk.server().sends(all(&parts)).then().closes().says();
        assert_eq!(report.one().grpc().unwrap().responses, Some(3));
    }

    #[test]
    fn an_answer_of_trailers_only() {
        let talk = begun().client().sends(call(1, "/s/m", &[])).then();
        let fields = [(":status", "200"), ("grpc-status", "5"), ("grpc-message", "no%20such")];
        let talk = talk.server().sends(headers(1, END_STREAM, &fields)).then();
        let report = talk.closes().says();
        assert_eq!(report.brief(), ["POST /s/m 200 complete 10+0"]);
        let grpc = report.one().grpc().unwrap();
        assert_eq!(
            (grpc.status_name(), grpc.message.as_deref()),
            (Some("NOT_FOUND"), Some("no such"))
        );
        assert!(report.one().findings.iter().eq([Code::GrpcError]));
    }

    #[test]
    fn a_deadline_that_runs_out_whoever_is_first() {
        let timeout = [("grpc-timeout", "300m")];
        let talk = begun().client().sends(call(1, "/s/m", &timeout)).then().after(295);
        let parts =
            [headers(1, END_STREAM, &[(":status", "200"), ("grpc-status", "4")]), rst(1, 0)];
        let server = talk.clone().server().sends(all(&parts)).client().crossing().sends(rst(1, 8));
        let report = server.then().closes().says();
        assert_eq!(report.outcomes(), [Outcome::Complete]);
        assert!(report.one().findings.iter().eq([Code::GrpcDeadlineExceeded]));
        let client = talk.client().sends(rst(1, 8)).server().crossing().sends(all(&parts));
        let report = client.then().closes().says();
        assert_eq!(report.outcomes(), [Outcome::ClientRstStreamBeforeResponse]);
        let both = [Code::ClientResetStream, Code::GrpcDeadlineExceeded];
        assert!(report.one().findings.iter().eq(both));
        assert_eq!(report.one().grpc().unwrap().deadline, Some(Duration::from_millis(300)));
    }

    #[test]
    fn the_proxys_own_answer() {
        let talk = begun().client().sends(call(1, "/s/m", &[])).then().after(500);
        let fields = [
            (":status", "200"),
            ("content-type", "application/grpc"),
            ("grpc-status", "14"),
            ("grpc-message", "upstream request timeout"),
            ("server", "envoy"),
        ];
        let report = talk.server().sends(headers(1, END_STREAM, &fields)).then().closes().says();
        assert!(report.one().findings.iter().eq([Code::ProxyAnswered]));
    }
}

mod losses {
    use super::*;

    #[test]
    fn begun_in_the_middle() {
        let talk = begun().client().sends(get(1, "/a")).then();
        let talk = talk.server().sends(answer(1, "x")).then();
        let before = talk.clone().frames().len();
        let talk = talk.client().sends(get(3, "/b")).then().server().sends(answer(3, "yy")).then();
        let report = support::analyse(&talk.closes().frames()[before..]);
        assert_eq!(report.brief(), ["GET /b 200 complete 0+2"]);
    }

    #[test]
    fn begun_in_the_middle_the_table_is_not_known_and_heals() {
        let path = indexed(":path", "/a");
        let request = |stream, path: &[u8]| {
            frame(1, END_HEADERS | END_STREAM, stream, [&[0x82, 0x86][..], path].concat())
        };
        let talk = begun().client().sends(request(1, &path)).then();
        let talk = talk.server().sends(answer(1, "x")).then();
        let before = talk.clone().frames().len();
        // Index 62 is the newest entry.
        let talk = talk.client().sends(request(3, &[0xbe])).then().server().sends(answer(3, "x"));
        let talk = talk.then().client().sends(request(5, &indexed(":path", "/b"))).then();
        let talk = talk.server().sends(answer(5, "x")).then();
        let talk = talk.client().sends(request(7, &[0xbe])).then().server().sends(rst(7, 2));
        let talk = talk.then().client().sends(request(9, &[0xbf])).then();
        let talk = talk.client().sends(rst(9, 8)).then().closes();
        let all = talk.clone().brief();
        assert_eq!(all[1], "GET /a 200 complete 0+1");
        let report = support::analyse(&talk.frames()[before..]);
        let right = [
            "GET - 200 complete 0+1",
            "GET /b 200 complete 0+1",
            "GET /b - server_rst_stream_before_response 0+-",
            "GET - - client_rst_stream_before_response 0+-",
        ];
        assert_eq!(report.brief(), right);
    }

    #[test]
    fn begun_in_the_middle_of_an_answer() {
        let talk = asked().server().sends(all(&[status(1, "200"), data(1, 0, "x")])).then();
        let before = talk.clone().frames().len();
        let talk = talk.server().sends(data(1, 0, "more")).then().client().sends(rst(1, 8)).then();
        let report = support::analyse(&talk.closes().frames()[before..]);
        assert_eq!(report.brief(), [""; 0]);
    }

    #[test]
    fn an_answer_to_a_request_before_the_capture() {
        let talk = asked();
        let before = talk.clone().frames().len();
        let talk = talk.server().sends(answer(1, "x")).then().closes();
        let report = support::analyse(&talk.frames()[before..]);
        assert_eq!((report.brief(), report.counts.orphan_responses), (vec![], 1));
    }

    #[test]
    fn a_gap_inside_data_is_counted_through() {
        let talk = asked().server().sends(status(1, "200")).then().in_segments_of(100);
        let body = data(1, END_STREAM, [0; 300]);
        let talk = talk.server().sends(&body[..100]).unseen(|t| t.sends(&body[100..200]));
        let talk = talk.sends(&body[200..]).then().closes();
        assert_eq!(talk.brief(), ["GET /a 200 complete 0+300"]);
    }

    #[test]
    fn a_lost_answer_is_no_silence() {
        let talk = asked().server().unseen(|talk| talk.sends(answer(1, "x"))).then();
        let talk = talk.client().sends(rst(1, 8)).then().closes();
        assert_eq!(talk.brief(), ["GET /a - unknown 0+-"]);
    }

    #[test]
    fn a_stream_that_goes_on_after_a_gap_was_not_ended_in_it() {
        let talk = asked().server().sends(status(1, "200")).then();
        let talk = talk.server().unseen(|talk| talk.sends(ping())).then();
        let talk = talk.server().sends(data(1, 0, "more")).then().client().sends(rst(1, 8)).then();
        assert_eq!(talk.closes().brief(), ["GET /a 200 truncated_response 0+4"]);
    }

    #[test]
    fn a_websocket_whose_begin_was_lost_is_no_truncated_answer() {
        let connect = [(":method", "CONNECT"), (":protocol", "websocket"), (":path", "/ws")];
        let talk = begun().client().sends(headers(1, 0, &connect)).then();
        let talk = talk.server().unseen(|talk| talk.sends(status(1, "200"))).then();
        let talk = talk.server().sends(all(&[data(1, 0, "\u{1}"), rst(1, 0)])).then();
        assert_eq!(talk.closes().brief(), ["CONNECT /ws - unknown 0+-"]);
    }

    #[test]
    fn an_answer_known_to_be_lost_before_its_request_is_read() {
        // Both requests wait behind a gap; meanwhile the second acknowledges the lost answer.
        let talk = begun().client().unseen(|talk| talk.sends(ping())).sends(get(1, "/a"));
        let talk = talk.server().unseen(|talk| talk.acks().sends(answer(1, "x")));
        let talk = talk.after(2000).client().sends(get(3, "/b"));
        let talk = talk.after(2000).server().sends(answer(3, "y")).client().acks();
        let talk = talk.fin().server().acks().fin().client().acks();
        assert_eq!(talk.brief(), ["GET /b 200 complete 0+1", "GET /a - unknown 0+-"]);
    }

    #[test]
    fn a_lost_reset_of_the_client_is_not_the_servers_fault() {
        let talk = asked().client().unseen(|talk| talk.sends(rst(1, 8))).then();
        let talk = talk.server().sends(ping()).fin().then().client().fin().then();
        assert_eq!(talk.brief(), ["GET /a - unknown 0+-"]);
    }

    #[test]
    fn a_gap_in_a_header_block() {
        let request = get(3, "/b");
        let talk = asked().client().sends(&request[..12]);
        let talk = talk.unseen(|talk| talk.sends(&request[12..20])).sends(&request[20..]).then();
        let talk = talk.server().sends(all(&[answer(1, "x"), answer(3, "yy")])).then();
        let talk = talk.client().sends(get(5, "/c")).then().server().sends(answer(5, "z")).then();
        let report = talk.closes().says();
        let right = ["GET /a 200 complete 0+1", "- - 200 complete 0+2", "GET /c 200 complete 0+1"];
        assert_eq!(report.brief(), right);
    }

    #[test]
    fn a_lost_request_has_its_answer() {
        let talk = asked().client().unseen(|talk| talk.sends(get(3, "/b"))).then();
        let talk = talk.server().sends(all(&[answer(1, "x"), answer(3, "yy")])).then().closes();
        assert_eq!(talk.brief(), ["GET /a 200 complete 0+1", "- - 200 complete 0+2"]);
    }

    #[test]
    fn only_the_server_was_captured() {
        let talk = talk().unseen(|talk| talk.client().syn()).server().syn_ack();
        let talk = talk.client().unseen(|talk| talk.acks().sends(preface()).sends(get(1, "/a")));
        let talk = talk.server().acks().sends(settings(&[])).sends(answer(1, "x"));
        let talk = talk.client().unseen(|talk| talk.acks().sends(get(3, "/b")).sends(get(5, "/c")));
        let talk = talk.server().acks().sends(answer(5, "zzz"));
        let brief = talk.capture_runs_on(5000).brief();
        assert_eq!(brief, ["- - 200 complete 0+1", "- - - unknown 0+-", "- - 200 complete 0+3"]);
    }
}

mod flow_control {
    use super::*;

    fn small_window() -> Talk {
        let talk = open().client().sends(preface()).sends(settings(&[(4, 1000)])).then();
        let talk = talk.server().sends(settings(&[])).then().client().sends(get(1, "/a")).then();
        talk.server().sends(all(&[status(1, "200"), data(1, 0, [0; 1000])])).then()
    }

    #[test]
    fn an_answer_that_waits_for_its_window() {
        let talk = small_window().after(400).client().sends(window(1, 1000)).then();
        let report = talk.server().sends(data(1, END_STREAM, [0; 9])).then().closes().says();
        assert_eq!(report.brief(), ["GET /a 200 complete 0+1009"]);
        let stall = report.one().http2().unwrap().stall.unwrap();
        assert_eq!((stall.reader, stall.at_end), (Side::Client, false));
        assert!(stall.longest >= Duration::from_millis(400));
        assert!(report.one().findings.iter().eq([Code::FlowControlStall]));
    }

    #[test]
    fn a_give_up_in_the_stall() {
        let report = small_window().after(400).client().sends(rst(1, 8)).then().closes().says();
        assert_eq!(report.brief(), ["GET /a 200 truncated_response 0+1000"]);
        assert!(report.one().http2().unwrap().stall.unwrap().at_end);
    }

    #[test]
    fn a_server_with_nothing_to_send_does_not_wait() {
        let talk = small_window().after(400).client().sends(window(1, 1000)).then();
        let talk = talk.after(300).server().sends(data(1, END_STREAM, [0; 9])).then();
        assert!(talk.closes().says().one().http2().is_none());
    }

    #[test]
    fn after_a_gap_the_windows_are_not_known() {
        let talk = small_window().client().unseen(|talk| talk.sends(window(1, 5000))).then();
        let talk = talk.after(400).client().sends(window(1, 1000)).then();
        let talk = talk.server().sends(data(1, END_STREAM, [0; 9])).then();
        assert!(talk.closes().says().one().http2().is_none());
    }
}
