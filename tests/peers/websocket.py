"""WebSocket by the library `websockets`: server and client."""
import asyncio
import contextlib
import socket
import struct

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed, InvalidStatus

import proxy
from stage import APP, PROXY, situation


async def echo(ws):
    async for message in ws:
        await ws.send(message)


async def say_1001(ws):
    await ws.recv()
    await ws.close(1001, "going away")


async def say_1011(ws):
    await ws.recv()
    await ws.close(1011, "Internal Error")


async def crash(ws):
    await ws.recv()
    raise RuntimeError("a handler that crashes")


async def vanish(ws):
    """FIN without a close frame."""
    await ws.recv()
    ws.transport.abort()


async def reset(ws):
    await ws.recv()
    abort_with_rst(ws)


async def fragments(ws):
    await ws.recv()
    await ws.send(["one ", "two ", "three"])
    await ws.recv()


def abort_with_rst(ws):
    it = ws.transport.get_extra_info("socket")
    it.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    ws.transport.abort()


def refuse(connection, request):
    status = {"/forbidden": 403, "/unavailable": 503}.get(request.path)
    return connection.respond(status, "no\n") if status else None


def play(stage, handler, client, port=APP, path="/live"):
    """A server with this handler, and a client that runs `client(ws)` once it is connected."""
    async def server_saw(ws):
        try:
            await handler(ws)
        finally:
            asyncio.get_running_loop().call_later(0.05, lambda: stage.saw("server", **closing(ws)))

    async def both():
        async with serve(server_saw, "127.0.0.1", APP, ping_interval=None, process_request=refuse) as server:
            await talk(stage, client, port, path)
            await asyncio.sleep(0.15)
            server.close(close_connections=False)
    asyncio.run(both())


async def talk(stage, client, port, path):
    try:
        ws = await connect(f"ws://127.0.0.1:{port}{path}", ping_interval=None, close_timeout=1, proxy=None)
    except InvalidStatus as refused:
        stage.saw("client", port=port, path=path, status=refused.response.status_code,
                  body=(refused.response.body or b"").decode())
        return
    with contextlib.suppress(ConnectionClosed):
        await client(ws)
    with contextlib.suppress(ConnectionClosed):
        await ws.wait_closed()
    stage.saw("client", port=port, path=path, status=101, **closing(ws))


def closing(ws):
    return {"close_code": ws.close_code, "close_reason": ws.close_reason,
            "sent": ws.protocol.close_sent and ws.protocol.close_sent.code,
            "received": ws.protocol.close_rcvd and ws.protocol.close_rcvd.code}


async def hello(ws):
    await ws.send("hello")
    async for _ in ws:
        pass


async def hello_and_1000(ws):
    await ws.send("hello")
    await ws.recv()
    await ws.close(1000, "bye")


async def hello_and_gone(ws):
    await ws.send("hello")
    await ws.recv()
    ws.transport.abort()


async def hello_and_rst(ws):
    await ws.send("hello")
    await ws.recv()
    abort_with_rst(ws)


async def ping_and_idle(ws):
    for _ in range(3):
        await (await ws.ping())
        await asyncio.sleep(0.2)
    await ws.wait_closed()


async def parts(ws):
    await ws.send(["un", "deux", "trois"])
    async for _ in ws:
        await ws.close()


@situation
def ws_close_1000(stage):
    """The client closes with 1000."""
    play(stage, echo, hello_and_1000)


@situation
def ws_close_1000_proxied(stage):
    """The client closes with 1000, through Envoy."""
    proxy.start(stage, protocol="http1")
    play(stage, echo, hello_and_1000, PROXY)


@situation
def ws_close_1001(stage):
    """The server goes away and says so."""
    play(stage, say_1001, hello)


@situation
def ws_server_1011(stage):
    """The server closes with 1011 and a reason, as a dashboard's does."""
    play(stage, say_1011, hello)


@situation
def ws_server_1011_proxied(stage):
    """The same through Envoy."""
    proxy.start(stage, protocol="http1")
    play(stage, say_1011, hello, PROXY)


@situation
def ws_handler_crash(stage):
    """The server's handler crashes: 1011 without a reason."""
    play(stage, crash, hello)


@situation
def ws_server_vanishes(stage):
    """The server closes the connection without a close frame."""
    play(stage, vanish, hello)


@situation
def ws_client_vanishes(stage):
    """The client closes the connection without a close frame."""
    play(stage, echo, hello_and_gone)


@situation
def ws_client_vanishes_proxied(stage):
    """The same through Envoy."""
    proxy.start(stage, protocol="http1")
    play(stage, echo, hello_and_gone, PROXY)


@situation
def ws_server_resets(stage):
    """The server resets the connection."""
    play(stage, reset, hello)


@situation
def ws_client_resets(stage):
    """The client resets the connection."""
    play(stage, echo, hello_and_rst)


@situation
def ws_fragments(stage):
    """Messages in three fragments each way."""
    play(stage, fragments, parts)


@situation
def ws_idle_timeout(stage):
    """Pings are answered for 0.6 s, then nothing is said, and Envoy's idle timeout of 0.5 s ends it."""
    proxy.start(stage, protocol="http1", idle="0.5s")
    play(stage, echo, ping_and_idle, PROXY)


@situation
def ws_refused_403(stage):
    """The server refuses the upgrade with 403."""
    play(stage, echo, hello, path="/forbidden")


@situation
def ws_refused_503(stage):
    """The server refuses the upgrade with 503; through Envoy."""
    proxy.start(stage, protocol="http1")
    play(stage, echo, hello, PROXY, path="/unavailable")


@situation
def ws_proxy_503(stage):
    """Envoy has no upstream and answers the upgrade with a 503 of its own."""
    proxy.start(stage, protocol="http1", to=0)
    asyncio.run(talk(stage, hello, PROXY, "/live"))


@situation
def ws_proxy_refused(stage):
    """Nobody listens behind Envoy, which answers the upgrade with a 503 of its own."""
    proxy.start(stage, protocol="http1")
    asyncio.run(talk(stage, hello, PROXY, "/live"))


OUTER = 8081


def over_http2(stage):
    """Client, HTTP/1, Envoy at OUTER, HTTP/2 (RFC 8441), Envoy at PROXY, HTTP/1, server."""
    proxy.start(stage, proxy.hop(stage, PROXY, APP, "http1"), proxy.hop(stage, OUTER, PROXY, "http2"))


@situation
def ws_over_h2(stage):
    """A WebSocket between two Envoys is a stream of HTTP/2; the client closes with 1000."""
    over_http2(stage)
    play(stage, echo, hello_and_1000, OUTER)


@situation
def ws_over_h2_1011(stage):
    """A WebSocket between two Envoys is a stream of HTTP/2; the server closes with 1011."""
    over_http2(stage)
    play(stage, say_1011, hello, OUTER)


@situation
def ws_over_h2_vanishes(stage):
    """A WebSocket between two Envoys is a stream of HTTP/2; the client goes without a close frame."""
    over_http2(stage)
    play(stage, echo, hello_and_gone, OUTER)


@situation
def ws_over_h2_refused(stage):
    """The server refuses with 403 the WebSocket that is a stream of HTTP/2 between two Envoys."""
    over_http2(stage)
    play(stage, echo, hello, OUTER, path="/forbidden")
