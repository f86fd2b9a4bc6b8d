use std::fmt;

use k8s_openapi::api::core::v1::{Container, Pod};

/// The service mesh that a pod is in, as its own object shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mesh {
    /// `istio-proxy` beside the application.
    Istio,
    /// `istio-proxy` as an init container that runs on (native sidecar).
    IstioNative,
    /// No proxy in the pod: ztunnel on the node takes its connections.
    IstioAmbient,
    /// `linkerd-proxy`, native or not.
    Linkerd,
    /// `kuma-sidecar`.
    Kuma,
}

impl fmt::Display for Mesh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Istio => "Istio sidecar",
            Self::IstioNative => "Istio native sidecar",
            Self::IstioAmbient => "Istio ambient",
            Self::Linkerd => "Linkerd sidecar",
            Self::Kuma => "Kuma sidecar",
        })
    }
}

/// Names of containers that are a proxy, not the application.
const PROXIES: [&str; 3] = ["istio-proxy", "linkerd-proxy", "kuma-sidecar"];

impl Mesh {
    pub(crate) fn of(pod: &Pod) -> Option<Self> {
        let spec = pod.spec.as_ref()?;
        let ordinary = |name: &str| spec.containers.iter().any(|one| one.name == name);
        let native = |name: &str| {
            spec.init_containers.iter().flatten().any(|one| one.name == name && runs_on(one))
        };
        let annotations = pod.metadata.annotations.as_ref();
        let annotated = |key: &str, value: &str| {
            annotations.and_then(|all| all.get(key)).is_some_and(|found| found == value)
        };
        if native("istio-proxy") {
            return Some(Self::IstioNative);
        }
        if ordinary("istio-proxy") {
            return Some(Self::Istio);
        }
        if ordinary("linkerd-proxy") || native("linkerd-proxy") {
            return Some(Self::Linkerd);
        }
        if ordinary("kuma-sidecar") || native("kuma-sidecar") {
            return Some(Self::Kuma);
        }
        annotated("ambient.istio.io/redirection", "enabled").then_some(Self::IstioAmbient)
    }
}

/// TCP ports that the containers of the application say they listen on, in their order.
pub(crate) fn application_ports(pod: &Pod) -> Vec<u16> {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let own = containers.filter(|one| !PROXIES.contains(&one.name.as_str()));
    let ports = own.flat_map(|one| one.ports.iter().flatten());
    let tcp = ports.filter(|port| port.protocol.as_deref().is_none_or(|name| name == "TCP"));
    tcp.filter_map(|port| u16::try_from(port.container_port).ok()).collect()
}

/// An init container that is not waited for to end: a native sidecar.
fn runs_on(container: &Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}
