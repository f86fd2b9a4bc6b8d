//! What is not a capture: would one work, what have others left.

use crate::cluster::Connection;

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
