use std::path::PathBuf;

/// Manifests beside a capture
#[derive(Debug, clap::Args)]
pub(crate) struct Config {
    /// Manifests: which field has the timeout?
    ///
    /// YAML or JSON, as kubectl get virtualservice,destinationrule,httproute -A -o yaml prints them; several
    /// documents, lists, and several files by giving it again. Kinds without timeouts are passed
    /// over. Read are VirtualService, DestinationRule, HTTPRoute, GRPCRoute, ServiceProfile, the
    /// annotations of Linkerd, and MeshConfig in its ConfigMap.
    #[arg(long = "config", value_name = "FILE")]
    pub(crate) manifests: Vec<PathBuf>,
}
