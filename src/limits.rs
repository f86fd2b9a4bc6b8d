use std::time::Duration;

/// Every bound of the analysis in one place, so that memory stays bounded whatever the input.
///
/// Each one is counted when it is hit ([`Limit`]) and the count is reported.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections followed at once. Above it the longest idle one is given up.
    ///
    /// 65,536: twice the ephemeral ports of one client; at about 300 bytes each, 20 MB.
    pub connections: usize,
    /// Bytes kept of all connections together: segments out of order, unfinished heads, requests in flight.
    ///
    /// 16 MiB, one half for segments, the other for heads and requests: 16,000 requests in flight,
    /// far above what a pod serves at once.
    pub buffered: usize,
    /// Bytes kept of one direction's segments that came out of order.
    ///
    /// 1 MiB: 16 segments of the largest size on `lo`; more than a reordering capture shuffles.
    pub out_of_order: usize,
    /// Longest head of a request or response that is read.
    ///
    /// 64 KiB: above Envoy's default of 60 KiB, so that a head which the proxy refused still shows.
    pub head: usize,
    /// Requests in flight on one connection (pipelining).
    ///
    /// 1,024: nginx and Envoy stop reading far below it.
    pub pipelined: usize,
    /// Streams of HTTP/2 that are open at once on one connection.
    ///
    /// 4,096: servers allow 100 to 1,024; at about 600 bytes each, 2.5 MB.
    pub streams: usize,
    /// Silence after which a connection that one side has closed is judged.
    ///
    /// 5 minutes: longer than any answer that a caller still waits for.
    pub answer: Duration,
    /// Silence after which an idle connection is forgotten.
    ///
    /// 1 hour: Envoy's own idle timeout.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 65_536,
            buffered: 16 << 20,
            out_of_order: 1 << 20,
            head: 64 << 10,
            pipelined: 1024,
            streams: 4096,
            answer: Duration::from_secs(300),
            idle: Duration::from_secs(3600),
        }
    }
}

/// A bound of [`Limits`] that was hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Limit {
    /// [`Limits::connections`].
    Connections,
    /// [`Limits::buffered`].
    Buffered,
    /// [`Limits::out_of_order`].
    OutOfOrder,
    /// [`Limits::head`].
    Head,
    /// [`Limits::pipelined`].
    Pipelined,
    /// [`Limits::streams`].
    Streams,
}

impl Limit {
    /// Every limit that is counted.
    pub const ALL: [Self; 6] = [
        Self::Connections,
        Self::Buffered,
        Self::OutOfOrder,
        Self::Head,
        Self::Pipelined,
        Self::Streams,
    ];

    /// What happened when it was hit, as words for a report.
    pub fn consequence(self) -> &'static str {
        match self {
            Self::Connections => "connections given up because too many were open",
            Self::Buffered => "segments or heads dropped because the total buffer was full",
            Self::OutOfOrder => "gaps declared because too much came out of order",
            Self::Head => "heads too long to be read",
            Self::Pipelined => "requests not followed because too many were in flight",
            Self::Streams => "streams not followed because too many were open",
        }
    }
}
