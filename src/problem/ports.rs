/// A port on which a mesh or Kubernetes itself is spoken with.
#[derive(Clone, Copy, Debug)]
pub struct Port {
    /// Its number.
    pub number: u16,
    /// Who listens there.
    pub name: &'static str,
    /// What usually keeps connects from it.
    pub blocked_by: &'static str,
}

const FIREWALL: &str = "a firewall between control plane and nodes (private GKE clusters open 443 and 10250 only) or a NetworkPolicy";
const POLICY: &str = "a NetworkPolicy, or no ready pod behind the Service";
const SIDECAR: &str = "a pod whose proxy is not up yet, or any more; a NetworkPolicy";
const NODE: &str = "a firewall between the nodes; a NetworkPolicy";

/// Ports that mean one thing almost everywhere. Sources: istio.io, "Application requirements";
/// linkerd.io, "Firewall and ports"; kubernetes.io, "Ports and protocols"; controller-runtime.
static PORTS: [Port; 24] = [
    port(53, "DNS", "a NetworkPolicy that forgets kube-dns; no ready CoreDNS pod"),
    port(2379, "etcd", NODE),
    port(4140, "Linkerd's proxy, outbound", SIDECAR),
    port(4143, "Linkerd's proxy, inbound", SIDECAR),
    port(4190, "Linkerd's proxy, control", SIDECAR),
    port(4191, "Linkerd's proxy, metrics and health", SIDECAR),
    port(6443, "the Kubernetes API server", "a firewall, or a NetworkPolicy for egress"),
    port(8089, "Linkerd's tap", FIREWALL),
    port(9443, "an admission webhook, as Linkerd's policy validator", FIREWALL),
    port(10250, "kubelet, or cert-manager's webhook", FIREWALL),
    port(10257, "kube-controller-manager", NODE),
    port(10259, "kube-scheduler", NODE),
    port(15000, "Envoy's admin, local to its pod", SIDECAR),
    port(15001, "Istio's proxy, outbound", SIDECAR),
    port(15006, "Istio's proxy, inbound", SIDECAR),
    port(
        15008,
        "HBONE: ztunnel, a waypoint or a sidecar of Istio",
        "a NetworkPolicy or firewall that knows the application's port only",
    ),
    port(15010, "istiod, xDS in plaintext", POLICY),
    port(15012, "istiod, xDS and certificates", POLICY),
    port(15014, "istiod, monitoring", POLICY),
    port(15017, "istiod, webhook", FIREWALL),
    port(15020, "Istio's agent, metrics", SIDECAR),
    port(15021, "Istio's proxy, health", SIDECAR),
    port(15053, "Istio's proxy, DNS", SIDECAR),
    port(15090, "Istio's proxy, metrics", SIDECAR),
];

const fn port(number: u16, name: &'static str, blocked_by: &'static str) -> Port {
    Port { number, name, blocked_by }
}

/// Who listens on this port; `None` if it may be anybody.
pub fn known_port(number: u16) -> Option<&'static Port> {
    let place = PORTS.binary_search_by_key(&number, |port| port.number).ok()?;
    PORTS.get(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(PORTS.is_sorted_by(|a, b| a.number < b.number));
        assert_eq!(known_port(15017).unwrap().name, "istiod, webhook");
        assert!(known_port(8080).is_none());
    }
}
