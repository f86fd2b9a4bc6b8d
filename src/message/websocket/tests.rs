use super::*;

/// What is heard of these pieces, one word each.
fn heard(from: Direction, pieces: &[&[u8]]) -> Vec<String> {
    let mut frames = Frames::of(from);
    let mut words = Vec::new();
    for piece in pieces {
        frames.data(piece, &mut |said| hear(&mut words, said));
    }
    if frames.is_lost() {
        words.push("lost".into());
    }
    words
}

fn hear(words: &mut Vec<String>, said: Said<'_>) {
    words.push(match said {
        Said::Payload(len) => len.to_string(),
        Said::Message => "message".into(),
        Said::Ping => "ping".into(),
        Said::Pong => "pong".into(),
        Said::Close => "close".into(),
        Said::CloseBody(body) => {
            format!("{:?}", String::from_utf8_lossy(body.get(2..).unwrap_or(b"-")))
        }
        Said::NoClose => "no close".into(),
    });
}

fn server(bytes: &[u8]) -> Vec<String> {
    heard(Direction::ToClient, &[bytes])
}

fn client(bytes: &[u8]) -> Vec<String> {
    heard(Direction::ToServer, &[bytes])
}

/// The examples of RFC 6455 section 5.7.
#[test]
fn the_examples_of_the_standard() {
    assert_eq!(server(b"\x81\x05Hello"), ["5", "message"]);
    assert_eq!(client(b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), ["5", "message"]);
    assert_eq!(server(b"\x01\x03Hel\x80\x02lo"), ["3", "2", "message"]);
    assert_eq!(server(b"\x89\x05Hello"), ["ping"]);
    assert_eq!(client(b"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), ["pong"]);
    let medium = [&b"\x82\x7e\x01\x00"[..], &[0; 256]].concat();
    assert_eq!(server(&medium), ["256", "message"]);
    let large = [&b"\x82\x7f\0\0\0\0\0\x01\0\0"[..], &[0; 65_536]].concat();
    assert_eq!(server(&large), ["65536", "message"]);
}

#[test]
fn control_frames_between_fragments() {
    assert_eq!(
        server(b"\x01\x01a\x89\x00\x00\x01b\x8a\x00\x80\x00\x81\x00"),
        ["1", "ping", "1", "pong", "message", "message"]
    );
}

#[test]
fn a_close_is_unmasked() {
    let mut body = b"\x03\xf3why".to_vec();
    unmask(&mut body, *b"wxyz");
    let close = [b"\x88\x85wxyz", &*body].concat();
    assert_eq!(client(&close), ["close", "\"why\""]);
    assert_eq!(client(b"\x88\x80wxyz"), ["close", "\"-\""]);
    assert_eq!(server(b"\x88\x02\x03\xe8what follows a Close"), ["close", "\"\""]);
}

#[test]
fn however_it_is_cut() {
    let long = [&b"\xc2\x7e\x01\x00"[..], &[7; 256], b"\x01\x00\x89\x02hi\x80\x01x"].concat();
    let stream = [&long[..], b"\x88\x05\x03\xe8bye"].concat();
    let sums = |pieces: &[&[u8]]| {
        let words = heard(Direction::ToClient, pieces);
        let bytes: u64 = words.iter().filter_map(|word| word.parse::<u64>().ok()).sum();
        let others: Vec<_> =
            words.into_iter().filter(|word| word.parse::<u64>().is_err()).collect();
        (bytes, others)
    };
    let whole = sums(&[&stream]);
    assert_eq!(whole.0, 257);
    assert_eq!(whole.1, ["message", "ping", "message", "close", "\"bye\""]);
    for cut in 1..stream.len() {
        assert_eq!(sums(&[&stream[..cut], &stream[cut..]]), whole, "{cut}");
    }
    assert_eq!(sums(&stream.chunks(1).collect::<Vec<_>>()), whole);
}

#[test]
fn what_may_not_be_sent() {
    for (bytes, why) in [
        (&b"\x83\x00"[..], "an opcode that is reserved"),
        (b"\x8b\x00", "a control opcode that is reserved"),
        (b"\x09\x00", "a control frame in fragments"),
        (b"\x89\x7e\x00\x7e", "a control frame of 126 bytes"),
        (b"\x80\x00", "a continuation of nothing"),
        (b"\x01\x00\x81\x00", "a message in the middle of another"),
        (b"\x91\x00", "a bit that no extension has"),
        (b"\xc9\x00", "a compressed control frame"),
        (b"\x81\x7e\x00\x05", "a length that has a shorter form"),
        (b"\x81\x7f\0\0\0\0\0\0\xff\xff", "the same with 64 bits"),
        (b"\x81\x7f\x80\0\0\0\0\0\0\0", "a length beyond 63 bits"),
    ] {
        assert_eq!(server(bytes), ["lost"], "{why}");
    }
}

/// It is not allowed, and it is done.
#[test]
fn a_client_that_does_not_mask() {
    assert_eq!(client(b"\x81\x05Hello\x88\x00"), ["5", "message", "close", "\"-\""]);
}

#[test]
fn gaps() {
    let after = |start: &[u8], gap, then: &[u8]| {
        let mut frames = Frames::of(Direction::ToClient);
        let mut words = Vec::new();
        frames.data(start, &mut |said| hear(&mut words, said));
        frames.gap(gap, &mut |said| hear(&mut words, said));
        frames.data(then, &mut |said| hear(&mut words, said));
        if frames.is_lost() {
            words.push("lost".into());
        }
        words
    };
    assert_eq!(after(b"\x81\x05He", 2, b"o\x89\x00"), ["2", "2", "1", "message", "ping"]);
    assert_eq!(after(b"\x81\x05He", 3, b"\x89\x00"), ["2", "3", "message", "ping"]);
    assert_eq!(after(b"\x81\x05He", 4, b"\x89\x00"), ["2", "3", "message", "lost"]);
    assert_eq!(after(b"", 1, b"\x89\x00"), ["lost"]);
    assert_eq!(after(b"\x81", 1, b"\x89\x00"), ["lost"]);
    assert_eq!(after(b"\x88\x05\x03\xe8b", 2, b""), ["close", "\"b\""]);
    assert_eq!(after(b"\x88\x05\x03\xe8", 9, b""), ["close", "\"\""]);
}

mod last_words_after_a_gap {
    use super::*;

    fn after_a_gap(from: Direction, pieces: &[&[u8]]) -> Vec<String> {
        let mut frames = Frames::of(from);
        let mut words = Vec::new();
        frames.gap(1, &mut |_| {});
        for piece in pieces {
            frames.data(piece, &mut |said| hear(&mut words, said));
        }
        words
    }

    #[test]
    fn a_segment_that_ends_with_a_close() {
        let from = Direction::ToClient;
        assert_eq!(after_a_gap(from, &[b"\x88\x05\x03\xe8bye"]), ["close", "\"bye\""]);
        assert_eq!(after_a_gap(from, &[b"xx", b"\x81\x01a\x88\x02\x03\xe8"]), ["close", "\"\""]);
    }

    #[test]
    fn what_only_looks_like_one() {
        for bytes in [
            &b"\x88\x02\x03\xe8\x81"[..],
            b"\x88\x02\x03\xe8\x88\x02\x03\xe8",
            b"\x88\x03\x03\xe8",
            b"\x88\x00",
            b"\x88\x01\x03",
            b"\x88\x02\x03\xee",
            b"\x88\x02\x00\x07",
            b"\x88\x03\x03\xe8\xff",
            b"a\x88\x02\x03\xe8",
            b"\x88\x82abcd\x03\xe8",
        ] {
            let none: [&str; 0] = [];
            assert_eq!(after_a_gap(Direction::ToClient, &[bytes]), none, "{bytes:?}");
        }
    }

    #[test]
    fn it_is_taken_back_if_more_follows() {
        let close = &b"\x88\x05\x03\xe8bye"[..];
        let from = Direction::ToClient;
        assert_eq!(after_a_gap(from, &[close, b"x"]), ["close", "\"bye\"", "no close"]);
        assert_eq!(
            after_a_gap(from, &[close, close]),
            ["close", "\"bye\"", "no close", "close", "\"bye\""]
        );
    }
}
