//! What becomes of the streams when one side leaves their connection.

use super::StreamsHearing;
use crate::capture::Mark;
use crate::flow::{Direction, Ended};
use crate::pairing::pending::{Left, Progress};
use crate::pairing::{End, Outcome, Side};

impl StreamsHearing<'_> {
    /// The client has closed its half of the connection.
    pub(crate) fn client_fin(&mut self, fin: Option<Mark>, proof: Mark) {
        self.streams.left = Some(Box::new(Left { fin, proof, reads_on: false }));
        self.streams.sockets.left(Direction::ToServer, fin);
        for id in self.streams.ids() {
            let Some(stream) = self.streams.live(id) else { continue };
            if stream.reset.is_some() {
                continue;
            }
            let pending = &mut stream.pending;
            pending.begun_first = pending.begun.is_some();
            match (pending.request, pending.response) {
                (Progress::Open, Progress::None) if !stream.doubtful => {
                    let end = (Outcome::TruncatedRequest, Some(Side::Client), fin);
                    self.end_stream(id, end);
                }
                (_, Progress::None) => {
                    pending.exchange.close = fin;
                    if !stream.doubtful {
                        self.office.question(&pending.exchange);
                    }
                }
                _ => {}
            }
        }
    }

    /// The server has closed its half of the connection.
    pub(crate) fn server_fin(&mut self, fin: Option<Mark>) {
        self.streams.server_fin = fin;
        self.streams.sockets.left(Direction::ToClient, fin);
        let left = self.streams.left.take();
        self.end_all_known(|stream| stream.pending.server_left(left.as_deref(), fin));
        self.streams.left = left;
    }

    /// The client has closed its half and still acknowledges what comes.
    pub(crate) fn still_reading(&mut self) {
        let Some(left) = &mut self.streams.left else { return };
        left.reads_on = true;
        let left = self.streams.left.take();
        self.end_all(|stream| match stream.pending.response {
            Progress::Ended => stream.pending.whole(left.as_deref()),
            _ => None,
        });
        self.streams.left = left;
    }

    /// One side has reset the connection.
    pub(crate) fn connection_reset(&mut self, direction: Direction, mark: Mark) {
        let left = self.streams.left.take();
        let fin = self.streams.server_fin;
        self.end_all_known(|stream| {
            Some(stream.pending.reset(direction, left.as_deref(), fin, mark))
        });
        let end = End::reset(direction, mark);
        self.streams.sockets.over(end, self.info, self.office);
    }

    /// Both sides have closed the connection.
    pub(crate) fn closed(&mut self) {
        let left = self.streams.left.take();
        let fin = self.streams.server_fin;
        self.end_all_known(|stream| Some(stream.pending.closed(left.as_deref(), fin)));
        self.streams.sockets.over(End::Closed, self.info, self.office);
    }

    /// Nothing more will be known of the connection.
    pub(crate) fn over(&mut self, why: Ended) {
        let left = self.streams.left.take();
        let now = self.office.now();
        self.end_all_known(|stream| Some(stream.pending.over(left.as_deref(), why, now)));
        self.streams.sockets.over(End::of(why), self.info, self.office);
    }
}
