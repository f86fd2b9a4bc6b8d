use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use meshsniff::pairing::Outcome;
use meshsniff::problem::Code;

use crate::cluster::{Connection, Wanted};

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
    #[command(visible_aliases = ["pods"])]
    Pod(Box<Capture>),
    /// Read captures (pcap, pcapng; plain, gzip, zstd) and say what went wrong
    Analyze(Box<Analyze>),
    /// What a finding means, what usually causes it, what to check next
    Explain(Explain),
    Demo(Demo),
    Check(Box<Check>),
    Clean(Box<Clean>),
}

const EXAMPLES: &str = "\
Examples:
  kubectl meshsniff pod catalog-v2-6df -n shop
  kubectl meshsniff deploy/catalog -n shop --duration 30s
  kubectl meshsniff analyze trace.pcap
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

/// A slow server caught live, on this machine alone: no cluster needed
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

/// Capture pods (also deploy/NAME, svc/NAME, -l SELECTOR) and say what went wrong
///
/// An agent is started beside the pods for as long as the capture runs: a Job on each node, made
/// in the image of the pod itself, which the node has. It enters the pod's network, gives up every
/// right, then reads the first packet. Without -w the exchanges are analysed there and only they
/// travel; with -w the packets do. When the command ends, however it ends, the cluster is as before.
#[derive(Debug, clap::Args)]
#[command(after_help = CAPTURE_EXAMPLES)]
pub(crate) struct Capture {
    /// NAME, pod/NAME, deploy/NAME (sts, ds, rs, job, svc); several of them
    #[arg(value_name = "POD")]
    pub(crate) names: Vec<String>,

    /// Pods with these labels, as app=catalog
    #[arg(short = 'l', long, value_name = "LABELS", conflicts_with = "names")]
    pub(crate) selector: Option<String>,

    /// With -l: in all namespaces
    #[arg(short = 'A', long, requires = "selector")]
    pub(crate) all_namespaces: bool,

    /// Interface of the pod; any is all of them [default: lo]
    #[arg(short, long, value_name = "NAME", default_value = "lo", hide_default_value = true)]
    pub(crate) interface: String,

    /// Only packets that this filter lets through, as for tcpdump
    ///
    /// Not by the port of a sidecar: outbound connections have different addresses in each
    /// direction on lo, and a filter on 15001 loses every response.
    #[arg(short, long, value_name = "FILTER")]
    pub(crate) filter: Option<String>,

    /// End after this time, as 30s
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) duration: Option<Duration>,

    /// End after so many exchanges; with -w or --wireshark, packets
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub(crate) count: Option<u64>,

    /// End after so many bytes of packets, as 100MiB
    ///
    /// Where only exchanges travel, each node counts its own.
    #[arg(long, value_name = "BYTES", value_parser = bytes, hide_short_help = true)]
    pub(crate) max_bytes: Option<u64>,

    /// Keep at most so many bytes of a packet
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(64..=262_144), hide_short_help = true)]
    pub(crate) snaplen: Option<u32>,

    /// The container that is meant; all of a pod share its interfaces
    #[arg(short, long, value_name = "NAME", hide_short_help = true)]
    pub(crate) container: Option<String>,

    /// More pods than this are refused [default: 20]
    #[arg(
        long,
        value_name = "N",
        default_value_t = 20,
        hide_default_value = true,
        hide_short_help = true
    )]
    pub(crate) max_pods: usize,

    /// Also pods in their node's network: everything of the node is seen
    #[arg(long, hide_short_help = true)]
    pub(crate) host_network: bool,

    /// Not privileged: NET_RAW, SYS_ADMIN and SYS_PTRACE alone
    #[arg(long, help_heading = "Agent", hide_short_help = true)]
    pub(crate) least_privilege: bool,

    /// Namespace for the agent [default: that of the pods]
    #[arg(long, value_name = "NAMESPACE", help_heading = "Agent", hide_short_help = true)]
    pub(crate) agent_namespace: Option<String>,

    /// Image to run the agent in [default: the pod's own]; nothing in it is used
    #[arg(long, value_name = "IMAGE", help_heading = "Agent", hide_short_help = true)]
    pub(crate) agent_image: Option<String>,

    /// CPU that the agent asks for [default: 20m]; it has no limit
    #[arg(
        long,
        value_name = "CPU",
        default_value = "20m",
        hide_default_value = true,
        help_heading = "Agent",
        hide_short_help = true
    )]
    pub(crate) agent_cpu: String,

    /// Memory that the agent asks for and is limited to [default: 256Mi]
    #[arg(
        long,
        value_name = "MEMORY",
        default_value = "256Mi",
        hide_default_value = true,
        help_heading = "Agent",
        hide_short_help = true
    )]
    pub(crate) agent_memory: String,

    /// Show the packets live in Wireshark, with comments on those that prove it
    #[arg(long, conflicts_with = "write")]
    pub(crate) wireshark: bool,

    /// Print what would be created, as JSON; nothing is
    #[arg(long, hide_short_help = true)]
    pub(crate) dry_run: bool,

    /// Say what is done on the cluster
    #[arg(short, long, hide_short_help = true)]
    pub(crate) verbose: bool,

    #[command(flatten)]
    pub(crate) report: Report,

    #[command(flatten)]
    pub(crate) connection: Connection,
}

impl Capture {
    /// Whether packets are wanted, not only what they mean.
    pub(crate) fn packets(&self) -> bool {
        self.wireshark || self.report.write.is_some()
    }

    /// The pods that are meant.
    pub(crate) fn wanted(&self) -> Wanted {
        Wanted {
            names: self.names.clone(),
            selector: self.selector.clone(),
            all_namespaces: self.all_namespaces,
            container: self.container.clone(),
            max_pods: self.max_pods,
            host_network: self.host_network,
        }
    }
}

const CAPTURE_EXAMPLES: &str = "\
Examples:
  kubectl meshsniff pod catalog-v2-6df -n shop
  kubectl meshsniff deploy/catalog -n shop --duration 30s
  kubectl meshsniff pod catalog-v2-6df -w evidence.pcapng
  kubectl meshsniff -l app=catalog -o jsonl

Exit codes: 0 done, 1 error or cut short (what came is reported), 2 usage,
3 with --exit-code: there are findings.";

/// Would a capture work here? What is allowed, admitted, found
///
/// Nothing is created. Each line is one condition; one that fails is followed by its fix.
#[derive(Debug, clap::Args)]
#[command(after_help = CHECK_EXAMPLES)]
pub(crate) struct Check {
    /// A pod, also deploy/NAME, svc/NAME ...: is it running, where, in which mesh
    #[arg(value_name = "POD")]
    pub(crate) names: Vec<String>,

    /// Pods with these labels, as app=catalog, instead of names
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub(crate) selector: Option<String>,

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
    #[arg(short = 'A', long)]
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

/// The command line with `pod` where no command is named: `kubectl meshsniff deploy/catalog`.
pub(crate) fn with_command(line: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    use clap::CommandFactory as _;

    let mut line: Vec<OsString> = line.into_iter().collect();
    let Some(first) = line.get(1).and_then(|word| word.to_str()) else { return line };
    let own = ["help", "-h", "--help", "-V", "--version"];
    let command = Args::command();
    let known = own.contains(&first)
        || command
            .get_subcommands()
            .any(|known| known.get_name_and_visible_aliases().contains(&first));
    if !known {
        line.insert(1, "pod".into());
    }
    line
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

/// `65536`, `64KiB`, `100MiB`, `2GiB`.
fn bytes(given: &str) -> Result<u64, String> {
    let help = || format!("bytes are a number, as 65536, 64KiB, 100MiB, 2GiB; {given:?} is none");
    let end = given.find(|c: char| !c.is_ascii_digit()).unwrap_or(given.len());
    let (number, unit) = given.split_at(end);
    let shift = match unit {
        "" | "B" => 0,
        "KiB" | "Ki" => 10,
        "MiB" | "Mi" => 20,
        "GiB" | "Gi" => 30,
        _ => return Err(help()),
    };
    let number: u64 = number.parse().map_err(|_| help())?;
    number.checked_mul(1 << shift).filter(|bytes| *bytes > 0).ok_or_else(help)
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
    fn a_pod_needs_no_command() {
        let with = |line: &[&str]| {
            let line = ["kubectl-meshsniff"].iter().chain(line).map(OsString::from);
            with_command(line).into_iter().nth(1).unwrap_or_default()
        };
        assert_eq!(with(&["deploy/catalog", "-n", "shop"]), "pod");
        assert_eq!(with(&["-n", "shop", "catalog"]), "pod");
        assert_eq!(with(&["analyze", "x.pcap"]), "analyze");
        assert_eq!(with(&["--help"]), "--help");
        assert_eq!(with(&[]), "");
    }

    #[test]
    fn bytes_may_have_units() {
        assert_eq!(bytes("65536"), Ok(65536));
        assert_eq!(bytes("64KiB"), Ok(65536));
        for bad in ["", "0", "-1", "1.5MiB", "10MB", "99999999999999GiB"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
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
