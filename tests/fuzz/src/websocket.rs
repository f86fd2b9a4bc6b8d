use meshsniff::pairing::Exchange;

use super::cursor::Cursor;
use super::operations::{ACK, FIN, Network, PSH, RST, SYN, Send};

const UPGRADE: &[u8] =
    b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const SWITCHES: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
/// What fits into one segment.
const LONGEST: usize = 60_000;

/// Two streams of bytes after an upgrade: what they are does not depend on how they are cut, and
/// what is said of them points at packets that were there.
pub fn websocket(input: &[u8]) {
    let mut cursor = Cursor::new(input);
    let (cut, end) = (usize::from(cursor.u8() % 9) + 1, cursor.u8());
    let client = cursor.u16().into();
    let client = cursor.take(client);
    let server = cursor.rest();
    if client.len().max(server.len()) > LONGEST {
        return;
    }
    let whole = one(client, server, LONGEST, end);
    let pieces = one(client, server, cut, end);
    let (Some(a), Some(b)) = (whole.websocket(), pieces.websocket()) else {
        panic!("an upgrade that is no WebSocket: {whole:?} {pieces:?}");
    };
    // A segment that ends with a Close is taken for one where the place is lost.
    let figures = |exchange: &Exchange| {
        let websocket = exchange.websocket()?;
        Some([&websocket.client, &websocket.server].map(|side| (side.messages, side.bytes)))
    };
    assert_eq!(figures(&whole), figures(&pieces));
    if !(a.client.unread || a.server.unread) {
        assert!(!(b.client.unread || b.server.unread));
        let told = |exchange: &Exchange| (exchange.outcome, exchange.by, exchange.close_code());
        assert_eq!(told(&whole), told(&pieces));
    }
}

/// One WebSocket whose sides send this, in segments no longer than that, and end it so.
fn one(client: &[u8], server: &[u8], segment: usize, end: u8) -> Exchange {
    let mut network = Network::new(meshsniff::Settings::default());
    let mut send = |from, flags, payload: &[u8]| {
        let plain = network.plain(0, from);
        network.forward(Send { flags, payload, ..plain });
    };
    for (from, flags, payload) in
        [(0, SYN, &b""[..]), (1, SYN | ACK, b""), (0, ACK | PSH, UPGRADE), (1, ACK | PSH, SWITCHES)]
    {
        send(from, flags, payload);
    }
    for (from, stream) in [(0, client), (1, server)] {
        for piece in stream.chunks(segment) {
            send(from, ACK | PSH, piece);
        }
    }
    let from = usize::from(end & 1);
    match end >> 1 & 3 {
        0 => {}
        1 => send(from, RST | ACK, b""),
        _ => {
            send(from, FIN | ACK, b"");
            send(1 - from, FIN | ACK, b"");
            send(from, ACK, b"");
        }
    }
    network.finish();
    let mut exchanges = network.told;
    assert_eq!(exchanges.len(), 1, "one WebSocket is one exchange");
    exchanges.remove(0)
}
