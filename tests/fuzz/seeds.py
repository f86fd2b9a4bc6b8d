#!/usr/bin/env python3
"""Makes the seeds of the fuzz targets: small inputs that reach far. Run again after a change of
the operations in src/operations.rs; what it writes is committed."""

import gzip
import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent / "seeds"


def seed(target, name, data):
    folder = HERE / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def tcp(src, dst, seq, ack, flags, payload=b""):
    return struct.pack(">HHIIBBHHH", src, dst, seq, ack, 0x50, flags, 65535, 0, 0) + payload


def ipv4(segment, a=b"\x0a\0\0\1", b=b"\x0a\0\0\2"):
    return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0x4000, 64, 6, 0) + a + b + segment


def ipv6(segment, extension=b""):
    following = 0 if extension else 6
    body = extension + segment
    host = b"\xfd" + bytes(14)
    return struct.pack(">IHBB", 6 << 28, len(body), following, 64) + host + b"\1" + host + b"\2" + body


def ethernet(packet, kind=0x0800, tags=b""):
    return bytes(12) + tags + struct.pack(">H", kind) + packet


def conversation():
    """A complete exchange, then one that is given up and answered late."""
    get = b"GET /items HTTP/1.1\r\nHost: catalog\r\n\r\n"
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    c, s, out = 1000, 5000, []

    def client(flags, payload=b"", ms=1):
        nonlocal c
        out.append((ms, tcp(40000, 8080, c, s, flags, payload), 0))
        c += len(payload) + (1 if flags & 3 else 0)

    def server(flags, payload=b"", ms=1):
        nonlocal s
        out.append((ms, tcp(8080, 40000, s, c, flags, payload), 1))
        s += len(payload) + (1 if flags & 3 else 0)

    client(2), server(0x12), client(0x10)
    client(0x18, get), server(0x18, answer, 30), client(0x10)
    client(0x18, get), server(0x10), client(0x11, ms=500), server(0x10)
    server(0x18, answer, 800), client(0x04)
    return out


def frames():
    for ms, segment, back in conversation():
        a, b = b"\x0a\0\0\1", b"\x0a\0\0\2"
        yield ms, ethernet(ipv4(segment, *((b, a) if back else (a, b))))


def pcap(order="<", magic=0xA1B2C3D4, scale=1000):
    data = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, 1)
    at = 1_700_000_000_000
    for ms, frame in frames():
        at += ms
        data += struct.pack(order + "IIII", at // 1000, at % 1000 * scale, len(frame), len(frame)) + frame
    return data


def pad(data):
    return data + bytes(-len(data) % 4)


def option(order, code, value):
    return struct.pack(order + "HH", code, len(value)) + pad(value)


def block(order, kind, body):
    length = 12 + len(body)
    return struct.pack(order + "II", kind, length) + body + struct.pack(order + "I", length)


def pcapng(order="<"):
    def section():
        head = struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1)
        return block(order, 0x0A0D0D0A, head + option(order, 1, b"a comment") + option(order, 0, b""))

    def interface(resolution, offset):
        options = option(order, 2, b"lo") + option(order, 9, bytes([resolution]))
        options += option(order, 14, struct.pack(order + "q", offset)) + option(order, 0, b"")
        return block(order, 1, struct.pack(order + "HHI", 1, 0, 262144) + options)

    def packet(number, ticks, frame):
        head = struct.pack(order + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame))
        comment = option(order, 1, b"look here") + option(order, 0, b"")
        return block(order, 6, head + pad(frame) + comment)

    data, at = section() + interface(9, 0) + interface(0x8A, 1_700_000_000), 0
    for place, (ms, frame) in enumerate(frames()):
        at += ms
        if place % 2:
            data += packet(1, at * 1024 // 1000, frame)
        else:
            data += packet(0, 1_700_000_000_000_000_000 + at * 1_000_000, frame)
    ticks = 1_700_000_002_000_000_000
    counters = option(order, 4, struct.pack(order + "Q", 12)) + option(order, 7, struct.pack(order + "Q", 1))
    data += block(order, 5, struct.pack(order + "III", 0, ticks >> 32, ticks & 0xFFFFFFFF) + counters)
    data += block(order, 0x0BAD, b"unkn")
    frame = next(frames())[1]
    data += block(order, 3, struct.pack(order + "I", len(frame)) + pad(frame))
    return data + section() + interface(6, 0)


CAPTURES = {
    "micro-le": pcap(),
    "micro-be": pcap(">"),
    "nano-le": pcap("<", 0xA1B23C4D, 1_000_000),
    "nano-be": pcap(">", 0xA1B23C4D, 1_000_000),
    "pcapng-le": pcapng(),
    "pcapng-be": pcapng(">"),
    "cut": pcap()[:-7],
    "gzip": gzip.compress(pcap(), 9, mtime=0),
    # Raw zstd blocks, so that no compressor is needed.
    "zstd": b"\x28\xb5\x2f\xfd\x00\x58" + struct.pack("<I", len(pcap()) << 3 | 1)[:3] + pcap(),
}
for name, data in CAPTURES.items():
    seed("capture_reader", name, data)
    seed("analysis_pcap", name, data)

segment = tcp(40000, 8080, 1, 1, 0x18, b"GET / HTTP/1.1\r\n\r\n")
# The first byte chooses the link type: see `decode` in src/readers.rs.
FRAMES = {
    "ethernet-v4": (0, ethernet(ipv4(segment))),
    "vlan-twice": (0, ethernet(ipv4(segment), tags=b"\x88\xa8\0\1\x81\0\0\2")),
    "ethernet-v6": (0, ethernet(ipv6(segment), 0x86DD)),
    "v6-extensions": (0, ethernet(ipv6(segment, b"\x2b\0\1\4\0\0\0\0" + b"\6\0\1\4\0\0\0\0"), 0x86DD)),
    "null": (3, b"\2\0\0\0" + ipv4(segment)),
    "raw": (4, ipv6(segment)),
    "loop": (5, b"\0\0\0\2" + ipv4(segment)),
    "cooked": (6, bytes(14) + b"\x08\0" + ipv4(segment)),
    "raw4": (7, ipv4(segment)),
    "raw6": (8, ipv6(segment)),
    "cooked2": (9, b"\x08\0" + bytes(18) + ipv4(segment)),
    "other": (10, b"\0\1\2"),
    "arp": (0, ethernet(bytes(28), 0x0806)),
    "big-tcp": (0, ethernet(ipv4(segment)[:2] + b"\0\0" + ipv4(segment)[4:])),
}
for name, (link, frame) in FRAMES.items():
    seed("decode", name, bytes([link, 0, 0]) + frame)
seed("decode", "snapped", bytes([0, 1, 0]) + ethernet(ipv4(segment))[:60])


def op(kind, *more, connection=0, server=0):
    return bytes([kind << 3 | server << 2 | connection, *more])


def word(number, **at):
    return op(0, number, **at)


OPEN = op(8) + op(8, server=1) + op(5)
WAIT = op(14, 14, 31)  # 31 << 14 µs, about half a second
HTTP = {
    "complete": OPEN + word(0) + word(8, server=1) + word(17, server=1) + op(6) + op(6, server=1) + op(5),
    "given-up": OPEN + word(0) + WAIT + op(6) + op(5, server=1) + WAIT + word(8, server=1) + op(7, 0),
    "half-close": OPEN + word(0) + op(6) + word(8, server=1) + word(17, server=1) + op(5) + op(6, server=1),
    "reset": OPEN + word(0) + WAIT + op(7, 16),
    "server-closed": OPEN + word(0) + op(6, server=1) + op(6),
    "truncated": OPEN + word(0) + word(8, server=1) + op(6, server=1) + op(6),
    "chunked": OPEN + word(3) + word(18) + word(19) + word(9, server=1) + word(20, server=1) + op(6),
    "pipelined": OPEN + word(0) + word(1) + word(0) + word(8, server=1) + word(17, server=1)
    + word(12, server=1) + word(11, server=1),
    "continue": OPEN + word(4) + word(13, server=1) + op(4, 3) + b"abc" + word(11, server=1),
    "upgrade": OPEN + word(5) + word(14, server=1) + op(4, 4) + b"\x81\x02hi",
    "connect": OPEN + word(6) + word(10, server=1) + word(23),
    "until-close": OPEN + word(7) + word(16, server=1) + word(17, server=1) + op(6, server=1),
    "refused": op(8) + op(7, 16, server=1),
    "timeout": op(8) + WAIT + op(10) + WAIT + op(10) + op(15, 20, 9),
    "lossy": OPEN + word(2) + op(9, 4) + word(8, server=1) + op(9, 4, server=1) + op(5) + word(0),
    "cut": OPEN + op(11, 9, 0) + op(11, 30, 8, server=1) + op(5) + word(0) + word(11, server=1),
    "shuffled": OPEN + op(12, 6, 0, 8, 0) + word(0) + op(10) + op(12, 0x10, 0, 17, 2, server=1)
    + word(8, server=1) + op(5),
    "wrap": op(8, connection=1) + op(8, connection=1, server=1) + b"".join(
        word(0, connection=1) + word(8, connection=1, server=1) + word(17, connection=1, server=1)
        for _ in range(4)),
    "v6": op(8, connection=3) + word(0, connection=3) + word(11, connection=3, server=1),
    "midstream": word(17, server=1) + word(0) + word(8, server=1) + word(17, server=1) + word(22) + word(23),
}
for name, operations in HTTP.items():
    seed("http1", name, b"\1" + operations)
    seed("http1", name + "-tight", b"\4" + operations)



def turn(kind, *more, server=0, size=15):
    return bytes([size << 4 | kind << 1 | server, *more])


TLS = {
    "tls13": turn(0, 1) + turn(0, 3, server=1) + turn(3, 4, server=1) + turn(3, 3) + turn(3, 0),
    "tls13-refused": turn(0, 1) + turn(0, 3, server=1) + turn(3, 4, server=1) + turn(0, 6) + turn(3, 0) + turn(6),
    "tls13-no-certificate": turn(0, 1) + turn(0, 3, server=1) + turn(3, 4, server=1) + turn(3, 1) + turn(3, 3)
    + turn(3, 0, server=1) + turn(7, server=1),
    "tls12": turn(0, 0) + turn(0, 2, server=1) + turn(0, 4, server=1) + turn(0, 5, server=1) + turn(0, 8)
    + turn(0, 6) + turn(4, 2, 4) + b"abcd" + turn(0, 6, server=1) + turn(4, 2, 4, server=1) + b"abcd" + turn(6),
    "tls12-alert": turn(0, 0) + turn(5, 2, 40, server=1) + turn(5, 4, 200, server=1) + turn(0, 7) + turn(6),
    "silent": turn(0, 0, size=0) + turn(6),
}
for name, turns in TLS.items():
    seed("tls", name, b"\0" + turns)
    seed("tls", name + "-changed", b"\1" + turns)
# RFC 7541, appendix C.4 (requests) and C.5 (responses, a table of 256 bytes).
REQUESTS = [
    "828684418cf1e3c2e5f23a6ba0ab90f4ff", "828684be5886a8eb10649cbf",
    "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
]
DATE = b"\x1dMon, 21 Oct 2013 20:13:2%d GMT"
RESPONSES = [
    (b"\x3f\xe1\1\x48\x03302\x58\7private\x61" + DATE % 1 + b"\x6e\x17https://www.example.com").hex(),
    "4803333037c1c0bf",
    (b"\x88\xc1\x61" + DATE % 2 + b"\xc0\x5a\4gzip\x77\x38foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU;"
     b" max-age=3600; version=1").hex(),
]
BLOCKS = {
    "requests": REQUESTS,
    "responses": RESPONSES,
    # Again, in other tables.
    "resized": RESPONSES + ["20"] + RESPONSES[1:] + ["3fe13f" + REQUESTS[0]] + REQUESTS[1:],
    # A name of what is not known; never indexed; an entry larger than the table.
    "names": ["4001780131be7f000132bebf", "10017801317f000133", "20400178" "0131be"],
    "bomb": ["400178" "7fe11e" + "62" * 3968 + "be" * 300],
}
for name, blocks in BLOCKS.items():
    blocks = [bytes.fromhex(block) for block in blocks]
    for missed in (0, 1):
        data = bytes([missed])
        for place, block_ in enumerate(blocks):
            data += (b"" if place < missed else b"\0") + struct.pack(">H", len(block_)) + block_
        seed("hpack", name + ("-late" if missed else ""), data)

seed("report", "zeros", bytes(200))
seed("report", "ones", b"\1" * 400)
seed("report", "counting", bytes(range(256)) * 4)
hostile = '/"},\n{"x":\u009b\x1b[2J\u202e'.encode()
seed("report", "hostile", bytes(80) + (b"\1" + bytes([len(hostile)]) + hostile) * 12)


def ws(cut, end, client, server):
    return bytes([cut, end]) + struct.pack(">H", len(client)) + client + server


MASKED = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"
CLOSE = b"\x88\x05\x03\xe8bye"
WEBSOCKET = {
    "closed": ws(0, 4, MASKED + b"\x88\x82abcd" + bytes([3 ^ 97, 0xE8 ^ 98]), b"\x82\x03you" + CLOSE),
    "aborted": ws(2, 2, MASKED, b"\x01\x01a\x89\x00\x80\x00"),
    "long": ws(6, 5, b"", b"\xc2\x7e\x01\x00" + bytes(256) + b"\x88\x00"),
    "garbage": ws(3, 4, b"no frames", b"\x83\x00" + CLOSE),
    "open": ws(1, 0, MASKED + MASKED, b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00half"),
}
for name, data in WEBSOCKET.items():
    seed("websocket", name, data)
