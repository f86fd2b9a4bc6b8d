use super::{CONNECTIONS, Repeats, Short, TEXT};
use crate::pairing::{Exchange, Outcome};
use crate::problem::samples;

/// Told and heard.
fn travels(told: &mut Repeats, heard: &mut Repeats, exchange: &Exchange) -> Option<&'static str> {
    let short = told.shorten(exchange)?;
    let (kind, short) = match short {
        Short::Plain(plain) => ("plain", Short::Plain(again(&plain))),
        Short::Again(other) => ("again", Short::Again(again(&other))),
    };
    let back = heard.restore(short, exchange.interface).unwrap();
    assert_eq!(format!("{back:?}"), format!("{exchange:?}"));
    Some(kind)
}

fn again<T: serde::de::DeserializeOwned>(told: &impl serde::Serialize) -> T {
    serde_json::from_str(&serde_json::to_string(told).unwrap()).unwrap()
}

/// The third exchange of a connection and on: each may be told by what is not as in the one before.
#[test]
fn whatever_is_not_as_before_is_told() {
    let first = samples::exchange(Outcome::Complete);
    type Change = fn(&mut Exchange);
    let changes: [(Change, &str); 11] = [
        (|_| (), "again"),
        (|it| it.request.path = Some("/items/7".into()), "again"),
        (|it| it.request.request_id = Some("other".into()), "again"),
        (|it| it.request.body = 9, "again"),
        (|it| it.response.as_mut().unwrap().status = 404, "again"),
        (|it| it.response.as_mut().unwrap().body = 0, "again"),
        (|it| it.request.first.as_mut().unwrap().number -= 5, "again"),
        (|it| it.request.request_id = None, "plain"),
        (|it| it.request.method = Some("BREW".into()), "plain"),
        (|it| it.request.host = None, "plain"),
        (|it| it.request.probe = true, "plain"),
    ];
    let (mut told, mut heard) = Default::default();
    for kind in ["plain", "plain", "again"] {
        assert_eq!(travels(&mut told, &mut heard, &first), Some(kind));
    }
    for (change, kind) in changes {
        let mut exchange = first.clone();
        change(&mut exchange);
        assert_eq!(travels(&mut told, &mut heard, &exchange), Some(kind), "{exchange:?}");
        assert!(travels(&mut told, &mut heard, &first).is_some());
    }
}

#[test]
fn what_has_more_to_say_is_not_short() {
    for outcome in Outcome::ALL.into_iter().filter(|it| *it != Outcome::Complete) {
        assert_eq!(Repeats::default().shorten(&samples::exchange(outcome)), None);
    }
}

#[test]
fn connections_in_one_place_do_not_mix() {
    let mut exchange = samples::exchange(Outcome::Complete);
    let (mut told, mut heard) = Default::default();
    for step in [0, 0, 0, 1, 0, 1, 1, 1, 0] {
        exchange.connection = 3 + step * CONNECTIONS as u64;
        exchange.client.set_port(40_000 + step as u16);
        assert!(travels(&mut told, &mut heard, &exchange).is_some());
    }
}

#[test]
fn long_texts_are_not_remembered() {
    let mut exchange = samples::exchange(Outcome::Complete);
    exchange.request.path = Some("/".repeat(TEXT).into());
    let (mut told, mut heard) = Default::default();
    for _ in 0..4 {
        assert_eq!(travels(&mut told, &mut heard, &exchange), Some("plain"));
    }
}

#[test]
fn nothing_refers_to_what_was_lost() {
    let exchange = samples::exchange(Outcome::Complete);
    let (mut told, mut heard) = Default::default();
    for _ in 0..3 {
        travels(&mut told, &mut heard, &exchange);
    }
    let Some(Short::Again(lost)) = told.shorten(&exchange) else { panic!("not by the one before") };
    let mut stranger = Repeats::default();
    assert_eq!(stranger.restore(Short::Again(again(&lost)), 0).map(|it| it.connection), None);
    told.forget();
    for kind in ["plain", "plain", "again"] {
        assert_eq!(travels(&mut told, &mut heard, &exchange), Some(kind));
    }
}
