use std::time::Duration;

use super::values::{bytes, duration};
use super::{LogsOfPods, Report};
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
    pub(crate) logs: LogsOfPods,

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
