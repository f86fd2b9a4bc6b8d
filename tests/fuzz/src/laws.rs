use meshsniff::capture::{Mark, Timestamp};
use meshsniff::pairing::{Connection, Exchange, Moment, Outcome, Protocol};
use meshsniff::{Analysis, Event};

/// What was pushed into an analysis, to judge what comes out of it.
#[derive(Default)]
pub(crate) struct Pushed {
    /// Times of the packets, by number.
    times: Vec<Timestamp>,
    /// The latest of them.
    latest: Timestamp,
    /// What the analysis was told last.
    clock: Timestamp,
    /// Bytes of all packets, as long as they were on the wire.
    bytes: u64,
    exchanges: u64,
}

impl Pushed {
    pub(crate) fn packet(&mut self, mark: Mark, original_len: u32, captured: usize) {
        self.times.push(mark.time);
        self.latest = self.latest.max(mark.time);
        self.bytes += u64::from(original_len).max(captured as u64);
    }

    pub(crate) fn advance(&mut self, now: Timestamp) {
        self.clock = self.clock.max(now);
    }

    pub(crate) fn number(&self) -> u64 {
        self.times.len() as u64
    }

    /// Takes all there is to say, and judges it.
    pub(crate) fn judge(&mut self, analysis: &mut Analysis, mut each: impl FnMut(&Exchange)) {
        while let Some(event) = analysis.poll() {
            match event {
                Event::Question(exchange) => self.marks(&exchange),
                Event::Connection(connection) => self.connection(&connection),
                Event::Exchange(exchange) => {
                    self.exchanges += 1;
                    self.marks(&exchange);
                    outcome(&exchange);
                    each(&exchange);
                }
            }
        }
        let counts = analysis.counts();
        let packets = self.number();
        assert_eq!(counts.packets, packets);
        assert!(counts.skipped.iter().sum::<u64>() <= packets, "more skipped than seen");
        assert!(counts.connections <= packets, "more connections than packets");
        assert!(counts.midstream <= counts.connections);
        assert!(counts.tls + counts.http2 <= counts.connections);
        assert!(counts.hbone <= counts.tls);
        // A request has at least a byte, a failed connect at least a packet, and an answer without
        // its request at least a byte.
        assert!(self.exchanges <= self.bytes + packets, "exchanges out of nothing");
    }

    /// A connection happened between packets that were there.
    fn connection(&self, connection: &Connection) {
        let (Moment::Opened { mark } | Moment::Closed { mark, .. }) = connection.moment;
        for mark in [connection.syn, mark] {
            assert!((1..=self.number()).contains(&mark.number), "{connection:?}");
        }
        assert!(connection.attempts > 0, "{connection:?}");
        if let Moment::Closed { idle, .. } = connection.moment {
            assert!(idle <= connection.age(), "{connection:?}");
        }
    }

    /// Every statement points at packets that were there.
    fn marks(&self, exchange: &Exchange) {
        let request = &exchange.request;
        let response = exchange.response.as_ref();
        let websocket = exchange.websocket();
        let marks = [
            request.first,
            request.last,
            response.map(|response| response.first),
            response.map(|response| response.last),
            exchange.close,
            exchange.late.map(|late| late.mark),
            websocket.and_then(|websocket| websocket.last()),
            websocket.and_then(|websocket| websocket.ping()),
            websocket.and_then(|websocket| websocket.pong()),
            exchange.tls().and_then(|tls| tls.done),
            exchange.tls().and_then(|tls| tls.answered),
            exchange.tls().and_then(|tls| tls.alert).map(|alert| alert.mark),
        ];
        for mark in marks.into_iter().flatten() {
            let place = mark.number.checked_sub(1).expect("packets count from 1");
            let time = *self.times.get(place as usize).expect("a packet that was pushed");
            // Where a packet proves a loss, its mark has the time of the clock, which does not go
            // back when packets do.
            let clock = self.clock.max(self.latest);
            let number = mark.number;
            assert!((time..=clock).contains(&mark.time), "time of packet {number}: {exchange:?}");
        }
    }
}

/// An outcome carries what it says.
fn outcome(exchange: &Exchange) {
    let response = exchange.response.is_some();
    let (left, closed) = (exchange.by.is_some(), exchange.close.is_some());
    match exchange.outcome {
        Outcome::Complete | Outcome::HalfCloseOk => {
            assert!(response, "answered without an answer");
            let half = exchange.outcome == Outcome::HalfCloseOk;
            assert_eq!(left, half, "only who closes its half leaves an answer: {exchange:?}");
        }
        Outcome::ClientFinBeforeResponse
        | Outcome::ClientRstBeforeResponse
        | Outcome::ClientRstStreamBeforeResponse
        | Outcome::ServerClosedBeforeResponse
        | Outcome::ServerRstStreamBeforeResponse => {
            assert!(!response, "left before the response that came: {exchange:?}");
            // A FIN that was not captured leaves no packet to name.
            assert!(left, "somebody left, but who: {exchange:?}");
        }
        // Of a response whose head was cut there is no status.
        Outcome::TruncatedRequest | Outcome::TruncatedResponse => assert!(left, "{exchange:?}"),
        Outcome::Refused => assert!(closed && !response, "{exchange:?}"),
        Outcome::ConnectTimeout => assert!(!response, "{exchange:?}"),
        // Which Close was first is not known where the other side's may have been lost.
        Outcome::WsClosed => {
            let websocket = exchange.websocket().expect("what was said on it");
            let sides = [&websocket.client, &websocket.server];
            assert!(sides.iter().any(|side| side.close.is_some()) && closed, "{exchange:?}");
            assert!(left || sides.iter().any(|side| side.unread), "{exchange:?}");
        }
        Outcome::WsAborted => assert!(left, "{exchange:?}"),
        Outcome::TlsAlert => assert!(left, "{exchange:?}"),
        Outcome::TlsOk | Outcome::TlsClosedNoAlert => assert!(!response, "{exchange:?}"),
        Outcome::InProgress | Outcome::Unknown => {}
    }
    if exchange.protocol == Protocol::Tcp {
        assert!(exchange.request.attempts > 0, "{exchange:?}");
        assert!(exchange.request.method.is_none());
    }
    if let Some(response) = &exchange.response {
        assert!((100..1000).contains(&response.status), "{exchange:?}");
    }
    assert!(exchange.late.is_none() || !response, "late and in time: {exchange:?}");
}
