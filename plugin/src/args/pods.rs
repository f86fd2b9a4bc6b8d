//! Which pods, and how the agent gets there: the same for every command that captures.

use crate::cluster::Wanted;

/// What is captured of which pods.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Pods {
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

    /// The container that is meant; all of a pod share its interfaces
    #[arg(short, long, value_name = "NAME", hide_short_help = true)]
    pub(crate) container: Option<String>,

    /// Also pods in their node's network: everything of the node is seen
    #[arg(long, hide_short_help = true)]
    pub(crate) host_network: bool,
}

impl Pods {
    /// The pods that are meant, so many at most.
    pub(crate) fn wanted(&self, max_pods: usize) -> Wanted {
        Wanted {
            names: self.names.clone(),
            selector: self.selector.clone(),
            all_namespaces: self.all_namespaces,
            container: self.container.clone(),
            max_pods,
            host_network: self.host_network,
        }
    }
}

/// How the agent is started.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Agent {
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
}
