use std::fmt::Write as _;

use meshsniff::report::Palette;
use meshsniff::slow::Verdict;

use super::table::table;

/// Lines of the table.
const ROWS: usize = 50;

/// The verdict for people: the answer, why, the pods, what else is to be known. `more` are sentences
/// of others, as where the timeout comes from.
pub(super) fn text(verdict: &Verdict, more: &[String], palette: Palette) -> String {
    let mut text = format!("{}{}{}\n", strong(palette), verdict.sentence, end(palette));
    for slow in &verdict.slow {
        let _ = writeln!(text, "{}", slow.sentence());
    }
    for sentence in more {
        let _ = writeln!(text, "{sentence}");
    }
    if !verdict.pods.is_empty() {
        let _ = write!(text, "\n{}", table(&verdict.pods, ROWS));
    }
    for (place, note) in verdict.notes.iter().enumerate() {
        let blank = if place == 0 { "\n" } else { "" };
        let _ = writeln!(text, "{blank}note: {note}");
    }
    text
}

fn strong(palette: Palette) -> &'static str {
    if palette == Palette::Ansi { "\x1b[1m" } else { "" }
}

fn end(palette: Palette) -> &'static str {
    if palette == Palette::Ansi { "\x1b[0m" } else { "" }
}
