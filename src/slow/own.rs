use std::net::{IpAddr, SocketAddr};

/// Addresses told apart of one pod. The servers of all further ones count as others'.
const MOST: usize = 255;
/// Where the sidecars of Istio and Linkerd take in what the application sends: such an address stands
/// for a server elsewhere whose own is not known.
const OUTBOUND: [u16; 2] = [15001, 4140];

/// Which of the servers seen at a pod is the pod itself: what it asks of others says nothing of how
/// fast it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Own {
    servers: Vec<Server>,
    /// The pod's own addresses, where they are known.
    pub(super) addresses: Vec<IpAddr>,
}

#[derive(Clone, Debug)]
struct Server {
    address: IpAddr,
    /// It was one end of so many exchanges, and asked in so many.
    ends: u64,
    asked: u64,
}

/// Stands for a server that is certainly another.
pub(super) const OTHER: u8 = u8::MAX;

impl Own {
    /// The place of this exchange's server among those seen here.
    pub(super) fn place(&mut self, client: SocketAddr, server: SocketAddr) -> u8 {
        let place = self.find(server.ip());
        if let Some(server) = self.servers.get_mut(usize::from(place)) {
            server.ends += 1;
            server.asked += 1;
        }
        if client.ip() != server.ip() {
            let client = self.find(client.ip());
            if let Some(client) = self.servers.get_mut(usize::from(client)) {
                client.ends += 1;
            }
        }
        let elsewhere = server.ip().is_loopback() && OUTBOUND.contains(&server.port());
        if elsewhere { OTHER } else { place }
    }

    fn find(&mut self, address: IpAddr) -> u8 {
        let known = self.servers.iter().position(|known| known.address == address);
        let place = known.unwrap_or_else(|| {
            if self.servers.len() < MOST {
                self.servers.push(Server { address, ends: 0, asked: 0 });
                self.servers.len() - 1
            } else {
                MOST
            }
        });
        u8::try_from(place).unwrap_or(OTHER)
    }

    /// For each place, whether that server is the pod itself: a loopback address, or one of its own;
    /// where these are not known, the one that is an end of most of its exchanges.
    pub(super) fn are(&self) -> Vec<bool> {
        let others = self.servers.iter().filter(|server| !server.address.is_loopback());
        let own = others.max_by_key(|server| (server.ends, server.asked));
        let guessed = own.map(|server| server.address).filter(|_| self.addresses.is_empty());
        let is = |server: &Server| {
            let address = server.address;
            address.is_loopback() || Some(address) == guessed || self.addresses.contains(&address)
        };
        self.servers.iter().map(is).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(exchanges: &[(&str, &str)]) -> Vec<bool> {
        let mut own = Own::default();
        let places: Vec<u8> = exchanges
            .iter()
            .map(|(client, server)| own.place(client.parse().unwrap(), server.parse().unwrap()))
            .collect();
        let are = own.are();
        places.iter().map(|place| are.get(usize::from(*place)).is_some_and(|own| *own)).collect()
    }

    #[test]
    fn what_a_pod_asks_of_others_is_not_its_own() {
        let inbound = ("127.0.0.6:41000", "10.1.0.7:9080");
        let outbound = ("10.1.0.7:52000", "10.96.3.4:80");
        let redirected = ("10.1.0.7:52001", "127.0.0.1:15001");
        assert_eq!(own(&[inbound, outbound, redirected, outbound]), [true, false, false, false]);
    }

    #[test]
    fn known_addresses_are_not_guessed() {
        let [client, server] = ["10.1.0.7:52000", "10.96.3.4:80"].map(|side| side.parse().unwrap());
        let mut worker = Own { addresses: vec![[10, 1, 0, 7].into()], ..Own::default() };
        assert_eq!((worker.place(client, server), worker.are()), (0, vec![false, true]));
    }

    #[test]
    fn without_a_mesh_loopback_is_its_own() {
        assert_eq!(own(&[("127.0.0.1:40000", "127.0.0.1:8080"); 2]), [true, true]);
    }

    #[test]
    fn on_its_network_the_end_of_most_is_the_pod() {
        let calls = [("10.1.0.9:1", "10.1.0.7:80"), ("10.1.0.8:1", "10.1.0.7:80")];
        assert_eq!(own(&[calls[0], calls[1], ("10.1.0.7:1", "10.1.0.5:80")]), [true, true, false]);
        assert_eq!(own(&[calls[0]; 3]), [true; 3]);
    }
}
