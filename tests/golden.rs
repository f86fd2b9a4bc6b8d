//! Every sample capture has one right report, kept in `tests/golden/`.
//!
//! After a wanted change, this writes them anew (look at the difference before committing it):
//!
//! ```sh
//! MESHSNIFF_BLESS=1 cargo test --test golden
//! ```

mod support;

use std::fs;
use std::path::Path;

use meshsniff::capture::{Item, Reader};
use meshsniff::problem::Code;
use meshsniff::report::{Ended, LeftOut, Lines, Palette, Summary};
use meshsniff::{Analysis, Event, Settings};

/// What a person reads of a capture: a line an exchange, then the summary.
fn report(capture: &[u8]) -> String {
    let mut analysis = Analysis::new(Settings::default());
    let (mut out, mut summary, lines) = (Vec::new(), Summary::new(), Lines::default());
    let (mut reader, mut dropped, mut cut) = (Reader::new(capture), None, None);
    let mut tell = |analysis: &mut Analysis| {
        while let Some(event) = analysis.poll() {
            match event {
                Event::Exchange(exchange) => {
                    lines.exchange(&mut out, &exchange);
                    summary.add(&exchange);
                }
                Event::Connection(connection) => summary.connection(&connection),
                Event::Question(_) => {}
            }
        }
    };
    loop {
        match reader.next() {
            Ok(Some(Item::Packet(packet, _))) => {
                analysis.push(&packet);
                tell(&mut analysis);
            }
            Ok(Some(Item::Statistics(statistics))) => {
                let told = statistics.dropped.or(statistics.os_dropped);
                dropped = told.or(dropped);
            }
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(error) => {
                cut = Some(error);
                break;
            }
        }
    }
    analysis.finish();
    tell(&mut analysis);
    out.push(b'\n');
    let ended = Ended {
        counts: analysis.counts(),
        dropped,
        left_out: LeftOut::default(),
        written: None,
        origins: None,
    };
    summary.write_text(&mut out, &ended, Palette::Plain);
    if let Some(error) = cut {
        out.extend_from_slice(format!("{error}\n").as_bytes());
    }
    String::from_utf8(out).expect("reports are UTF-8")
}

/// The lines that differ, with their numbers, as `-` kept and `+` said now.
fn difference<'a>(kept: &'a str, said: &'a str) -> String {
    let (kept, said): (Vec<&'a str>, Vec<&'a str>) =
        (kept.lines().collect(), said.lines().collect());
    let same = |a: &[&'a str], b: &[&'a str]| a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let front = same(&kept, &said);
    let backwards =
        |lines: &[&'a str]| -> Vec<&'a str> { lines[front..].iter().rev().copied().collect() };
    let (kept_end, said_end): (Vec<&str>, Vec<&str>) = (backwards(&kept), backwards(&said));
    let back = same(&kept_end, &said_end);
    let mut text = format!("from line {}:\n", front + 1);
    for (sign, lines) in [('-', &kept), ('+', &said)] {
        for line in &lines[front..lines.len() - back] {
            text.push_str(&format!("{sign} {line}\n"));
        }
    }
    text
}

#[test]
#[expect(clippy::disallowed_methods, reason = "how one asks to write the reports anew")]
fn reports_are_as_they_were() {
    let bless = std::env::var_os("MESHSNIFF_BLESS").is_some();
    let golden = support::root().join("tests/golden");
    let captures = support::captures();
    assert!(captures.len() >= 26, "only {} captures", captures.len());
    let mut wrong = String::new();
    for path in &captures {
        let capture = fs::read(support::root().join("captures").join(path)).unwrap();
        let said = report(&capture);
        let file = golden.join(path.with_extension("txt"));
        if bless {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, &said).unwrap();
            continue;
        }
        let kept = fs::read_to_string(&file).unwrap_or_default();
        if kept != said {
            let shown = path.display();
            wrong.push_str(&format!("captures/{shown}, {}\n", difference(&kept, &said)));
        }
    }
    assert!(
        wrong.is_empty(),
        "these reports changed; if that is right: MESHSNIFF_BLESS=1 cargo test --test golden\n\n{wrong}"
    );
}

#[test]
fn every_report_has_its_capture() {
    let captures = support::captures();
    for report in support::walk("tests/golden") {
        let of = |capture: &std::path::PathBuf| capture.with_extension("txt") == report;
        assert_eq!(captures.iter().filter(|c| of(c)).count(), 1, "{}", report.display());
    }
}

#[test]
fn every_finding_has_its_capture() {
    let captures = support::captures();
    for code in Code::ALL {
        let stem = |path: &Path| path.file_stem().is_some_and(|stem| stem == code.name());
        let found: Vec<_> = captures.iter().filter(|path| stem(path)).collect();
        assert_eq!(found.len(), 1, "{}: {found:?}", code.name());
        let report = support::read(Path::new("tests/golden").join(found[0].with_extension("txt")));
        // This one is told as a part of the first sentence.
        let word = match code {
            Code::InferredTimeout => "ms: a timeout of ",
            // A note beside what it explains.
            Code::IdleTimeout => "its idle timeout",
            code => code.name(),
        };
        assert!(report.contains(word), "{} is not in its own report", code.name());
    }
}
