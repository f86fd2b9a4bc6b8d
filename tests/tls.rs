//! TLS handshakes: how they ended, as far as plaintext, lengths and order prove it.

mod support;

use meshsniff::pairing::detail::{Shape, Tls};
use meshsniff::pairing::{Exchange, Outcome, Side};
use meshsniff::problem::Code;
use support::Report;
use support::talk::{Talk, open, talk};

const CLIENT_HELLO_12: &[u8] = include_bytes!("fuzz/words/client-hello-12");
const CLIENT_HELLO_13: &[u8] = include_bytes!("fuzz/words/client-hello-13");
const SERVER_HELLO_12: &[u8] = include_bytes!("fuzz/words/server-hello-12");
const SERVER_HELLO_13: &[u8] = include_bytes!("fuzz/words/server-hello-13");
const CERTIFICATE: &[u8] = include_bytes!("fuzz/words/certificate");

const CHANGE: [u8; 6] = [20, 3, 3, 0, 1, 1];
const UNKNOWN_CA: [u8; 7] = [21, 3, 3, 0, 2, 2, 48];
/// Lengths of what TLS 1.3 encrypts, with the suite of `SERVER_HELLO_13`.
const ALERT: usize = 19;
const FINISHED: usize = 69;
const NO_CERTIFICATE: usize = 25;

/// An encrypted record.
fn sealed(kind: u8, len: usize) -> Vec<u8> {
    let [.., high, low] = len.to_be_bytes();
    [&[kind, 3, 3, high, low][..], &vec![0xee; len]].concat()
}

/// Application data of TLS 1.3, or what looks like it.
fn data(lengths: &[usize]) -> Vec<u8> {
    lengths.iter().flat_map(|len| sealed(23, *len)).collect()
}

/// A TLS 1.3 connection up to the server's Finished.
fn hellos() -> Talk {
    let talk = open().client().sends(CLIENT_HELLO_13).then();
    let flight = [SERVER_HELLO_13, &CHANGE, &data(&[23, 475, 96, FINISHED])].concat();
    talk.server().sends(flight).then()
}

/// A TLS 1.2 connection up to the server's certificate and what follows it.
fn hellos12() -> Talk {
    let talk = open().client().sends(CLIENT_HELLO_12).then();
    talk.server()
        .sends([SERVER_HELLO_12, CERTIFICATE, &[22, 3, 3, 0, 4, 14, 0, 0, 0]].concat())
        .then()
}

fn tls(exchange: &Exchange) -> &Tls {
    exchange.tls().unwrap()
}

#[track_caller]
fn ended(report: &Report, outcome: Outcome, by: Option<Side>) -> &Tls {
    let one = report.one();
    assert_eq!((one.outcome, one.by), (outcome, by), "{one:?}");
    tls(one)
}

mod tls13 {
    use super::*;

    #[test]
    fn a_finished_of_the_client_is_success() {
        let talk = hellos().client().sends(data(&[FINISHED])).then();
        let report = talk.clone().says();
        let tls = ended(&report, Outcome::TlsOk, None);
        assert_eq!(tls.sni.as_deref(), Some("catalog.shop.svc"));
        assert_eq!((tls.version, tls.cipher), (Some(0x0304), Some(0x1302)));
        // However it goes on and ends, it was told, once.
        let good_bye = talk.client().sends(data(&[ALERT])).fin().server().sends(data(&[ALERT]));
        ended(&good_bye.bare_rst().says(), Outcome::TlsOk, None);
    }

    #[test]
    fn an_alert_instead_of_the_finished_is_a_refusal() {
        let talk = hellos().client().sends([&CHANGE, &data(&[ALERT])[..]].concat());
        let report = talk.closes().says();
        let tls = ended(&report, Outcome::TlsAlert, Some(Side::Client));
        assert_eq!(tls.alert.unwrap().description, None);
        assert!(report.one().findings.contains(Code::TlsCertificateRejected));
    }

    #[test]
    fn what_may_be_a_good_bye_is_no_refusal() {
        // Its Finished was not captured.
        let talk = hellos().client().unseen(|talk| talk.sends(data(&[FINISHED])));
        let report = talk.sends(data(&[ALERT])).closes().says();
        ended(&report, Outcome::Unknown, None);
    }

    #[test]
    fn the_client_leaves_after_the_certificate() {
        let report = hellos().after(50).client().fin().server().sends(data(&[ALERT])).says();
        ended(&report, Outcome::TlsClosedNoAlert, Some(Side::Client));
        assert_eq!(report.one().gap().map(|gap| gap.as_millis()), Some(54));
        assert!(report.one().findings.contains(Code::TlsLeftSilently));
        let report = hellos().client().rst().says();
        ended(&report, Outcome::TlsClosedNoAlert, Some(Side::Client));
    }

    #[test]
    fn silence_proves_nothing_where_bytes_are_missing() {
        let talk = open().client().sends(CLIENT_HELLO_13).then();
        let talk = talk.server().unseen(|talk| talk.sends([0; 300])).then();
        ended(&talk.client().fin().says(), Outcome::Unknown, None);
    }

    #[test]
    fn an_alert_in_plaintext_proves_itself() {
        let talk = open().client().unseen(|talk| talk.sends(CLIENT_HELLO_13)).then();
        let talk = talk.server().sends(SERVER_HELLO_13).then().client().sends(UNKNOWN_CA);
        let report = talk.rst().says();
        let tls = ended(&report, Outcome::TlsAlert, Some(Side::Client));
        assert_eq!((tls.alert.unwrap().description, &tls.sni), (Some(48), &None));
        assert_eq!(report.one().request.last, None);
    }

    #[test]
    fn a_client_certificate_that_is_taken() {
        let talk = hellos().client().sends(data(&[475, 96, FINISHED])).then();
        assert_eq!(talk.clone().says().one().outcome, Outcome::InProgress);
        let report = talk.server().sends(data(&[250])).closes().says();
        assert_eq!(ended(&report, Outcome::TlsOk, None).shape, Some(Shape::Certificate));
    }

    #[test]
    fn a_client_certificate_that_is_refused() {
        for (flight, shape) in [
            (&[475, 96, FINISHED][..], Shape::Certificate),
            (&[NO_CERTIFICATE, FINISHED], Shape::NoCertificate),
            // All in one record.
            (&[8 + 52 + 17], Shape::Certificate),
        ] {
            let talk = hellos().client().sends(data(flight)).sends(data(&[166])).then();
            let report = talk.server().sends(data(&[ALERT])).rst().says();
            let tls = ended(&report, Outcome::TlsAlert, Some(Side::Server));
            assert_eq!(tls.shape, Some(shape));
            assert!(report.one().findings.contains(Code::TlsClientCertificate));
        }
    }

    #[test]
    fn a_late_good_bye_of_the_server_is_no_refusal() {
        let talk = hellos().client().sends(data(&[475, 96, FINISHED])).then().after(5000);
        let talk = talk.client().sends(data(&[166])).then();
        ended(&talk.server().sends(data(&[ALERT])).fin().says(), Outcome::Unknown, None);
    }

    #[test]
    fn an_answer_to_the_clients_good_bye_is_no_refusal() {
        let talk = hellos().client().sends(data(&[FINISHED])).sends(data(&[ALERT])).then();
        ended(&talk.server().sends(data(&[ALERT])).fin().says(), Outcome::TlsOk, None);
    }

    #[test]
    fn early_data_is_no_alert() {
        let mut hello = CLIENT_HELLO_13.to_vec();
        let early = [0, 42, 0, 0];
        hello.extend(early);
        // The lengths of the record, the message and the extensions.
        let session = usize::from(hello[43]);
        let ciphers = 44 + session;
        let suites = usize::from(u16::from_be_bytes([hello[ciphers], hello[ciphers + 1]]));
        let extensions = ciphers + 2 + suites + 2;
        for at in [3, 7, extensions] {
            let len = u16::from_be_bytes([hello[at], hello[at + 1]]) + 4;
            hello[at..at + 2].copy_from_slice(&len.to_be_bytes());
        }
        let talk = open().client().sends(hello).sends(data(&[ALERT])).then();
        let talk = talk.server().sends([SERVER_HELLO_13, &data(&[23, FINISHED])].concat());
        let talk = talk.then().client().sends(data(&[ALERT])).then();
        assert_eq!(talk.clone().says().one().outcome, Outcome::InProgress);
        let talk = talk.client().sends(data(&[21, FINISHED])).then();
        let talk = talk.server().sends(data(&[250]));
        ended(&talk.says(), Outcome::TlsOk, None);
    }
}

mod tls12 {
    use super::*;

    fn finished() -> Vec<u8> {
        [&CHANGE, &sealed(22, 40)[..]].concat()
    }

    #[test]
    fn both_have_to_finish() {
        let talk = hellos12().client().sends(finished()).then();
        assert_eq!(talk.clone().says().one().outcome, Outcome::InProgress);
        let report = talk.server().sends(finished()).then().closes().says();
        let tls = ended(&report, Outcome::TlsOk, None);
        let certificate = tls.certificate.as_ref().unwrap();
        assert_eq!(&*certificate.subject, "O=meshsniff tests, CN=server");
        assert!(certificate.not_before < certificate.not_after);
        assert_eq!(report.one().total().map(|total| total.as_millis()), Some(6));
    }

    #[test]
    fn a_session_that_is_resumed() {
        let talk = open().client().sends(CLIENT_HELLO_12).then();
        let talk = talk.server().sends([SERVER_HELLO_12, &finished()].concat()).then();
        ended(&talk.client().sends(finished()).says(), Outcome::TlsOk, None);
    }

    #[test]
    fn alerts_by_either_side() {
        let report = hellos12().client().sends(UNKNOWN_CA).rst().says();
        ended(&report, Outcome::TlsAlert, Some(Side::Client));
        assert!(report.one().findings.contains(Code::TlsCertificateRejected));
        let empty = [22, 3, 3, 0, 7, 11, 0, 0, 3, 0, 0, 0];
        let refuse = [21, 3, 3, 0, 2, 2, 40];
        let talk = hellos12().client().sends(empty).sends(finished()).then();
        let report = talk.server().sends(refuse).rst().says();
        ended(&report, Outcome::TlsAlert, Some(Side::Server));
        assert!(report.one().findings.contains(Code::TlsClientCertificate));
    }

    #[test]
    fn a_warning_after_which_it_goes_on() {
        let warning = [21, 3, 3, 0, 2, 1, 112];
        let talk = open().client().sends(CLIENT_HELLO_12).then();
        let talk = talk.server().sends(warning).sends(SERVER_HELLO_12).then();
        let report = talk.client().fin().says();
        let tls = ended(&report, Outcome::TlsClosedNoAlert, Some(Side::Client));
        assert_eq!(tls.alert, None);
        let talk = open().client().sends(CLIENT_HELLO_12).then().server().sends(warning).fin();
        let report = talk.says();
        let tls = ended(&report, Outcome::TlsAlert, Some(Side::Server));
        assert_eq!(tls.alert.unwrap().description, Some(112));
    }

    #[test]
    fn the_alert_that_answers_a_silent_leave_is_not_the_reason() {
        let late = [21, 3, 3, 0, 2, 2, 50];
        let report = hellos12().client().fin().server().sends(late).says();
        ended(&report, Outcome::TlsClosedNoAlert, Some(Side::Client));
    }
}

mod connections {
    use super::*;

    #[test]
    fn the_server_never_answers() {
        let report = open().client().sends(CLIENT_HELLO_13).after(5000).fin().says();
        let tls = ended(&report, Outcome::TlsClosedNoAlert, Some(Side::Client));
        assert!(tls.answered.is_none());
        assert_eq!(report.one().gap().map(|gap| gap.as_millis()), Some(5001));
    }

    #[test]
    fn a_hello_that_comes_byte_by_byte() {
        let talk = open().in_segments_of(1).client().sends(CLIENT_HELLO_13);
        let one = talk.says().exchanges.pop().unwrap();
        assert_eq!(tls(&one).sni.as_deref(), Some("catalog.shop.svc"));
        let [first, last] = [one.request.first, one.request.last].map(Option::unwrap);
        assert_eq!(last.number - first.number + 1, CLIENT_HELLO_13.len() as u64);
    }

    #[test]
    fn connected_only() {
        let report = open().client().fin().server().fin().then().says();
        assert_eq!(report.brief(), [""; 0]);
    }

    #[test]
    fn begun_before_the_capture() {
        let talk = talk().client().sends(data(&[300])).then().server().sends(data(&[900])).then();
        let report = talk.closes().says();
        assert_eq!(report.brief(), [""; 0]);
        assert_eq!((report.counts.tls, report.counts.opaque), (1, 0));
    }

    #[test]
    fn a_success_is_told_before_the_connection_ends() {
        let frames = hellos().client().sends(data(&[FINISHED])).frames();
        let mut analysis = meshsniff::Analysis::new(meshsniff::Settings::default());
        for (number, frame) in (1..).zip(&frames) {
            analysis.push(&frame.packet(number));
        }
        assert!(matches!(analysis.poll(), Some(meshsniff::Event::Exchange(_))));
        analysis.finish();
        assert!(analysis.poll().is_none());
    }

    #[test]
    fn data_are_counted() {
        let talk = hellos().client().sends(data(&[FINISHED])).then();
        let report = talk.server().sends(data(&[1000, 20_000 - 17_000])).then().closes().says();
        assert_eq!(report.counts.tls_bytes, 4000);
    }
}

mod plaintext {
    use super::*;

    const GET: &str = "GET /a HTTP/1.1\r\nhost: a\r\n\r\n";

    #[test]
    fn http_to_a_tls_server_that_sends_an_alert() {
        let talk = open().client().sends(GET).then();
        let report = talk.server().sends([21, 3, 1, 0, 2, 2, 70]).fin().then().says();
        let one = report.one();
        assert_eq!(
            (one.outcome, one.by),
            (Outcome::ServerClosedBeforeResponse, Some(Side::Server))
        );
        assert_eq!(tls(one).alert.unwrap().description, Some(70));
        assert!(one.findings.contains(Code::TlsAndPlaintext));
    }

    #[test]
    fn http_to_a_tls_server_that_says_so() {
        let words =
            "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
        let talk = open().client().sends(GET).then().server().sends(words).fin().then();
        let report = talk.says();
        assert_eq!(report.brief(), ["GET /a 400 complete 0+48"]);
        assert!(report.one().findings.contains(Code::TlsAndPlaintext));
        let other = "HTTP/1.0 400 Bad Request\r\n\r\nno such thing";
        let talk = open().client().sends(GET).then().server().sends(other).fin().then();
        assert!(talk.says().one().findings.is_empty());
    }

    #[test]
    fn tls_to_an_http_server() {
        let talk = open().client().sends(CLIENT_HELLO_13).then();
        let talk = talk.server().sends("HTTP/1.1 400 Bad Request\r\n\r\n").fin().then();
        let report = talk.says();
        ended(&report, Outcome::TlsClosedNoAlert, Some(Side::Server));
        let codes: Vec<_> = report.one().findings.iter().collect();
        assert_eq!(codes, [Code::TlsAndPlaintext]);
    }
}
