use std::fmt::Write as _;

use meshsniff::report::Palette;

use super::Judged;
use super::table::table;
use crate::talk::harmless;

/// Lines of the table.
const ROWS: usize = 50;

/// The verdict for people: the answer, why, where the timeout comes from, the pods, what else is to
/// be known.
pub(super) fn text(judged: &Judged, palette: Palette) -> String {
    let Judged { verdict, origins, logged } = judged;
    let (strong, end) = match palette {
        Palette::Ansi => ("\x1b[1m", "\x1b[0m"),
        Palette::Plain => ("", ""),
    };
    let mut text = format!("{strong}{}{end}\n", harmless(&verdict.sentence));
    for slow in &verdict.slow {
        let _ = writeln!(text, "{}", harmless(&slow.sentence()));
    }
    for origin in &origins.routes {
        let _ = writeln!(text, "{}", harmless(&format!("{}: {}", origin.route, origin.sentence)));
    }
    if !verdict.pods.is_empty() {
        let _ = write!(text, "\n{}", table(&verdict.pods, ROWS));
    }
    for found in logged {
        let mut out = Vec::new();
        found.text(&mut out);
        text += &String::from_utf8_lossy(&out);
    }
    for (place, note) in verdict.notes.iter().chain(&origins.notes).enumerate() {
        let blank = if place == 0 { "\n" } else { "" };
        let _ = writeln!(text, "{blank}note: {}", harmless(note));
    }
    text
}
