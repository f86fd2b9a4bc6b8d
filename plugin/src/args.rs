use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use meshsniff::pairing::Outcome;
use meshsniff::problem::Code;

use crate::cluster::Connection;

/// Which HTTP requests did their client give up before the answer? From packets
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-meshsniff",
    bin_name = "kubectl meshsniff",
    version,
    max_term_width = 80,
    after_help = EXAMPLES,
    after_long_help = LEARN,
    arg_required_else_help = true
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Read captures (pcap, pcapng; plain, gzip, zstd) and say what went wrong
    Analyze(Box<Analyze>),
    /// What a finding means, what usually causes it, what to check next
    Explain(Explain),
    /// A slow server caught live, on this machine alone: no cluster needed
    Demo(Demo),
    /// Would a capture work here? What is allowed, admitted, found
    Check(Box<Check>),
    /// Remove what captures have left on the cluster
    Clean(Box<Clean>),
}

const EXAMPLES: &str = "\
Examples:
  kubectl meshsniff analyze trace.pcap
  kubectl meshsniff analyze trace.pcap -w evidence.pcapng
  tcpdump -U -i lo -w - | kubectl meshsniff analyze -
  kubectl meshsniff explain client-closed-first
  kubectl meshsniff demo";

const LEARN: &str = "\
Examples:
  kubectl meshsniff analyze trace.pcap
      Every request with its verdict, then a summary whose first sentence is the
      answer.
  kubectl meshsniff analyze trace.pcap -w evidence.pcapng
      The same, and a copy of the capture with comments on the packets that
      prove it. In Wireshark: frame.comment contains \"client-closed-first\"
  tcpdump -U -i lo -w - | kubectl meshsniff analyze -
      Live: lines appear as requests end, Ctrl-C prints the summary.
  kubectl meshsniff explain client-closed-first
      What it means, what usually causes it, what to check next.
  kubectl meshsniff demo
      See it work before there is anything to analyse.

A capture of the pod's loopback (lo) shows what the sidecar and the application
say to each other in plaintext: capture there, without a port filter. Outbound
connections have different addresses in each direction on lo, and a filter on
15001 loses every response.

Exit codes: 0 done, 1 error (what could be read is reported), 2 usage,
3 with --exit-code: there are findings.";

/// Read captures and say which requests were given up before the answer came
#[derive(Debug, clap::Args)]
#[command(after_help = ANALYZE_EXAMPLES, after_long_help = ANALYZE_LEARN)]
pub(crate) struct Analyze {
    /// Captures to read, one after the other; - is stdin, also live
    ///
    /// pcap and pcapng, plain or compressed by gzip or zstd, told by their content. Each is
    /// analysed on its own. A pipe is read live: lines appear as exchanges end, and a client that
    /// closed early is first shown as a question ("gave up?") until its packets prove it.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) report: Report,
}

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

    /// Only these server ports
    #[arg(long, value_name = "PORT", value_delimiter = ',', help_heading = "Filters")]
    pub(crate) port: Vec<u16>,

    /// Only paths that begin so; * stands for anything
    #[arg(long, value_name = "PATH", help_heading = "Filters")]
    pub(crate) path: Vec<String>,

    /// Only lines with this outcome, as client_fin_before_response
    #[arg(long, value_name = "OUTCOME", value_delimiter = ',', value_parser = outcome, help_heading = "Filters")]
    pub(crate) outcome: Vec<Outcome>,

    /// Only lines with this finding, as client-closed-first
    #[arg(long, value_name = "CODE", value_delimiter = ',', value_parser = finding, help_heading = "Filters")]
    pub(crate) finding: Vec<Code>,

    /// Only lines that took longer, as 500ms
    #[arg(long, value_name = "TIME", value_parser = duration, help_heading = "Filters")]
    pub(crate) slower_than: Option<Duration>,

    /// Also the mesh's own ports and kubelet's probes
    ///
    /// Server ports 15000 15004 15020 15021 15053 15090 (Istio), 4190 4191 (Linkerd) and requests
    /// by kube-probe are left out otherwise, and counted.
    #[arg(long, help_heading = "Filters")]
    pub(crate) all: bool,

    /// An answer that begins later than this is slow [default: 1s]
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration, hide_default_value = true)]
    pub(crate) slow: Duration,

    /// End with 3 if there are findings
    #[arg(long)]
    pub(crate) exit_code: bool,

    /// Colour: auto, always, never; NO_COLOR is heeded
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub(crate) color: Color,

    /// ksniff's -p
    #[arg(short, hide = true)]
    pub(crate) privileged: bool,
}

/// A slow server and an impatient client, captured live on this machine
///
/// In a network of its own, which nothing enters or leaves: a server that answers GET /items after
/// 0 to 3 s, a client that waits 500 ms for it, and others that are patient. meshsniff-agent
/// captures the loopback, and the same analysis as everywhere prints what it sees. No root is
/// needed where the system lets a user have a network namespace.
#[derive(Debug, clap::Args)]
pub(crate) struct Demo {
    /// How long; Ctrl-C ends it before
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub(crate) duration: Duration,
}

const ANALYZE_EXAMPLES: &str = "\
Examples:
  kubectl meshsniff analyze trace.pcap
  kubectl meshsniff analyze trace.pcap -w evidence.pcapng --only-flagged
  kubectl meshsniff analyze trace.pcap -o jsonl --finding client-closed-first
  tcpdump -U -i lo -w - | kubectl meshsniff analyze -";

const ANALYZE_LEARN: &str = "\
Examples:
  kubectl meshsniff analyze trace.pcap
  kubectl meshsniff analyze trace.pcap -w evidence.pcapng --only-flagged
  kubectl meshsniff analyze trace.pcap -o jsonl --finding client-closed-first
  tcpdump -U -i lo -w - | kubectl meshsniff analyze -
  ... | kubectl meshsniff analyze - -w - | wireshark -k -i -

--port and --path choose what is looked at: lines and summary. --outcome,
--finding and --slower-than choose lines; the summary stays about everything, so
that its shares stay true.

Exit codes: 0 done, 1 error (what could be read is reported), 2 usage,
3 with --exit-code: there are findings. A closed pipe (| head) is a normal end.";

/// Would a capture work here? What is allowed, admitted, found
///
/// Nothing is created. Each line is one condition; one that fails is followed by its fix.
#[derive(Debug, clap::Args)]
#[command(after_help = CHECK_EXAMPLES)]
pub(crate) struct Check {
    /// A pod, also deploy/NAME, svc/NAME ...: is it running, where, in which mesh
    #[arg(value_name = "POD")]
    pub(crate) names: Vec<String>,

    /// Namespace for the agent [default: that of the pods]
    #[arg(long, value_name = "NAMESPACE")]
    pub(crate) agent_namespace: Option<String>,

    /// As --least-privilege would start it
    #[arg(long)]
    pub(crate) least_privilege: bool,

    /// Print the Roles that a capture needs, as YAML
    #[arg(long)]
    pub(crate) rbac: bool,

    #[command(flatten)]
    pub(crate) connection: Connection,
}

const CHECK_EXAMPLES: &str = "\
Examples:
  kubectl meshsniff check -n shop
  kubectl meshsniff check deploy/catalog -n shop
  kubectl meshsniff check --rbac | kubectl apply -n shop -f -

Exit codes: 0 it would work, 1 something is missing, 2 usage.";

/// Remove what captures have left on the cluster, whoever began them
///
/// Lists it and asks first. The cluster removes all of it by itself, ten minutes after the plugin
/// died at the latest. Found by the label app.kubernetes.io/name=meshsniff-agent.
#[derive(Debug, clap::Args)]
#[command(after_help = CLEAN_EXAMPLES)]
pub(crate) struct Clean {
    /// In all namespaces
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    pub(crate) all_namespaces: bool,

    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,

    #[command(flatten)]
    pub(crate) connection: Connection,
}

const CLEAN_EXAMPLES: &str = "\
Examples:
  kubectl meshsniff clean -n shop
  kubectl meshsniff clean -A -y";

/// What a finding means, what usually causes it, what to check next
#[derive(Debug, clap::Args)]
pub(crate) struct Explain {
    /// A finding, an outcome or a response flag of Envoy; all findings if absent
    #[arg(value_name = "CODE")]
    pub(crate) code: Option<String>,
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

fn format(given: &str) -> Result<Format, String> {
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

/// `500ms`, `1s`, `1.5s`, `2m`.
fn duration(given: &str) -> Result<Duration, String> {
    let help = || format!("a time has a unit, as 500ms, 1.5s, 2m; {given:?} is none");
    let end = given.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(help)?;
    let (number, unit) = given.split_at(end);
    let seconds = match unit {
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        _ => return Err(help()),
    };
    let number: f64 = number.parse().map_err(|_| help())?;
    Duration::try_from_secs_f64(number * seconds).map_err(|_| help())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definitions_are_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn times_have_units() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for bad in ["500", "ms", "-1s", "1h", "1.2.3s", "", "99999999999999999999s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
