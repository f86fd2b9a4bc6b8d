//! The command line: one file for each group of commands.

mod access_log;
mod analyze;
mod capture;
mod config;
mod metrics;
mod pods;
mod report;
mod slow;
mod upkeep;
mod values;

use std::ffi::OsString;
use std::time::Duration;

use clap::{Parser, Subcommand};

pub(crate) use access_log::{LogFile, LogFiles, LogsOfPods};
pub(crate) use analyze::Analyze;
pub(crate) use capture::Capture;
pub(crate) use config::Config;
pub(crate) use metrics::{Metrics, Place};
pub(crate) use report::{Color, Format, Report};
pub(crate) use slow::Slow;
pub(crate) use upkeep::{Check, Clean};
use values::duration;

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
    Slow(Box<Slow>),
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
  kubectl meshsniff slow deploy/catalog -n shop
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
}
