//! HTTP/1 framing and TCP endings, one small conversation a case.
//!
//! What is expected reads `method path status outcome request-bytes+response-bytes`.

mod support;

use meshsniff::pairing::{Outcome, Side};
use support::analyse;
use support::talk::{ACK, Talk, between, open, talk, together};

const GET: &str = "GET /a HTTP/1.1\r\nhost: x\r\n\r\n";
const OK5: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

/// One request, one response, then both close.
fn answered(request: impl AsRef<[u8]>, response: impl AsRef<[u8]>) -> Vec<String> {
    exchange(request, response).closes().brief()
}

fn exchange(request: impl AsRef<[u8]>, response: impl AsRef<[u8]>) -> Talk {
    open().client().sends(request).then().server().sends(response).then()
}

/// How a request is framed: with a second one behind it, both answered.
fn request_framed(request: &str) -> Vec<String> {
    let talk = open().client().sends(request).sends("GET /next HTTP/1.1\r\n\r\n").then();
    talk.server().sends(OK5).sends("HTTP/1.1 204 No Content\r\n\r\n").then().closes().brief()
}

/// How a response is framed: with a second one behind it.
fn response_framed(request: &str, response: &str) -> Vec<String> {
    let talk = open().client().sends(request).sends("GET /next HTTP/1.1\r\n\r\n").then();
    talk.server().sends(response).sends("HTTP/1.1 204 No Content\r\n\r\n").then().closes().brief()
}

const NEXT: &str = "GET /next 204 complete 0+0";

mod framing_of_requests {
    use super::*;

    #[test]
    fn content_length() {
        let post = "POST /a HTTP/1.1\r\nContent-Length: 7\r\n\r\nGET / H";
        assert_eq!(request_framed(post), ["POST /a 200 complete 7+5", NEXT]);
    }

    #[test]
    fn content_length_given_twice() {
        let post = "POST /a HTTP/1.1\r\ncontent-length: 3\r\ncontent-length: 3\r\n\r\nabc";
        assert_eq!(request_framed(post), ["POST /a 200 complete 3+5", NEXT]);
    }

    #[test]
    fn no_length_is_no_body() {
        assert_eq!(request_framed("POST /a HTTP/1.1\r\n\r\n"), ["POST /a 200 complete 0+5", NEXT]);
    }

    #[test]
    fn chunked() {
        let post = "POST /a HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n\
                    5\r\nhello\r\n00A;name=\"v;\"\r\n0123456789\r\n0\r\n\r\n";
        assert_eq!(request_framed(post), ["POST /a 200 complete 15+5", NEXT]);
    }

    #[test]
    fn chunked_with_trailers() {
        let post = "POST /a HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n\
                    1\r\nx\r\n0\r\nchecksum: 1\r\nother: 2\r\n\r\n";
        assert_eq!(request_framed(post), ["POST /a 200 complete 1+5", NEXT]);
    }

    #[test]
    fn transfer_encoding_wins_over_content_length() {
        let post = "POST /a HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n\
                    5\r\nhello\r\n0\r\n\r\n";
        assert_eq!(request_framed(post), ["POST /a 200 complete 5+5", NEXT]);
    }

    #[test]
    fn expect_100_continue() {
        let post = "POST /a HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n";
        let talk = open().client().sends(post).then();
        let talk = talk.server().sends("HTTP/1.1 100 Continue\r\n\r\n").then();
        let talk = talk.client().sends("body").then().server().sends(OK5).then();
        assert_eq!(talk.closes().brief(), ["POST /a 200 complete 4+5"]);
    }

    #[test]
    fn expectation_failed_and_no_body() {
        let post = "POST /a HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n";
        let no =
            "HTTP/1.1 417 Expectation Failed\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        let talk = open().client().sends(post).then().server().sends(no).fin();
        assert_eq!(talk.client().fin().then().brief(), ["POST /a 417 complete 0+0"]);
    }

    #[test]
    fn folded_field() {
        let get = "GET /a HTTP/1.1\r\nx: 1\r\n  2\r\nhost: h\r\n\r\n";
        let talk = exchange(get, OK5).closes().says();
        assert_eq!(talk.brief(), ["GET /a 200 complete 0+5"]);
        assert_eq!(talk.one().request.host.as_deref(), Some("h"));
    }

    #[test]
    fn bare_line_feeds() {
        let get = "GET /a HTTP/1.1\nhost: h\n\n";
        assert_eq!(request_framed(get), ["GET /a 200 complete 0+5", NEXT]);
    }

    #[test]
    fn empty_lines_before_it() {
        let get = "\r\n\r\n\nGET /a HTTP/1.1\r\n\r\n";
        assert_eq!(request_framed(get), ["GET /a 200 complete 0+5", NEXT]);
    }

    #[test]
    fn an_empty_line_in_a_segment_of_its_own() {
        let talk = exchange(GET, OK5).client().sends("\r\n").then();
        let talk = talk.client().sends(GET).then().server().sends(OK5).then().closes();
        assert_eq!(talk.brief(), ["GET /a 200 complete 0+5"; 2]);
    }

    #[test]
    fn head_in_three_segments() {
        let talk = open().client().sends("GE").sends("T /a HTTP/1.1\r\nho").sends("st: x\r\n\r\n");
        let report = talk.then().server().sends(OK5).then().closes().says();
        assert_eq!(report.brief(), ["GET /a 200 complete 0+5"]);
        assert_eq!(report.one().request_time().unwrap().as_millis(), 2);
    }

    #[test]
    fn head_of_60_kib() {
        let get = format!("GET /a HTTP/1.1\r\ncookie: {}\r\n\r\n", "x".repeat(60 << 10));
        assert_eq!(answered(get, OK5), ["GET /a 200 complete 0+5"]);
    }

    #[test]
    fn head_with_200_fields() {
        let fields: String = (0..200).map(|n| format!("f{n}: {n}\r\n")).collect();
        let get = format!("GET /a HTTP/1.1\r\n{fields}content-length: 2\r\n\r\nxy");
        assert_eq!(answered(get, OK5), ["GET /a 200 complete 2+5"]);
    }

    #[test]
    fn head_too_long_is_counted() {
        let get = format!("GET /a HTTP/1.1\r\ncookie: {}\r\n\r\n", "x".repeat(80 << 10));
        let report = exchange(get, OK5).closes().says();
        assert_eq!(report.counts.limit(meshsniff::Limit::Head), 1);
        // Its answer was seen, whatever was asked.
        assert_eq!(report.brief(), ["- - 200 complete 0+5"]);
    }

    #[test]
    fn http_1_0() {
        let talk = open().client().sends("GET /a HTTP/1.0\r\n\r\n").then();
        let talk =
            talk.server().sends("HTTP/1.0 200 OK\r\n\r\nabc").fin().client().acks().fin().then();
        assert_eq!(talk.brief(), ["GET /a 200 complete 0+3"]);
    }
}

mod framing_of_responses {
    use super::*;

    #[test]
    fn chunked_with_extensions_and_trailers() {
        let response = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: t\r\n\r\n\
                        5;a=b\r\nhello\r\n0;last\r\nt: 1\r\n\r\n";
        assert_eq!(response_framed(GET, response), ["GET /a 200 complete 0+5", NEXT]);
    }

    #[test]
    fn until_close() {
        let talk = open().client().sends(GET).then();
        let talk =
            talk.server().sends("HTTP/1.1 200 OK\r\n\r\n").then().sends("abc").then().sends("de");
        assert_eq!(talk.fin().client().fin().then().brief(), ["GET /a 200 complete 0+5"]);
    }

    #[test]
    fn until_close_ended_by_reset_is_cut() {
        let talk = open().client().sends(GET).then();
        let talk = talk.server().sends("HTTP/1.1 200 OK\r\n\r\nabc").then().rst();
        assert_eq!(talk.brief(), ["GET /a 200 truncated_response 0+3"]);
    }

    #[test]
    fn head_has_no_body() {
        let head = "HEAD /a HTTP/1.1\r\n\r\n";
        let response = "HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n";
        assert_eq!(response_framed(head, response), ["HEAD /a 200 complete 0+0", NEXT]);
    }

    #[test]
    fn status_204_and_304_have_no_body() {
        for status in [204, 304] {
            let response = format!("HTTP/1.1 {status} X\r\ncontent-length: 50\r\n\r\n");
            let first = format!("GET /a {status} complete 0+0");
            assert_eq!(response_framed(GET, &response), [first.as_str(), NEXT]);
        }
    }

    #[test]
    fn several_interim_responses() {
        let response = format!(
            "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n{OK5}"
        );
        assert_eq!(response_framed(GET, &response), ["GET /a 200 complete 0+5", NEXT]);
    }

    #[test]
    fn ttfb_is_that_of_the_final_response() {
        let talk = open().client().sends(GET).then();
        let talk = talk.server().sends("HTTP/1.1 103 Early Hints\r\n\r\n").then().after(300);
        let report = talk.server().sends(OK5).then().closes().says();
        assert!(report.one().ttfb().unwrap().as_millis() >= 300);
    }

    #[test]
    fn folded_field() {
        let response = "HTTP/1.1 200 OK\r\nx: 1\r\n\t2\r\ncontent-length: 5\r\n\r\nhello";
        assert_eq!(response_framed(GET, response), ["GET /a 200 complete 0+5", NEXT]);
    }

    #[test]
    fn bare_line_feeds() {
        let response = "HTTP/1.1 200 OK\ncontent-length: 5\n\nhello";
        assert_eq!(response_framed(GET, response), ["GET /a 200 complete 0+5", NEXT]);
    }

    #[test]
    fn no_reason_phrase() {
        let response = "HTTP/1.1 200\r\ncontent-length: 5\r\n\r\nhello";
        assert_eq!(response_framed(GET, response), ["GET /a 200 complete 0+5", NEXT]);
    }

    #[test]
    fn upgrade_then_opaque() {
        let get = "GET /ws HTTP/1.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
        let talk = open().client().sends(get).then();
        let talk = talk.server().sends("HTTP/1.1 101 Switching Protocols\r\n\r\n\x01\x02").then();
        let talk = talk.client().sends(GET).then().server().sends(OK5).then();
        let report = talk.closes().says();
        assert_eq!(report.brief(), ["GET /ws 101 complete 0+0"]);
        assert_eq!(report.counts.opaque, 1);
    }

    #[test]
    fn upgrade_refused() {
        let get = "GET /ws HTTP/1.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
        assert_eq!(response_framed(get, OK5), ["GET /ws 200 complete 0+5", NEXT]);
    }

    #[test]
    fn connect_then_opaque() {
        let talk = open().client().sends("CONNECT h:443 HTTP/1.1\r\n\r\n").then();
        let talk = talk.server().sends("HTTP/1.1 200 Connected\r\n\r\n").then();
        let talk = talk.client().sends([22, 3, 1, 0, 5, 1, 0]).then().server().sends(OK5).then();
        assert_eq!(talk.closes().brief(), ["CONNECT h:443 200 complete 0+0"]);
    }

    #[test]
    fn connect_refused_by_the_proxy() {
        let no = "HTTP/1.1 403 No\r\ncontent-length: 2\r\n\r\nno";
        let connect = "CONNECT h:443 HTTP/1.1\r\n\r\n";
        assert_eq!(response_framed(connect, no), ["CONNECT h:443 403 complete 0+2", NEXT]);
    }

    #[test]
    fn early_413_while_the_body_is_sent() {
        let post = "POST /a HTTP/1.1\r\ncontent-length: 9000\r\n\r\n";
        let talk = open().client().sends(post).sends([0; 1000]).then();
        let no = "HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        let talk = talk.server().sends(no).fin().client().sends([0; 1000]);
        let report = talk.server().bare_rst().says();
        let one = report.one();
        assert_eq!((one.outcome, one.response.as_ref().unwrap().status), (Outcome::Complete, 413));
    }

    #[test]
    fn early_answer_then_the_rest_of_the_body_and_another_request() {
        let post = "POST /a HTTP/1.1\r\ncontent-length: 8\r\n\r\nhalf";
        let talk = open().client().sends(post).then().server().sends(OK5).then();
        let talk = talk.client().sends("rest").sends(GET).then().server().sends(OK5).then();
        let brief = talk.closes().brief();
        assert_eq!(brief.len(), 2, "{brief:?}");
        assert!(brief[0].starts_with("POST /a 200 complete"), "{brief:?}");
        assert_eq!(brief[1], "GET /a 200 complete 0+5");
    }

    #[test]
    fn pipelined_ten() {
        let requests: String = (0..10).map(|n| format!("GET /{n} HTTP/1.1\r\n\r\n")).collect();
        let talk = open().client().sends(requests).then().server().sends(OK5.repeat(10)).then();
        let expected: Vec<_> = (0..10).map(|n| format!("GET /{n} 200 complete 0+5")).collect();
        assert_eq!(talk.closes().brief(), expected);
    }

    #[test]
    fn pipelined_and_closed_after_the_second_answer() {
        let requests: String = (0..4).map(|n| format!("GET /{n} HTTP/1.1\r\n\r\n")).collect();
        let talk = open().client().sends(requests).then().server().sends(OK5.repeat(2)).fin();
        let brief = talk.client().acks().fin().then().brief();
        let closed = |n| format!("GET /{n} - server_closed_before_response 0+-");
        assert_eq!(brief[..2], ["GET /0 200 complete 0+5", "GET /1 200 complete 0+5"]);
        assert_eq!(brief[2..], [closed(2), closed(3)]);
    }
}

mod what_the_capture_lacks {
    use super::*;

    #[test]
    fn gap_in_a_body_with_a_length() {
        let response = "HTTP/1.1 200 OK\r\ncontent-length: 3000\r\n\r\n";
        let talk = open().client().sends(GET).then().server().sends(response);
        let talk = talk.sends([b'x'; 1000]).unseen(|t| t.sends([b'x'; 1000])).sends([b'x'; 1000]);
        let report = talk.then().closes().says();
        assert_eq!(report.brief(), ["GET /a 200 complete 0+3000"]);
        assert_eq!((report.counts.gaps, report.counts.missed_bytes), (1, 1000));
    }

    #[test]
    fn gap_in_a_request_body() {
        let post = "POST /a HTTP/1.1\r\ncontent-length: 3000\r\n\r\n";
        let talk =
            open().client().sends(post).unseen(|t| t.sends([b'x'; 1000])).sends([b'x'; 2000]);
        let talk = talk.then().server().sends(OK5).then().closes();
        assert_eq!(talk.brief(), ["POST /a 200 complete 3000+5"]);
    }

    #[test]
    fn the_answer_was_not_captured() {
        let talk = open().client().sends(GET).then().server().unseen(|t| t.sends(OK5)).then();
        let report = talk.closes().says();
        assert_eq!(report.brief(), ["GET /a - unknown 0+-"]);
        assert_eq!(report.counts.missed_bytes, OK5.len() as u64);
    }

    #[test]
    fn an_answer_known_to_be_lost_before_its_request_is_read() {
        // The second request waits behind a gap; meanwhile the client acknowledges the answers.
        let talk = open().client().unseen(|talk| talk.sends(GET)).sends(GET);
        let talk = talk.server().unseen(|talk| talk.acks().sends(OK5.repeat(2)));
        let talk = talk.after(2000).client().sends("GET /b HTTP/1.1\r\n\r\n");
        let talk = talk.after(2000).server().sends(OK5).client().acks();
        let talk = talk.fin().server().acks().fin().client().acks();
        assert_eq!(talk.brief(), ["GET /a - unknown 0+-", "GET /b 200 complete 0+5"]);
    }

    #[test]
    fn the_answer_that_changed_the_protocol_was_not_captured() {
        let upgrade = "GET /a HTTP/1.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
        let switched = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n";
        let talk = open().client().sends(upgrade).then().server().unseen(|t| t.sends(switched));
        let talk = talk.then().client().sends(b"\x88\x82abcd\x62\x8a");
        assert_eq!(talk.clone().then().closes().brief(), ["GET /a - unknown 0+-"]);
        assert_eq!(talk.then().server().rst().brief(), ["GET /a - unknown 0+-"]);
    }

    #[test]
    fn the_end_of_a_head_was_not_captured() {
        let talk = open().client().sends(GET).then();
        let talk = talk
            .server()
            .sends("HTTP/1.1 200 OK\r\ncont")
            .unseen(|t| t.sends("ent-length: 5\r\n\r\nhello"));
        let report = talk.then().closes().says();
        let one = report.one();
        assert!(matches!(one.outcome, Outcome::Unknown | Outcome::Complete), "{one:?}");
    }

    #[test]
    fn the_next_exchange_is_understood_again() {
        let talk = open().client().sends(GET).then().server().unseen(|t| t.sends(OK5)).then();
        let talk = talk.client().sends(GET).then().server().sends(OK5).then();
        assert_eq!(talk.closes().brief(), ["GET /a - unknown 0+-", "GET /a 200 complete 0+5"]);
    }

    #[test]
    fn the_request_was_not_captured() {
        let talk = open().client().unseen(|t| t.sends(GET)).then().server().sends(OK5).then();
        let brief = talk.closes().brief();
        assert!(brief == ["- - 200 complete 0+5"] || brief.is_empty(), "{brief:?}");
    }

    #[test]
    fn begun_in_a_body() {
        let talk = open().client().sends(GET).then().server();
        let before =
            talk.sends("HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n").sends([b'x'; 1000]);
        let skip = before.clone().frames().len();
        let talk = before.sends([b'x'; 1000]).then();
        let talk = talk.client().sends("GET /b HTTP/1.1\r\n\r\n").then().server().sends(OK5).then();
        let report = analyse(&talk.closes().frames()[skip..]);
        assert_eq!(report.brief(), ["GET /b 200 complete 0+5"]);
        assert_eq!((report.counts.midstream, report.counts.connections), (1, 1));
    }

    #[test]
    fn snap_length_cuts_bodies() {
        let response =
            format!("HTTP/1.1 200 OK\r\ncontent-length: 3000\r\n\r\n{}", "x".repeat(3000));
        let talk = open().snapped(200).in_segments_of(1400).client().sends(GET).then();
        let report = talk.server().sends(response).then().closes().says();
        assert_eq!(report.brief(), ["GET /a 200 complete 0+3000"]);
    }

    #[test]
    fn snap_length_cuts_heads() {
        let get = format!("GET /a HTTP/1.1\r\nhost: h\r\ncookie: {}\r\n\r\n", "x".repeat(400));
        let talk = open().snapped(128).client().sends(&get).then().server().sends(OK5).then();
        let talk = talk.client().sends(&get).then().server().sends(OK5).then();
        let brief = talk.closes().brief();
        assert_eq!(brief.len(), 2, "{brief:?}");
        for one in brief {
            assert!(one.starts_with("GET /a 200 complete") || one.contains("unknown"), "{one}");
        }
    }

    #[test]
    fn a_reset_far_behind_shows_that_an_answer_was_sent() {
        let talk = open().client().sends(GET).then().server().unseen(|t| t.sends(OK5)).rst();
        assert_eq!(talk.capture_runs_on(3000).brief(), ["GET /a - unknown 0+-"]);
    }

    #[test]
    fn a_half_closed_client_may_have_taken_the_lost_answer() {
        let talk = open().client().sends(GET).fin().then().after(500);
        let talk = talk.server().unseen(|t| t.sends(OK5).then()).after(300).server().fin();
        assert_eq!(talk.capture_runs_on(5000).brief(), ["GET /a - unknown 0+-"]);
    }
}

mod endings {
    use super::*;

    /// A request that waits for its answer.
    fn asked() -> Talk {
        open().client().sends(GET).then().after(500)
    }

    #[test]
    fn the_client_closes_and_the_late_answer_meets_a_reset() {
        let talk = asked().client().fin().then().after(243).server().sends(OK5).client().bare_rst();
        let report = talk.says();
        let one = report.one();
        assert_eq!(one.outcome, Outcome::ClientFinBeforeResponse);
        assert_eq!(one.by, Some(Side::Client));
        assert_eq!(one.gap().unwrap().as_millis(), 502);
        assert_eq!(one.late().unwrap().as_millis(), 747);
        assert_eq!(one.late.unwrap().status, Some(200));
        assert!(one.response.is_none() && one.ttfb().is_none());
    }

    #[test]
    fn the_late_answer_comes_after_seconds() {
        let talk = asked().client().fin().then().after(30_000).server();
        let report =
            talk.sends("HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n").client().bare_rst().says();
        let one = report.one();
        assert_eq!(one.outcome, Outcome::ClientFinBeforeResponse);
        assert_eq!(one.late.unwrap().status, Some(503));
        assert!(one.late().unwrap().as_secs() >= 30);
    }

    #[test]
    fn the_client_closes_and_the_server_closes_without_an_answer() {
        let report = asked().client().fin().then().after(10).server().fin().then().says();
        assert_eq!(report.one().outcome, Outcome::ClientFinBeforeResponse);
    }

    #[test]
    fn a_half_closed_client_takes_the_answer() {
        let talk = asked().client().fin().then().after(100).server().sends(OK5).then();
        let report = talk.server().fin().then().says();
        assert_eq!(report.brief(), ["GET /a 200 half_close_ok 0+5"]);
        assert!(report.one().late.is_none());
    }

    #[test]
    fn closed_with_the_request_and_answered() {
        let talk = open().client().sends_and_fin(GET).then().server().sends(OK5).then();
        assert_eq!(talk.server().fin().then().brief(), ["GET /a 200 half_close_ok 0+5"]);
    }

    #[test]
    fn the_client_resets() {
        let report = asked().client().rst().says();
        let one = report.one();
        assert_eq!((one.outcome, one.by), (Outcome::ClientRstBeforeResponse, Some(Side::Client)));
        assert_eq!(one.gap().unwrap().as_millis(), 502);
    }

    #[test]
    fn the_server_closes() {
        let report = asked().server().fin().client().acks().fin().then().says();
        let one = report.one();
        assert_eq!(
            (one.outcome, one.by),
            (Outcome::ServerClosedBeforeResponse, Some(Side::Server))
        );
    }

    #[test]
    fn the_server_resets() {
        let report = asked().server().rst().says();
        assert_eq!(report.one().outcome, Outcome::ServerClosedBeforeResponse);
        assert_eq!(report.one().by, Some(Side::Server));
    }

    #[test]
    fn the_server_closes_in_the_body() {
        let talk = asked().server().sends("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc").then();
        let report = talk.server().fin().client().acks().fin().then().says();
        assert_eq!(report.brief(), ["GET /a 200 truncated_response 0+3"]);
        assert_eq!(report.one().by, Some(Side::Server));
    }

    #[test]
    fn the_client_resets_in_the_body() {
        let talk = asked().server().sends("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc").then();
        let report = talk.client().rst().says();
        assert_eq!(report.brief(), ["GET /a 200 truncated_response 0+3"]);
        assert_eq!(report.one().by, Some(Side::Client));
    }

    #[test]
    fn the_client_closes_in_its_request() {
        let post = "POST /a HTTP/1.1\r\ncontent-length: 9\r\n\r\nabc";
        let report = open().client().sends(post).fin().then().server().fin().then().says();
        assert_eq!(report.brief(), ["POST /a - truncated_request 3+-"]);
        assert_eq!(report.one().by, Some(Side::Client));
    }

    #[test]
    fn the_client_resets_in_its_head() {
        let report =
            open().client().sends("GET /a HTTP/1.1\r\nhost: h\r\nco").then().client().rst().says();
        assert_eq!(report.brief(), ["GET /a - truncated_request 0+-"]);
    }

    #[test]
    fn both_close_at_once_after_the_exchange() {
        let talk = exchange(GET, OK5).client().fin().server().crossing().fin();
        assert_eq!(talk.client().acks().server().acks().brief(), ["GET /a 200 complete 0+5"]);
    }

    #[test]
    fn both_close_at_once_before_the_answer() {
        let talk = asked().server().fin().client().crossing().fin().server().acks().client().acks();
        let report = talk.says();
        assert_eq!(report.one().outcome, Outcome::ServerClosedBeforeResponse);
        let talk = asked().client().fin().server().crossing().fin().client().acks().server().acks();
        let report = talk.says();
        assert_eq!(report.one().outcome, Outcome::ClientFinBeforeResponse);
    }

    #[test]
    fn an_idle_connection_closes_or_resets() {
        let idle = || exchange(GET, OK5).after(60_000);
        for talk in [
            idle().closes(),
            idle().client().rst(),
            idle().server().rst(),
            idle().server().fin().then(),
        ] {
            assert_eq!(talk.brief(), ["GET /a 200 complete 0+5"]);
        }
    }

    #[test]
    fn closed_by_the_client_in_the_packet_after_the_answer() {
        let talk = open().client().sends(GET).then().server().sends(OK5);
        let talk = talk.client().crossing().fin().server().acks().bare_rst();
        let outcome = talk.says().one().outcome;
        assert!(matches!(
            outcome,
            Outcome::Complete | Outcome::Unknown | Outcome::ClientFinBeforeResponse
        ));
    }

    #[test]
    fn connected_only() {
        let report = open().closes().says();
        assert_eq!((report.brief().len(), report.counts.silent), (0, 1));
    }

    #[test]
    fn refused() {
        let report = talk().client().syn().server().refuses().says();
        let one = report.one();
        assert_eq!((one.outcome, one.by), (Outcome::Refused, Some(Side::Server)));
        assert_eq!(one.request.attempts, 1);
    }

    #[test]
    fn reset_within_the_handshake_by_the_client() {
        let report = talk().client().syn().server().syn_ack().client().bare_rst().says();
        assert_eq!(report.brief(), [""; 0]);
    }
}

mod end_of_the_capture {
    use super::*;

    fn left() -> Talk {
        open().client().sends(GET).then().after(500).client().fin().then()
    }

    #[test]
    fn a_fin_just_before_it_is_no_verdict() {
        for ms in [0, 500, 1990] {
            let report = left().capture_runs_on(ms).says();
            assert_eq!(report.one().outcome, Outcome::InProgress, "{ms} ms");
        }
    }

    #[test]
    fn a_fin_two_seconds_before_it_is_one() {
        for ms in [2000, 60_000] {
            let report = left().capture_runs_on(ms).says();
            assert_eq!(report.one().outcome, Outcome::ClientFinBeforeResponse, "{ms} ms");
        }
    }

    #[test]
    fn a_syn_just_before_it_is_no_verdict() {
        let report = talk().client().syn().capture_runs_on(990).says();
        assert_eq!(report.one().outcome, Outcome::InProgress);
    }

    #[test]
    fn a_syn_one_second_before_it_is_a_timeout() {
        let report = talk().client().syn().capture_runs_on(1000).says();
        assert_eq!(report.one().outcome, Outcome::ConnectTimeout);
        assert_eq!(report.one().request.attempts, 1);
    }

    #[test]
    fn repeated_syns_are_one_connect() {
        let talk = talk().client().syn().after(998).again().after(1998).again();
        let report = talk.capture_runs_on(10_000).says();
        let one = report.one();
        assert_eq!((one.outcome, one.request.attempts), (Outcome::ConnectTimeout, 3));
    }

    #[test]
    fn an_open_request_is_in_progress() {
        let report = open().client().sends(GET).then().capture_runs_on(20_000).says();
        assert_eq!(report.one().outcome, Outcome::InProgress);
    }
}

mod tcp {
    use super::*;

    #[test]
    fn sequence_numbers_wrap_in_the_exchange() {
        for before in 0..40 {
            let talk = talk().numbered(u32::MAX - before, u32::MAX - before).connects();
            let talk = talk.client().sends(GET).then().server().sends(OK5).then().closes();
            assert_eq!(talk.brief(), ["GET /a 200 complete 0+5"], "{before} before the wrap");
        }
    }

    #[test]
    fn keep_alive_probes_are_nothing() {
        let talk = exchange(GET, OK5).after(15_000).client().probes().server().acks();
        let talk = talk.after(15_000).server().probes().client().acks();
        let report = talk.client().sends(GET).then().server().sends(OK5).then().closes().says();
        assert_eq!(report.brief(), ["GET /a 200 complete 0+5"; 2]);
        assert_eq!((report.counts.retransmissions, report.counts.gaps), (0, 0));
    }

    #[test]
    fn keep_alive_probes_while_the_answer_is_awaited() {
        let mut talk = open().client().sends(GET).then();
        for _ in 0..5 {
            talk = talk.after(15_000).client().probes().server().acks();
        }
        assert_eq!(talk.server().sends(OK5).then().closes().brief(), ["GET /a 200 complete 0+5"]);
    }

    #[test]
    fn retransmissions_are_counted_once_and_change_nothing() {
        let talk = open().client().sends(GET).again().then().server().sends(OK5).again().then();
        let report = talk.closes().says();
        assert_eq!(report.brief(), ["GET /a 200 complete 0+5"]);
        assert_eq!(report.counts.retransmissions, 2);
    }

    #[test]
    fn fast_open_data_in_the_syn() {
        let talk = talk().client().syn_with(GET.as_bytes()).server().syn_ack().sends(OK5);
        assert_eq!(talk.client().acks().closes().brief(), ["GET /a 200 complete 0+5"]);
    }

    #[test]
    fn acknowledgments_behind_a_hole_are_no_retransmissions() {
        let talk = open().client().sends(GET).then().server().unseen(|t| t.sends(OK5));
        let talk = talk.acks().acks().acks().client().acks();
        assert_eq!(talk.closes().says().counts.retransmissions, 0);
    }

    #[test]
    fn what_is_never_understood_is_counted() {
        let talk = || open().client().sends([1; 100]).then().server().sends([2; 100]).then();
        let binary = talk().closes().says();
        assert_eq!((binary.counts.opaque, binary.counts.silent), (1, 0));
        let midstream = analyse(&talk().sends([3; 100]).closes().frames()[4..]);
        assert_eq!((midstream.counts.opaque, midstream.counts.silent), (1, 0));
        let snapped = talk().snapped(54).client().sends(GET).then().closes().says();
        assert_eq!((snapped.counts.opaque, snapped.counts.silent), (1, 0));
    }

    #[test]
    fn ports_used_again() {
        let first = exchange(GET, OK5).closes();
        let second = talk().after(5000).numbered(77_000, 99_000).connects();
        let second =
            second.client().sends("GET /b HTTP/1.1\r\n\r\n").then().server().sends(OK5).then();
        let report = analyse(&together([first, second.closes()]));
        assert_eq!(report.brief(), ["GET /a 200 complete 0+5", "GET /b 200 complete 0+5"]);
        assert_eq!(report.counts.connections, 2);
    }

    #[test]
    fn ports_used_again_while_a_request_was_open() {
        let first = open().client().sends(GET).then();
        let second = talk().after(90_000).numbered(77_000, 99_000).connects();
        let second =
            second.client().sends("GET /b HTTP/1.1\r\n\r\n").then().server().sends(OK5).then();
        let report = analyse(&together([first, second.closes()]));
        assert_eq!(report.brief(), ["GET /a - unknown 0+-", "GET /b 200 complete 0+5"]);
    }

    #[test]
    fn redirected_to_a_proxy() {
        let talk =
            between("10.0.0.1:40000", "10.7.7.7:80").redirected("127.0.0.1:15001").connects();
        let talk = talk.client().sends(GET).then().server().sends(OK5).then().closes();
        let report = talk.says();
        assert_eq!(report.brief(), ["GET /a 200 complete 0+5"]);
        assert_eq!(report.one().server.to_string(), "10.7.7.7:80");
        assert_eq!(report.one().client.to_string(), "10.0.0.1:40000");
        assert_eq!(report.counts.connections, 1);
    }

    #[test]
    fn redirected_and_begun_before_the_capture() {
        let talk =
            between("10.0.0.1:40000", "10.7.7.7:80").redirected("127.0.0.1:15001").connects();
        let talk = talk.client().sends(GET).then().server().sends(OK5).then().closes();
        let report = analyse(&talk.frames()[3..]);
        assert_eq!(report.brief(), ["GET /a 200 complete 0+5"]);
        assert_eq!(report.one().server.to_string(), "10.7.7.7:80");
    }

    #[test]
    fn redirected_and_given_up() {
        let talk =
            between("10.0.0.1:40000", "10.7.7.7:80").redirected("127.0.0.1:15001").connects();
        let talk = talk.client().sends(GET).then().after(500).client().fin().then().after(200);
        let report = talk.server().sends(OK5).client().bare_rst().says();
        let one = report.one();
        assert_eq!(one.outcome, Outcome::ClientFinBeforeResponse);
        assert_eq!(one.late.unwrap().status, Some(200));
        assert_eq!(one.server.to_string(), "10.7.7.7:80");
    }

    #[test]
    fn redirected_and_refused() {
        let talk = between("10.0.0.1:40000", "10.7.7.7:80").redirected("127.0.0.1:15001");
        let report = talk.client().syn().server().refuses().says();
        assert_eq!(report.one().outcome, Outcome::Refused);
        assert_eq!(report.one().server.to_string(), "10.7.7.7:80");
    }

    #[test]
    fn over_ipv6() {
        let talk = between("[fd00::1]:40000", "[fd00::2]:80").connects();
        let report = talk.client().sends(GET).then().server().sends(OK5).then().closes().says();
        assert_eq!(report.brief(), ["GET /a 200 complete 0+5"]);
        assert_eq!(report.one().server.to_string(), "[fd00::2]:80");
    }

    #[test]
    fn a_reset_out_of_the_window_is_another_connections() {
        let mut talk = open().client().sends(GET).then();
        talk.raw(support::talk::RST, 3_000_000_000, 0, b"");
        let talk = talk.server().sends(OK5).then().closes();
        assert_eq!(talk.brief(), ["GET /a 200 complete 0+5"]);
    }

    #[test]
    fn an_acknowledgment_from_nowhere_is_no_loss() {
        let mut talk = open().client().sends(GET).then().client();
        talk.raw(ACK, 1031, 5_000_000 + (1 << 30), b"");
        let report = talk.server().sends(OK5).then().closes().says();
        assert_eq!(report.brief(), ["GET /a 200 complete 0+5"]);
        assert_eq!(report.counts.gaps, 0);
    }
}
