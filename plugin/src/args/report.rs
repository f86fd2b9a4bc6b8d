use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use meshsniff::pairing::Outcome;
use meshsniff::problem::Code;

use super::values::duration;

/// What is told of the exchanges, and how: the same for captures and for pods
#[derive(Debug, clap::Args)]
pub(crate) struct Report {
    /// What to print: text, jsonl or json
    ///
    /// text is for people: one line an exchange, times in UTC, then a summary. jsonl is one JSON
    /// object an exchange. json is one document: exchanges, findings, summary (one document a
    /// file). The formats are described in docs/schema.
    #[arg(short, long, value_name = "FORMAT", default_value = "text", value_parser = format, hide_default_value = true)]
    pub(crate) output: Format,

    /// Write the packets as pcapng, with comments that prove it
    ///
    /// Comments are on the request, on the packet with which somebody left and on the late
    /// answer. - is stdout; lines go to stderr then. Live, packets are passed on as they come, with
    /// the comment on the packet that decided; a file is written again at the end with all
    /// comments. Comments by others are kept.
    #[arg(short, long, value_name = "OUT")]
    pub(crate) write: Option<PathBuf>,

    /// With -w: only connections that have findings
    #[arg(long, requires = "write")]
    pub(crate) only_flagged: bool,

    /// With -w: cut bodies, blank credentials, so it can be shared
    ///
    /// Packets are cut after the HTTP head; the values of Authorization, Proxy-Authorization,
    /// Cookie and Set-Cookie become x. What cannot be told to be a head is cut.
    #[arg(long, requires = "write")]
    pub(crate) no_bodies: bool,

    /// Print the summary alone
    #[arg(long)]
    pub(crate) summary: bool,

    #[command(flatten)]
    pub(crate) scope: Scope,

    /// Only lines with this outcome, as client_fin_before_response
    #[arg(long, value_name = "OUTCOME", value_delimiter = ',', value_parser = outcome, help_heading = "Filters")]
    pub(crate) outcome: Vec<Outcome>,

    /// Only lines with this finding, as client-closed-first
    #[arg(long, value_name = "CODE", value_delimiter = ',', value_parser = finding, help_heading = "Filters")]
    pub(crate) finding: Vec<Code>,

    /// Only lines that took longer, as 500ms
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = "Filters")]
    pub(crate) slower_than: Option<Duration>,

    /// An answer that begins later than this is slow [default: 1s]
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration, hide_default_value = true, hide_short_help = true)]
    pub(crate) slow_after: Duration,

    /// End with 3 if there are findings
    #[arg(long)]
    pub(crate) exit_code: bool,

    #[command(flatten)]
    pub(crate) colors: Colors,

    /// ksniff's -p
    #[arg(short, hide = true)]
    pub(crate) privileged: bool,
}

/// Which exchanges are looked at: the same wherever any are.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Scope {
    /// Only these server ports
    #[arg(long, value_name = "PORT", value_delimiter = ',', help_heading = "Filters")]
    pub(crate) port: Vec<u16>,

    /// Only paths that begin so; * stands for anything
    #[arg(long, value_name = "PATH", help_heading = "Filters")]
    pub(crate) path: Vec<String>,

    /// Also the mesh's own ports and kubelet's probes
    ///
    /// Server ports 15000 15004 15020 15021 15053 15090 (Istio), 4190 4191 (Linkerd) and requests
    /// by kube-probe are left out otherwise, and counted.
    #[arg(long, help_heading = "Filters")]
    pub(crate) all: bool,
}

/// How it is shown.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Colors {
    /// Colour: auto, always, never; NO_COLOR is heeded
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true,
        hide_possible_values = true,
        hide_short_help = true
    )]
    pub(crate) color: Color,
}

impl Report {
    /// Nothing but a summary, of everything.
    pub(crate) fn silent() -> Self {
        Self {
            output: Format::Text,
            write: None,
            only_flagged: false,
            no_bodies: false,
            summary: true,
            scope: Scope::default(),
            outcome: Vec::new(),
            finding: Vec::new(),
            slower_than: None,
            slow_after: Duration::from_secs(1),
            exit_code: false,
            colors: Colors { color: Color::Auto },
            privileged: false,
        }
    }
}

/// What is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    Jsonl,
    Json,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

pub(super) fn format(given: &str) -> Result<Format, String> {
    match given {
        "text" => Ok(Format::Text),
        "jsonl" => Ok(Format::Jsonl),
        "json" => Ok(Format::Json),
        file if file.contains(['.', '/']) || file == "-" => Err(format!(
            "-o is the format here (text, jsonl, json); to write packets use -w {file}"
        )),
        _ => Err("it is one of text, jsonl, json".into()),
    }
}

fn outcome(given: &str) -> Result<Outcome, String> {
    let found = Outcome::ALL.into_iter().find(|outcome| outcome.name() == given);
    found.ok_or_else(|| names("an outcome", Outcome::ALL.map(Outcome::name)))
}

fn finding(given: &str) -> Result<Code, String> {
    let found = Code::ALL.into_iter().find(|code| code.name() == given);
    found.ok_or_else(|| names("a finding", Code::ALL.map(Code::name)))
}

fn names<const N: usize>(what: &str, names: [&str; N]) -> String {
    format!("{what} is one of {}", names.join(", "))
}
