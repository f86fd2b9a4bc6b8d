//! Frames of HTTP/2, made by hand.

/// A client's first bytes.
pub(crate) fn preface() -> Vec<u8> {
    [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &settings(&[])].concat()
}

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
pub(crate) const PADDED: u8 = 8;
pub(crate) const PRIORITY: u8 = 0x20;

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

pub(crate) fn settings(settings: &[(u16, u32)]) -> Vec<u8> {
    let entry = |(id, value): &(u16, u32)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat();
    frame(4, 0, 0, settings.iter().flat_map(entry).collect::<Vec<u8>>())
}

/// A header block: every field a literal that is not indexed.
pub(crate) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            assert!(text.len() < 127);
            block.push(text.len() as u8);
            block.extend(text.as_bytes());
        }
    }
    block
}

/// A field that becomes an entry of the table.
pub(crate) fn indexed(name: &str, value: &str) -> Vec<u8> {
    let mut field = block(&[(name, value)]);
    field[0] = 0x40;
    field
}

pub(crate) fn headers(stream: u32, flags: u8, fields: &[(&str, &str)]) -> Vec<u8> {
    frame(1, END_HEADERS | flags, stream, block(fields))
}

/// A request without a body.
pub(crate) fn get(stream: u32, path: &str) -> Vec<u8> {
    headers(stream, END_STREAM, &[(":method", "GET"), (":scheme", "http"), (":path", path)])
}

/// A call of gRPC with one message of five bytes.
pub(crate) fn call(stream: u32, path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let fields =
        [&[(":method", "POST"), (":path", path), ("content-type", "application/grpc")][..], more];
    [headers(stream, 0, &fields.concat()), data(stream, END_STREAM, message(b"hello"))].concat()
}

/// A message of gRPC with its prefix.
pub(crate) fn message(bytes: &[u8]) -> Vec<u8> {
    [&[0][..], &(bytes.len() as u32).to_be_bytes(), bytes].concat()
}

/// The head of a response.
pub(crate) fn status(stream: u32, status: &str) -> Vec<u8> {
    headers(stream, 0, &[(":status", status)])
}

/// A response with this body.
pub(crate) fn answer(stream: u32, body: &str) -> Vec<u8> {
    [status(stream, "200"), data(stream, END_STREAM, body)].concat()
}

pub(crate) fn data(stream: u32, flags: u8, bytes: impl AsRef<[u8]>) -> Vec<u8> {
    frame(0, flags, stream, bytes)
}

pub(crate) fn rst(stream: u32, code: u32) -> Vec<u8> {
    frame(3, 0, stream, code.to_be_bytes())
}

pub(crate) fn goaway(last: u32, code: u32, debug: &str) -> Vec<u8> {
    frame(7, 0, 0, [&last.to_be_bytes()[..], &code.to_be_bytes(), debug.as_bytes()].concat())
}

pub(crate) fn window(stream: u32, increment: u32) -> Vec<u8> {
    frame(8, 0, stream, increment.to_be_bytes())
}

pub(crate) fn ping() -> Vec<u8> {
    frame(6, 0, 0, b"12345678")
}
