//! Completion in the shell, by kubectl's convention.
//!
//! kubectl looks on PATH for `kubectl_complete-meshsniff` and calls it with the words of the line, the
//! last of them unfinished. It prints one candidate a line, a description behind a tab, and last
//! `:` with a number that tells the shell what to do. `make install` makes that name a link to the
//! plugin, which knows by its name what it is asked for; `__complete` as first word does the same.
//!
//! Flags come from the same definitions as the parser's, so they cannot be forgotten. Whatever
//! fails, fails silently: nobody wants an error message in the middle of a line.

mod from_cluster;
mod line;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use clap::{Arg, Command, CommandFactory as _};
use meshsniff::pairing::Outcome;
use meshsniff::problem::Code;

use crate::args::Args;
use from_cluster::{kubeconfig, of_cluster};
use line::{Asked, Line};

/// What the shell does with the candidates: bits of cobra's ShellCompDirective.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// Offers files if there are no candidates.
    Files = 0,
    /// Offers the candidates only.
    Nothing = 4,
    /// As `Nothing`, and types no space behind the candidate: it is not finished.
    NoSpace = 6,
}

/// Words that may stand here.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Offer {
    candidates: Vec<Candidate>,
    then: Then,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Candidate {
    word: String,
    about: String,
}

impl Candidate {
    fn new(word: impl Into<String>, about: impl Into<String>) -> Self {
        Self { word: word.into(), about: about.into() }
    }
}

impl Offer {
    fn words<W: Into<String>>(words: impl IntoIterator<Item = W>) -> Self {
        let candidates = words.into_iter().map(|word| Candidate::new(word, "")).collect();
        Self { candidates, then: Then::Nothing }
    }

    fn none() -> Self {
        Self { candidates: Vec::new(), then: Then::Nothing }
    }

    fn files() -> Self {
        Self { candidates: Vec::new(), then: Then::Files }
    }

    fn text(&self, begun: &str) -> String {
        let mut text = String::new();
        for one in self.candidates.iter().filter(|one| one.word.starts_with(begun)) {
            text += &one.word;
            if !one.about.is_empty() {
                text += &format!("\t{}", one.about);
            }
            text.push('\n');
        }
        text + &format!(":{}\n", self.then as u8)
    }
}

/// Answers if completion is what this process was started for.
pub(crate) fn asked() -> Option<ExitCode> {
    let mut words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
    let program = words.next()?;
    let name = Path::new(&program).file_name()?.to_str()?;
    let mut words: Vec<String> = words.collect();
    if !name.starts_with("kubectl_complete-") {
        if words.first()? != "__complete" {
            return None;
        }
        words.remove(0);
    }
    let line = Line::new(&Args::command(), &words);
    // A shell that has gone needs no answer.
    let _ = std::io::stdout().write_all(offer(&line).text(&line.begun).as_bytes());
    Some(ExitCode::SUCCESS)
}

fn offer(line: &Line) -> Offer {
    match &line.asked {
        Asked::Command => commands(line),
        Asked::Flag => flags(line),
        Asked::Value(flag) => value(line, flag),
        Asked::Word => match line.command.get_name() {
            "analyze" => Offer::files(),
            "explain" => Offer::words(Code::ALL.map(Code::name)),
            "demo" | "clean" => Offer::none(),
            _ => of_cluster(line, "pod"),
        },
    }
}

/// Commands; and pods, since a pod's name alone is a command as well.
fn commands(line: &Line) -> Offer {
    let shown = line.root.get_subcommands().filter(|command| !command.is_hide_set());
    let candidates: Vec<Candidate> = shown
        .map(|command| Candidate::new(command.get_name(), about(command.get_about())))
        .collect();
    if !candidates.iter().any(|one| one.word.starts_with(&line.begun)) {
        return of_cluster(line, "pod");
    }
    Offer { candidates, then: Then::Nothing }
}

fn flags(line: &Line) -> Offer {
    let mut candidates = Vec::new();
    for flag in flags_of(&line.command).filter(|flag| !flag.is_hide_set()) {
        if let Some(long) = flag.get_long() {
            candidates.push(Candidate::new(format!("--{long}"), about(flag.get_help())));
        }
        if let Some(short) = flag.get_short().filter(|_| !line.begun.starts_with("--")) {
            candidates.push(Candidate::new(format!("-{short}"), about(flag.get_help())));
        }
    }
    candidates.push(Candidate::new("--help", "Print help"));
    Offer { candidates, then: Then::Nothing }
}

fn flags_of(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|arg| !arg.is_positional())
}

/// What a flag takes, told by the name of its value where several have the same.
fn value(line: &Line, flag: &Arg) -> Offer {
    let possible = flag.get_possible_values();
    if !possible.is_empty() {
        return Offer::words(possible.iter().map(|value| value.get_name().to_owned()));
    }
    let takes = flag.get_value_names().and_then(|names| names.first()).map(|name| name.as_str());
    match (flag.get_long().unwrap_or_default(), takes.unwrap_or_default()) {
        ("context" | "cluster" | "user", _) => kubeconfig(line, flag.get_id().as_str()),
        ("container", _) => of_cluster(line, "container"),
        ("access_log_of", _) => of_cluster(line, "pod"),
        ("selector", _) => of_cluster(line, "label"),
        (_, "NAMESPACE") => of_cluster(line, "namespace"),
        (_, "FORMAT") => Offer::words(["text", "jsonl", "json"]),
        (_, "OUTCOME") => Offer::words(Outcome::ALL.map(Outcome::name)),
        (_, "CODE") => Offer::words(Code::ALL.map(Code::name)),
        ("interface", _) => Offer::words(["lo", "any", "eth0"]),
        (_, "FILE" | "FILE|:PORT" | "OUT") => Offer::files(),
        _ => Offer::none(),
    }
}

fn about(text: Option<&clap::builder::StyledStr>) -> String {
    let text = text.map(ToString::to_string).unwrap_or_default();
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(words: &[&str]) -> String {
        let words: Vec<String> = words.iter().map(|&word| word.into()).collect();
        let line = Line::new(&Args::command(), &words);
        offer(&line).text(&line.begun)
    }

    #[test]
    fn commands_have_descriptions_and_hidden_ones_are_not_there() {
        let text = complete(&["ex"]);
        assert_eq!(
            text,
            "explain\tWhat a finding means, what usually causes it, what to check next\n:4\n"
        );
        assert!(complete(&[""]).contains("analyze\t"));
    }

    #[test]
    fn flags_come_from_the_parser() {
        let text = complete(&["analyze", "--only"]);
        assert_eq!(text, "--only-flagged\tWith -w: only connections that have findings\n:4\n");
        assert!(complete(&["check", "-"]).contains("-n\t"));
        assert!(!complete(&["analyze", "-"]).contains("--privileged"));
    }

    #[test]
    fn values_of_flags() {
        assert_eq!(complete(&["analyze", "-o", "j"]), "jsonl\njson\n:4\n");
        assert_eq!(complete(&["analyze", "--output=t"]), "text\n:4\n");
        assert_eq!(complete(&["analyze", "-w", ""]), ":0\n");
        assert_eq!(complete(&["analyze", "--color", "al"]), "always\n:4\n");
        assert!(complete(&["explain", "client-c"]).starts_with("client-closed-first\n"));
    }

    #[test]
    fn captures_are_files() {
        assert_eq!(complete(&["analyze", "x"]), ":0\n");
        assert_eq!(complete(&["demo", ""]), ":4\n");
    }
}
