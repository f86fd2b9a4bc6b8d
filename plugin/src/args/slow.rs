use std::time::Duration;

use meshsniff::slow::Question;

use super::pods::{Agent, Pods};
use super::report::{Colors, Format, Report, Scope, format};
use super::values::duration;
use super::{Capture, LogsOfPods, Metrics};
use crate::cluster::Connection;

/// Which pod of a workload is slow, and what cuts its requests off
///
/// All its pods are captured at once, and their requests compared route by route and second by
/// second. A pod is named if more of its requests are slow than chance would give to a healthy one:
/// not by an average, which other routes, heavy callers or one pause spoil.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Slow {
    #[command(flatten)]
    pub(crate) pods: Pods,

    /// How long [default: 30s]
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration, hide_default_value = true)]
    pub(crate) duration: Duration,

    /// Go on until the verdict is certain, at most --max-duration
    ///
    /// It is looked at after 10 s and then ever more rarely. The chance of a false accusation is
    /// spent over the looks, so that all together have that of one.
    #[arg(long, conflicts_with = "duration")]
    pub(crate) until_sure: bool,

    /// With --until-sure: the end of it [default: 10m]
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration, hide_default_value = true, requires = "until_sure")]
    pub(crate) max_duration: Duration,

    #[command(flatten)]
    pub(crate) question: Limit,

    /// Record it as a Kubernetes Event on the slow pod
    #[arg(long)]
    pub(crate) event: bool,

    /// What to print: text, jsonl or json
    #[arg(short, long, value_name = "FORMAT", default_value = "text", value_parser = format, hide_default_value = true)]
    pub(crate) output: Format,

    #[command(flatten)]
    pub(crate) scope: Scope,

    /// More pods than this are refused [default: 200]
    #[arg(
        long,
        value_name = "N",
        default_value_t = 200,
        hide_default_value = true,
        hide_short_help = true
    )]
    pub(crate) max_pods: usize,

    #[command(flatten)]
    pub(crate) colors: Colors,

    /// Say what is done on the cluster
    #[arg(short, long, hide_short_help = true)]
    pub(crate) verbose: bool,

    #[command(flatten)]
    pub(crate) logs: LogsOfPods,

    #[command(flatten)]
    pub(crate) metrics: Metrics,

    #[command(flatten)]
    pub(crate) agent: Agent,

    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// From when on a request is slow whatever else was seen.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Limit {
    /// Longer is too long where no client gives up
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) limit: Option<Duration>,
}

impl Limit {
    /// What is asked at one look.
    pub(crate) fn question(self) -> Question {
        Question { limit: self.limit, ..Question::default() }
    }
}

impl Slow {
    /// The capture that it takes.
    pub(crate) fn capture(self) -> Capture {
        let longest = if self.until_sure { self.max_duration } else { self.duration };
        Capture {
            pods: self.pods,
            duration: Some(longest),
            count: None,
            max_bytes: None,
            snaplen: None,
            max_pods: self.max_pods,
            agent: self.agent,
            wireshark: false,
            dry_run: false,
            verbose: self.verbose,
            report: Report {
                output: self.output,
                scope: self.scope,
                colors: self.colors,
                ..Report::silent()
            },
            connection: self.connection,
            metrics: self.metrics,
            logs: self.logs,
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  kubectl meshsniff slow deploy/catalog -n shop
  kubectl meshsniff slow svc/catalog -n shop --until-sure
  kubectl meshsniff slow -l app=catalog --limit 500ms -o json

Exit codes: 0 no pod stands out, 3 slow pods or two groups, 4 all slow alike,
5 not enough data, 1 error or cut short, 2 usage.";
