//! An exchange that travelled as JSON is the same as one that did not.

mod support;

use std::path::Path;

use meshsniff::capture::{Item, Reader};
use meshsniff::pairing::{Exchange, Outcome, Repeats, Short};
use meshsniff::problem::Code;
use meshsniff::report::{Ended, LeftOut, Lines, Palette, Summary};
use meshsniff::{Analysis, Counts, Event, Settings};
use serde::Serialize;
use serde::de::DeserializeOwned;

fn capture(path: impl AsRef<Path>) -> Vec<u8> {
    std::fs::read(support::root().join("captures").join(path)).unwrap()
}

/// Every question and every exchange of a capture, and what was counted.
fn analysed(capture: &[u8]) -> (Vec<Event>, Counts) {
    let mut analysis = Analysis::new(Settings { live: true, ..Settings::default() });
    let (mut reader, mut events) = (Reader::new(capture), Vec::new());
    // What is cut short is good up to there.
    while let Ok(Some(item)) = reader.next() {
        if let Item::Packet(packet, _) = item {
            analysis.push(&packet);
            events.extend(std::iter::from_fn(|| analysis.poll()));
        }
    }
    analysis.finish();
    events.extend(std::iter::from_fn(|| analysis.poll()));
    (events, analysis.counts().clone())
}

fn travelled<T: Serialize + DeserializeOwned>(exchange: &T) -> T {
    as_json(exchange)
}

fn as_json<T: DeserializeOwned>(told: &impl Serialize) -> T {
    let json = serde_json::to_string(told).unwrap();
    serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"))
}

fn report<'a>(exchanges: impl Iterator<Item = &'a Exchange>, counts: &Counts) -> String {
    let (mut out, mut summary) = (Vec::new(), Summary::new());
    for exchange in exchanges {
        Lines::default().exchange(&mut out, exchange);
        summary.add(exchange);
    }
    let ended =
        Ended { counts, dropped: None, left_out: LeftOut::default(), written: None, origins: None };
    summary.write_text(&mut out, &ended, Palette::Plain);
    String::from_utf8(out).unwrap()
}

#[test]
fn every_exchange_of_every_capture_comes_back_to_the_nanosecond() {
    let (mut count, mut plain, mut again, mut connections) = (0, 0, 0, 0);
    for path in support::captures() {
        let (events, counts) = analysed(&capture(path));
        let (mut told, mut heard) = (Repeats::default(), Repeats::default());
        for event in &events {
            match event {
                Event::Exchange(exchange) | Event::Question(exchange) => {
                    assert_eq!(format!("{:?}", travelled(exchange)), format!("{exchange:?}"));
                    count += 1;
                    if let Some(short) = told.shorten(exchange) {
                        let short = match short {
                            Short::Plain(one) => Short::Plain(as_json(&one)),
                            Short::Again(one) => {
                                again += 1;
                                Short::Again(as_json(&one))
                            }
                        };
                        let back = heard.restore(short, exchange.interface).unwrap();
                        assert_eq!(format!("{back:?}"), format!("{:?}", **exchange));
                        plain += 1;
                    }
                }
                Event::Connection(connection) => {
                    assert_eq!(format!("{:?}", travelled(connection)), format!("{connection:?}"));
                    connections += 1;
                }
            }
        }
        let json = serde_json::to_string(&counts).unwrap();
        let back: Counts = serde_json::from_str(&json).unwrap();
        assert_eq!(format!("{back:?}"), format!("{counts:?}"));
    }
    assert!(count > 500 && plain > 200, "{count} exchanges, {plain} of them plain");
    assert!(again > 50, "{again} told by what is not as in the one before");
    assert!(connections > 20, "{connections} connections");
}

#[test]
fn a_report_of_what_travelled_is_the_same() {
    let (events, counts) = analysed(&capture("http1/tutorial-504.pcap"));
    let here: Vec<_> = events
        .into_iter()
        .filter_map(|event| match event {
            Event::Exchange(exchange) => Some(*exchange),
            Event::Question(_) | Event::Connection(_) => None,
        })
        .collect();
    let there: Vec<_> = here.iter().map(travelled).collect();
    let json = serde_json::to_string(&counts).unwrap();
    let counted = serde_json::from_str(&json).unwrap();
    assert_eq!(report(there.iter(), &counted), report(here.iter(), &counts));
}

#[test]
fn words_are_the_same_in_every_format() {
    for outcome in Outcome::ALL {
        assert_eq!(serde_json::to_value(outcome).unwrap(), outcome.name());
    }
    for code in Code::ALL {
        assert_eq!(serde_json::to_value(code).unwrap(), code.name());
    }
}
