use crate::capture::Mark;
use crate::decode::Skip;
use crate::limits::Limit;

/// What the analysis has seen, skipped and lost: nothing is dropped without being counted here.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Counts {
    /// The first packet.
    pub first: Option<Mark>,
    /// The packet with the latest time.
    pub last: Option<Mark>,
    /// Packets read.
    pub packets: u64,
    /// Packets that are not analysed, by reason; indexed by [`Skip`].
    pub skipped: [u64; Skip::ALL.len()],
    /// Bounds that were hit; indexed by [`Limit`].
    pub limits: [u64; Limit::ALL.len()],
    /// TCP connections.
    pub connections: u64,
    /// Connections that were already open when the capture began, or whose handshake it lacks.
    pub midstream: u64,
    /// Connections on which nothing was asked: connected only.
    pub silent: u64,
    /// Connections with something on them that is not read, also after an Upgrade or CONNECT.
    pub opaque: u64,
    /// Connections that are identified as TLS.
    pub tls: u64,
    /// Connections that carry others through an ambient mesh: HBONE, which is HTTP/2 CONNECT inside mutual
    /// TLS, to its port 15008 (counted in `tls` too).
    pub hbone: u64,
    /// Bytes of application data in TLS, as encrypted, after handshakes.
    pub tls_bytes: u64,
    /// Connections that are identified as HTTP/2.
    pub http2: u64,
    /// Segments that repeat bytes already seen.
    pub retransmissions: u64,
    /// Places in a stream whose bytes were not captured.
    pub gaps: u64,
    /// Bytes of the streams that were not captured.
    pub missed_bytes: u64,
    /// Responses to requests that were not captured.
    pub orphan_responses: u64,
}

impl Counts {
    /// Adds what another capture has counted.
    pub fn add(&mut self, other: &Self) {
        let by_time = |mark: &Mark| (mark.time, mark.number);
        self.first = [self.first, other.first].into_iter().flatten().min_by_key(by_time);
        self.last = [self.last, other.last].into_iter().flatten().max_by_key(by_time);
        for (sum, more) in self.skipped.iter_mut().zip(other.skipped) {
            *sum += more;
        }
        for (sum, more) in self.limits.iter_mut().zip(other.limits) {
            *sum += more;
        }
        for (sum, more) in [
            (&mut self.packets, other.packets),
            (&mut self.connections, other.connections),
            (&mut self.midstream, other.midstream),
            (&mut self.silent, other.silent),
            (&mut self.opaque, other.opaque),
            (&mut self.tls, other.tls),
            (&mut self.hbone, other.hbone),
            (&mut self.tls_bytes, other.tls_bytes),
            (&mut self.http2, other.http2),
            (&mut self.retransmissions, other.retransmissions),
            (&mut self.gaps, other.gaps),
            (&mut self.missed_bytes, other.missed_bytes),
            (&mut self.orphan_responses, other.orphan_responses),
        ] {
            *sum += more;
        }
    }

    /// How often the limit was hit.
    pub fn limit(&self, limit: Limit) -> u64 {
        self.limits[limit as usize]
    }

    pub(crate) fn hit(&mut self, limit: Limit) {
        self.limits[limit as usize] += 1;
    }

    /// How many packets were skipped for this reason.
    pub fn skipped(&self, skip: Skip) -> u64 {
        self.skipped[skip as usize]
    }
}
