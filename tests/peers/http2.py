"""HTTP/2 as no library offers it: peers whose frames are chosen one by one, by hyper-h2; and curl."""
import contextlib
import os
import socket
import threading
import time

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, RequestReceived, TrailersReceived
from h2.settings import SettingCodes

import proxy
import rpc
from stage import APP, PROXY, situation

GRPC = [("content-type", "application/grpc")]


class Server:
    """Listens on APP and calls `answer(peer, stream)` for every request."""

    def __init__(self, answer):
        self.answer = answer
        self.listener = socket.create_server(("127.0.0.1", APP))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        peer = Peer(connection, client_side=False)
        with contextlib.suppress(OSError):
            if peer.upgrade():
                self.answer(peer, 1)
            for event in peer.events():
                if isinstance(event, RequestReceived):
                    self.answer(peer, event.stream_id)


class Peer(H2Connection):
    """One side of a connection, with its socket."""

    def __init__(self, connection, client_side):
        super().__init__(H2Configuration(client_side=client_side, header_encoding="utf-8"))
        self.socket = connection

    def upgrade(self):
        """Begins as a server; answers whether an HTTP/1 request asked for h2c, which is stream 1 then."""
        first = self.socket.recv(65536, socket.MSG_PEEK)
        _, asks, settings = first.partition(b"HTTP2-Settings: ")
        if asks:
            self.socket.recv(len(first))
            self.socket.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
            self.initiate_upgrade_connection(settings.split(b"\r\n")[0])
        else:
            self.initiate_connection()
        self.flush()
        return bool(asks)

    def flush(self):
        self.socket.sendall(self.data_to_send())

    def events(self):
        while data := self.socket.recv(65536):
            events = self.receive_data(data)
            self.flush()
            yield from events

    def send(self, stream, headers, body=None, end=True):
        self.send_headers(stream, headers, end_stream=end and body is None)
        if body is not None:
            self.send_data(stream, body, end_stream=end)
        self.flush()

    def close(self):
        """FIN, whatever is unread."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def reset(peer, stream):
    time.sleep(0.1)
    peer.reset_stream(stream, ErrorCodes.ENHANCE_YOUR_CALM)
    peer.flush()


def reset_in_the_middle(peer, stream):
    peer.send(stream, [(":status", "200"), *GRPC], b"\0\0\0\0\x02xx", end=False)
    reset(peer, stream)


def close(peer, stream):
    time.sleep(0.1)
    peer.close()


def go_away(peer, stream):
    """Says that it did not look at this stream."""
    peer.close_connection(last_stream_id=0)
    peer.flush()
    time.sleep(0.3)
    peer.close()


def page(peer, stream):
    time.sleep(0.05)
    peer.send(stream, [(":status", "200"), ("content-type", "text/plain")], b"hello\n")


@situation
def h2_server_rst_stream(stage):
    """The server answers with RST_STREAM, before the answer."""
    Server(reset)
    with rpc.Client(stage, APP) as client:
        client.call("Items")


@situation
def h2_server_rst_stream_middle(stage):
    """The server answers with RST_STREAM in the middle of the answer."""
    Server(reset_in_the_middle)
    with rpc.Client(stage, APP) as client:
        client.stream("Watch")


@situation
def h2_server_rst_stream_proxied(stage):
    """The server answers with RST_STREAM; the client hears of it from Envoy."""
    proxy.start(stage)
    Server(reset)
    with rpc.Client(stage, PROXY) as client:
        client.call("Items")


@situation
def h2_server_closes(stage):
    """The server closes the TCP connection while a call is open."""
    Server(close)
    with rpc.Client(stage, APP) as client:
        client.call("Items")


@situation
def h2_server_closes_proxied(stage):
    """The same behind Envoy."""
    proxy.start(stage)
    Server(close)
    with rpc.Client(stage, PROXY) as client:
        client.call("Items")


@situation
def h2_goaway_below(stage):
    """The server's GOAWAY says that it looked at no stream, although one is open."""
    Server(go_away)
    with rpc.Client(stage, APP) as client:
        client.call("Items")
        time.sleep(0.3)


@situation
def h2_goaway_below_proxied(stage):
    """The same behind Envoy, which closes first."""
    proxy.start(stage)
    Server(go_away)
    with rpc.Client(stage, PROXY) as client:
        client.call("Items")
        time.sleep(0.3)


def curl(stage, *options, port=APP, path="/hello", tell=""):
    url = f"http://127.0.0.1:{port}{path}"
    said, code = stage.run("curl", "-sS", "-w", "%{http_code} %{http_version}", *options, url, tell=tell)
    stage.saw("client", program="curl", said=said, exit=code)


@situation
def h2_prior_knowledge(stage):
    """curl speaks HTTP/2 from its first byte."""
    Server(page)
    curl(stage, "--http2-prior-knowledge")


@situation
def h2_continuation(stage):
    """curl's head is so long that it is continued in frames of its own; its body of 200 KB goes to Go's net/http."""
    go_server(stage)
    curl(stage, "--http2-prior-knowledge", "-H", "cookie: " + "chocolate" * 3000, "--data-binary", "@-",
         path="/upload", tell="x" * 200_000)


@situation
def h2_upgrade(stage):
    """curl asks by HTTP/1 for h2c, and gets it: the request is HTTP/1, its answer is on stream 1."""
    Server(page)
    curl(stage, "--http2")


@situation
def h2_upgrade_refused(stage):
    """curl asks by HTTP/1 for h2c; Envoy does not know that and the answer is HTTP/1; the application's is HTTP/2."""
    proxy.start(stage)
    Server(page)
    curl(stage, "--http2", port=PROXY)


@situation
def h2_behind_http1(stage):
    """An HTTP/1 client of Envoy leaves after 0.3 s; the application behind it speaks HTTP/2."""
    proxy.start(stage)
    Server(lambda peer, stream: (time.sleep(0.6), page(peer, stream)))
    curl(stage, "-m", "0.3", port=PROXY)
    time.sleep(0.6)


@situation
def h2_client_closes(stage):
    """curl leaves after 0.3 s without RST_STREAM."""
    Server(lambda peer, stream: (time.sleep(0.6), page(peer, stream)))
    curl(stage, "--http2-prior-knowledge", "-m", "0.3")
    time.sleep(0.4)


def go_server(stage):
    stage.start(os.environ["GOPEER"], "serve", f"127.0.0.1:{APP}", listens=APP)


def go(stage, path, *options):
    """Go's net/http on both sides."""
    go_server(stage)
    said, code = stage.run(os.environ["GOPEER"], "get", *options, f"http://127.0.0.1:{APP}{path}")
    stage.saw("client", library="Go", said=said, exit=code)


@situation
def h2_go_ok(stage):
    """Go's net/http asks and answers."""
    go(stage, "/hello")


@situation
def h2_go_handler_aborts(stage):
    """A handler of Go's net/http panics before it answers."""
    go(stage, "/abort")


@situation
def h2_go_client_timeout(stage):
    """A client of Go's net/http gives up after 0.3 s."""
    go(stage, "/slow", "-timeout", "300ms")
    time.sleep(0.4)


@situation
def h2_go_shutdown(stage):
    """A server of Go's net/http is shut down while it answers."""
    go(stage, "/shutdown")


def stalled(stage, then):
    """Calls for 200 KB with a window of 16 KB, waits half a second, and does `then`."""
    saw = {"received": 0}
    with rpc.server():
        peer = Peer(socket.create_connection(("127.0.0.1", APP)), client_side=True)
        peer.initiate_connection()
        peer.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 16384})
        stream = peer.get_next_available_stream_id()
        peer.send(stream, [(":method", "POST"), (":scheme", "http"), (":path", "/shop.Catalog/Items"),
                           (":authority", "catalog"), ("te", "trailers"), *GRPC], b"\0\0\0\0\x06200000")
        with contextlib.suppress(TimeoutError):
            take(peer, saw)
        saw["stalled_at"] = saw["received"]
        then(peer, stream)
        with contextlib.suppress(TimeoutError):
            take(peer, saw)
        stage.saw("client", method="Items", **saw)
        peer.close()


def take(peer, saw):
    """Takes the answer until its end or half a second of silence."""
    peer.socket.settimeout(0.5)
    for event in peer.events():
        if isinstance(event, DataReceived):
            saw["received"] += len(event.data)
        elif isinstance(event, TrailersReceived):
            saw["grpc_status"] = int(dict(event.headers)["grpc-status"])
            return


def open_window(peer, stream):
    peer.increment_flow_control_window(1 << 20, stream)
    peer.increment_flow_control_window(1 << 20)
    peer.flush()


def give_up(peer, stream):
    peer.reset_stream(stream, ErrorCodes.CANCEL)
    peer.flush()


@situation
def h2_stall_opens(stage):
    """The answer waits half a second for the client's flow-control window, then it goes on."""
    stalled(stage, open_window)


@situation
def h2_stall_ends(stage):
    """The answer waits half a second for the client's flow-control window, then the client gives it up."""
    stalled(stage, give_up)
