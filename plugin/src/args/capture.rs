use std::time::Duration;

use super::pods::{Agent, Pods};
use super::values::{bytes, duration};
use super::{LogsOfPods, Metrics, Report};
use crate::cluster::{Connection, Wanted};

/// Capture pods (also deploy/NAME, svc/NAME, -l SELECTOR) and say what went wrong
///
/// An agent is started beside the pods for as long as the capture runs: a Job on each node, made
/// in the image of the pod itself, which the node has. It enters the pod's network, gives up every
/// right, then reads the first packet. Without -w the exchanges are analysed there and only they
/// travel; with -w the packets do. When the command ends, however it ends, the cluster is as before.
#[derive(Debug, clap::Args)]
#[command(after_help = CAPTURE_EXAMPLES)]
pub(crate) struct Capture {
    #[command(flatten)]
    pub(crate) pods: Pods,

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

    /// More pods than this are refused [default: 20]
    #[arg(
        long,
        value_name = "N",
        default_value_t = 20,
        hide_default_value = true,
        hide_short_help = true
    )]
    pub(crate) max_pods: usize,

    #[command(flatten)]
    pub(crate) agent: Agent,

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
    pub(crate) logs: LogsOfPods,

    #[command(flatten)]
    pub(crate) report: Report,

    #[command(flatten)]
    pub(crate) metrics: Metrics,

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
        self.pods.wanted(self.max_pods)
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
