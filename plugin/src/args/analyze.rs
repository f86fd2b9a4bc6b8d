use std::path::PathBuf;

use super::slow::Limit;
use super::{Config, LogFiles, Metrics, Report};

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

    /// Which pod is slow? Each file is one pod's
    ///
    /// Or has an interface for each, as `pod svc/NAME -w FILE` writes it. As the command slow does,
    /// with its exit codes.
    #[arg(long = "slow", conflicts_with_all = ["write", "summary"])]
    pub(crate) compare: bool,

    #[command(flatten)]
    pub(crate) question: Limit,

    #[command(flatten)]
    pub(crate) config: Config,

    #[command(flatten)]
    pub(crate) logs: LogFiles,

    #[command(flatten)]
    pub(crate) report: Report,

    #[command(flatten)]
    pub(crate) metrics: Metrics,
}

const ANALYZE_EXAMPLES: &str = "\
Examples:
  kubectl meshsniff analyze trace.pcap
  kubectl meshsniff analyze trace.pcap -w evidence.pcapng --only-flagged
  kubectl meshsniff analyze trace.pcap -o jsonl --finding client-closed-first
  kubectl meshsniff analyze trace.pcap --config virtualservices.yaml
  tcpdump -U -i lo -w - | kubectl meshsniff analyze -";

const ANALYZE_LEARN: &str = "\
Examples:
  kubectl meshsniff analyze trace.pcap
  kubectl meshsniff analyze trace.pcap -w evidence.pcapng --only-flagged
  kubectl meshsniff analyze trace.pcap -o jsonl --finding client-closed-first
  kubectl meshsniff analyze trace.pcap --config virtualservices.yaml
  tcpdump -U -i lo -w - | kubectl meshsniff analyze -
  ... | kubectl meshsniff analyze - -w - | wireshark -k -i -

--port and --path choose what is looked at: lines and summary. --outcome,
--finding and --slower-than choose lines; the summary stays about everything, so
that its shares stay true.

Exit codes: 0 done, 1 error (what could be read is reported), 2 usage,
3 with --exit-code: there are findings. A closed pipe (| head) is a normal end.";
