use std::collections::BTreeSet;

use clap::{Arg, Command, CommandFactory as _, Parser};

use crate::cluster::Connection;

/// A line that is being typed.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) root: Command,
    /// The command that was typed; for the name of a pod, `pod` if there is such a command.
    pub(super) command: Command,
    /// Words before the last that are neither flags nor their values.
    pub(super) words: Vec<String>,
    /// Flags and their values that say which cluster.
    connection: Vec<String>,
    /// What the last word can be.
    pub(super) asked: Asked,
    /// The last word, as far as it is typed; the part behind `=` of `--flag=value`.
    pub(super) begun: String,
    /// The container's pod and the like need what `-n` says.
    pub(super) namespace: Option<String>,
}

/// What a word can be.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    Command,
    Flag,
    Value(Box<Arg>),
    Word,
}

/// The flags of the cluster alone.
#[derive(Debug, Parser)]
struct Flags {
    #[command(flatten)]
    connection: Connection,
}

impl Line {
    pub(super) fn new(root: &Command, words: &[String]) -> Self {
        let (begun, before) = match words.split_last() {
            Some((begun, before)) => (begun.clone(), before),
            None => (String::new(), words),
        };
        let first = before.first();
        let command = first.and_then(|name| root.find_subcommand(name));
        let own: BTreeSet<String> =
            Flags::command().get_arguments().map(|arg| arg.get_id().to_string()).collect();
        let mut line = Self {
            root: root.clone(),
            command: command.or_else(|| root.find_subcommand("pod")).unwrap_or(root).clone(),
            words: Vec::new(),
            connection: vec!["kubectl-meshsniff".into()],
            asked: Asked::Word,
            begun,
            namespace: None,
        };
        let skip = usize::from(command.is_some());
        let mut open: Option<Arg> = None;
        for word in before.iter().skip(skip) {
            if let Some(flag) = open.take() {
                line.keep(&own, &flag, Some(word));
            } else if let Some((flag, value)) = flag(&line.command, word) {
                if value.is_none() && takes_next(&flag) {
                    open = Some(flag);
                } else {
                    line.keep(&own, &flag, value.as_deref());
                }
            } else if !word.starts_with('-') {
                line.words.push(word.clone());
            }
        }
        line.namespace = line.connection().namespace;
        line.asked = match open {
            Some(flag) => Asked::Value(Box::new(flag)),
            None if first.is_none() => {
                if line.begun.starts_with('-') {
                    Asked::Flag
                } else {
                    Asked::Command
                }
            }
            None => line.unfinished(),
        };
        line
    }

    /// Which cluster the flags of the line name.
    pub(super) fn connection(&self) -> Connection {
        Flags::try_parse_from(&self.connection).map(|flags| flags.connection).unwrap_or_default()
    }

    fn keep(&mut self, own: &BTreeSet<String>, flag: &Arg, value: Option<&str>) {
        let Some(long) = flag.get_long().filter(|_| own.contains(flag.get_id().as_str())) else {
            return;
        };
        self.connection.push(match value {
            Some(value) => format!("--{long}={value}"),
            None => format!("--{long}"),
        });
    }

    fn unfinished(&mut self) -> Asked {
        if !self.begun.starts_with('-') {
            return Asked::Word;
        }
        match flag(&self.command, &self.begun) {
            Some((flag, Some(value))) if self.begun.starts_with("--") => {
                self.begun = value;
                Asked::Value(Box::new(flag))
            }
            _ => Asked::Flag,
        }
    }
}

/// The flag that a word is, and its value if that is in the same word: `--flag=value`, `-nvalue`.
fn flag(command: &Command, word: &str) -> Option<(Arg, Option<String>)> {
    let find =
        |matches: &dyn Fn(&Arg) -> bool| command.get_arguments().find(|arg| matches(arg)).cloned();
    if let Some(long) = word.strip_prefix("--") {
        let (name, value) = match long.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (long, None),
        };
        return Some((find(&|arg| arg.get_long() == Some(name))?, value));
    }
    let mut letters = word.strip_prefix('-')?.chars();
    let letter = letters.next()?;
    let rest = letters.as_str();
    let value = (!rest.is_empty()).then(|| rest.strip_prefix('=').unwrap_or(rest).to_owned());
    Some((find(&|arg| arg.get_short() == Some(letter))?, value))
}

/// Whether the next word is its value.
fn takes_next(flag: &Arg) -> bool {
    flag.get_action().takes_values() && !flag.is_require_equals_set()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Args;

    fn line(words: &[&str]) -> Line {
        let words: Vec<String> = words.iter().map(|&word| word.into()).collect();
        Line::new(&Args::command(), &words)
    }

    #[test]
    fn flags_before_the_word_say_which_cluster() {
        let line = line(&["check", "-n", "shop", "--context=prod", "a", "b"]);
        assert_eq!(line.namespace.as_deref(), Some("shop"));
        assert_eq!(line.connection().context.as_deref(), Some("prod"));
        assert_eq!(line.words, ["a"]);
        assert_eq!(line.begun, "b");
    }

    #[test]
    fn a_flag_without_its_value_asks_for_it() {
        assert!(matches!(line(&["check", "-n", "s"]).asked,
            Asked::Value(flag) if flag.get_id() == "namespace"));
        let line = line(&["check", "--namespace=s"]);
        assert!(matches!(line.asked, Asked::Value(_)));
        assert_eq!(line.begun, "s");
    }
}
