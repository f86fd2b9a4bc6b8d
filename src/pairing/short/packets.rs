use crate::capture::{Mark, Timestamp};

/// The packets with a request's first byte, with its last, with the response's first, with its last:
/// of each its number in the capture and nanoseconds since 1970, by how much they are more than those of
/// the one before.
pub(super) type Packets = [i64; 8];

/// The first one by how much it is more than `before`.
pub(super) fn packets(marks: [Mark; 4], before: Mark) -> Packets {
    let [mut number, mut nanos] = [before.number.cast_signed(), before.time.nanos()];
    let [a, b, c, d] = marks.map(|mark| {
        let now = [mark.number.cast_signed(), mark.time.nanos()];
        let more = [now[0].wrapping_sub(number), now[1].wrapping_sub(nanos)];
        [number, nanos] = now;
        more
    });
    [a[0], a[1], b[0], b[1], c[0], c[1], d[0], d[1]]
}

pub(super) fn marks(packets: Packets, before: Mark) -> [Mark; 4] {
    let [mut number, mut nanos] = [before.number.cast_signed(), before.time.nanos()];
    [0, 2, 4, 6].map(|at| {
        number = number.wrapping_add(packets[at]);
        nanos = nanos.wrapping_add(packets[at + 1]);
        Mark { number: number.cast_unsigned(), time: Timestamp::from_nanos(nanos) }
    })
}
