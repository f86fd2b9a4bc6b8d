"""TLS: OpenSSL (its command, and in Python), Go, gRPC's BoringSSL."""
import contextlib
import http.server
import os
import pathlib
import socket
import ssl
import struct
import threading
import time

import grpc

import proxy
import rpc
from stage import APP, PROXY, is_listening, register, situation, until

NAME = "catalog.shop.svc"
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
REQUEST = "GET / HTTP/1.1\r\nHost: catalog\r\nConnection: close\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nhello\n"


class Server:
    """OpenSSL in Python on APP: answers one request on each connection."""

    def __init__(self, stage, certificate="server", version=None, client_authority=None, knows=None, alpn=()):
        self.stage = stage
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        path = stage.certificate(certificate)
        self.context.load_cert_chain(path, path.replace(".pem", ".key"))
        if version:
            self.context.minimum_version = self.context.maximum_version = VERSIONS[version]
        if client_authority:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(stage.certificate(client_authority))
        if knows:
            self.context.sni_callback = lambda _, name, __: None if name == knows else ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        if alpn:
            self.context.set_alpn_protocols(list(alpn))
        self.listener = socket.create_server(("127.0.0.1", APP))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            connection.settimeout(5)
            try:
                with self.context.wrap_socket(connection, server_side=True) as secured:
                    self.stage.saw("server", version=secured.version(), cipher=secured.cipher()[0], alpn=secured.selected_alpn_protocol())
                    if secured.recv(65536):
                        secured.sendall(ANSWER)
                        with contextlib.suppress(OSError):
                            secured.unwrap()
            except OSError as error:
                self.stage.saw("server", error=str(error))


def openssl(stage, authority="authority", version=None, name=NAME, certificate=None, port=APP):
    """`openssl s_client`; the server's name is verified, too."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", name, "-verify_hostname", name,
               "-CAfile", stage.certificate(authority), "-verify_return_error", "-brief", "-ign_eof"]
    if version:
        command.append("-tls" + version.replace(".", "_"))
    if certificate:
        path = stage.certificate(certificate)
        command += ["-cert", path, "-key", path.replace(".pem", ".key")]
    said, code = stage.run(*command, tell=REQUEST)
    stage.saw("client", library="OpenSSL", said=said, exit=code)


def go(stage, authority="authority", version=None, name=NAME, certificate=None, alpn=None, path="/", port=APP):
    """Go's net/http; it says what a webhook's caller would."""
    command = [os.environ["GOPEER"], "get", "-ca", stage.certificate(authority), "-name", name, "-max", version or "1.3"]
    if certificate:
        command += ["-cert", stage.certificate(certificate)]
    if alpn:
        command += ["-alpn", alpn]
    said, code = stage.run(*command, f"https://127.0.0.1:{port}{path}")
    stage.saw("client", library="Go", said=said, exit=code)


def python(stage, authority="authority", version=None, name=NAME, certificate=None, port=APP):
    context = ssl.create_default_context(cafile=stage.certificate(authority))
    if version:
        context.minimum_version = context.maximum_version = VERSIONS[version]
    if certificate:
        path = stage.certificate(certificate)
        context.load_cert_chain(path, path.replace(".pem", ".key"))
    said = ""
    try:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            with context.wrap_socket(connection, server_hostname=name) as secured:
                secured.sendall(REQUEST.encode())
                while data := secured.recv(65536):
                    said += data.decode()
    except OSError as error:
        said += str(error)
    stage.saw("client", library="Python", said=said)


def boringssl(stage, authority="authority", version=None, name=NAME, certificate=None, port=APP):
    """gRPC's C core, which brings BoringSSL; it speaks what the server can."""
    read = lambda suffix: pathlib.Path(stage.certificate(certificate)).with_suffix(suffix).read_bytes() if certificate else None
    roots = pathlib.Path(stage.certificate(authority)).read_bytes()
    credentials = grpc.ssl_channel_credentials(roots, read(".key"), read(".pem"))
    with rpc.Client(stage, port, credentials, name) as client:
        client.call("Items")


CLIENTS = {"openssl": openssl, "go": go, "python": python, "grpc": boringssl}


def serve_grpc(stage):
    path = pathlib.Path(stage.certificate("server"))
    pair = path.with_suffix(".key").read_bytes(), path.read_bytes()
    return rpc.server(grpc.ssl_server_credentials([pair]))


def ok(client, version):
    def play(stage):
        Server(stage, version=version)
        CLIENTS[client](stage)
    return play


def unknown_authority(client, version):
    def play(stage):
        Server(stage, version=version, alpn=["h2", "http/1.1"] if client == "grpc" else ())
        CLIENTS[client](stage, authority="stranger")
    return play


def expired(client, version):
    def play(stage):
        Server(stage, version=version, certificate="expired")
        CLIENTS[client](stage)
    return play


def wrong_name(client, version):
    def play(stage):
        Server(stage, version=version)
        CLIENTS[client](stage, name="orders.shop.svc")
    return play


def mutual(certificate):
    def kind(client, version):
        def play(stage):
            Server(stage, version=version, client_authority="authority")
            CLIENTS[client](stage, certificate=certificate)
        return play
    return kind


EACH = [
    ("ok", ok, "The handshake works and data flows", ["openssl", "go", "python"], ["1.2", "1.3"]),
    ("unknown-ca", unknown_authority, "The client does not know the authority that signed", list(CLIENTS), ["1.2", "1.3"]),
    ("expired", expired, "The server's certificate has expired", ["openssl", "go"], ["1.2", "1.3"]),
    ("wrong-name", wrong_name, "The server's certificate is for another name", ["openssl", "go", "python"], ["1.2", "1.3"]),
    ("mutual", mutual("client"), "The client shows a certificate", ["openssl", "go"], ["1.2", "1.3"]),
    ("no-client-certificate", mutual(None), "The server asks for a certificate and the client has none", ["openssl", "go"], ["1.2", "1.3"]),
    ("foreign-client", mutual("foreign"), "The client's certificate is of an authority the server does not know", ["openssl"], ["1.2", "1.3"]),
]

for kind, play, what, clients, versions in EACH:
    for client in clients:
        for version in versions:
            register(f"tls{version.replace('.', '')}-{kind}-{client}", f"{what}; TLS {version}, client: {client}.", play(client, version))


@situation
def tls_ok_grpc(stage):
    """gRPC over TLS."""
    with serve_grpc(stage):
        boringssl(stage)


@situation
def tls_ok_proxied(stage):
    """The handshake works through an Envoy that only passes bytes on."""
    proxy.start(stage, kind="tcp")
    Server(stage)
    openssl(stage, port=PROXY)


@situation
def tls_unknown_ca_proxied(stage):
    """The client does not know the authority; an Envoy passes that on."""
    proxy.start(stage, kind="tcp")
    Server(stage)
    openssl(stage, authority="stranger", port=PROXY)


@situation
def tls_webhook(stage):
    """An API server (Go) calls an admission webhook whose authority it does not know."""
    Server(stage)
    go(stage, authority="stranger", path="/mutate?timeout=10s")


@situation
def tls_sni_rejected(stage):
    """The server has no certificate for the name that the client asks for."""
    Server(stage, knows="orders.shop.svc")
    openssl(stage)


@situation
def tls_version_too_old(stage):
    """The server wants TLS 1.3, the client has 1.2."""
    Server(stage, version="1.3")
    openssl(stage, version="1.2")


@situation
def tls_no_common_alpn(stage):
    """Client and server have no application protocol in common; both are Go."""
    stage.start(os.environ["GOPEER"], "serve", "-cert", stage.certificate("server"), "-alpn", "http/1.1", f"127.0.0.1:{APP}", listens=APP)
    go(stage, alpn="istio")


def leave(stage, version, rst):
    """Says ClientHello, reads the answer, and goes without a word."""
    Server(stage, version=version)
    context = ssl.create_default_context(cafile=stage.certificate("authority"))
    context.maximum_version = VERSIONS[version]
    read, write = ssl.MemoryBIO(), ssl.MemoryBIO()
    machine = context.wrap_bio(read, write, server_hostname=NAME)
    with contextlib.suppress(ssl.SSLWantReadError):
        machine.do_handshake()
    with socket.create_connection(("127.0.0.1", APP)) as connection:
        connection.sendall(write.read())
        time.sleep(0.1)
        received = len(connection.recv(65536))
        if rst:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stage.saw("client", library="Python", received=received)


for version in VERSIONS:
    for how in ("fin", "rst"):
        register(f"tls{version.replace('.', '')}-silent-{how}", f"The client leaves by {how.upper()} after the server's first flight; TLS {version}.",
                 lambda stage, version=version, how=how: leave(stage, version, how == "rst"))


@situation
def tls_server_silent(stage):
    """The server closes after the ClientHello without a word."""
    listener = socket.create_server(("127.0.0.1", APP))

    def serve():
        connection, _ = listener.accept()
        connection.recv(65536)
        connection.close()
    threading.Thread(target=serve, daemon=True).start()
    openssl(stage)


@situation
def http_to_tls(stage):
    """curl speaks HTTP to a TLS port."""
    Server(stage)
    said, code = stage.run("curl", "-sS", f"http://127.0.0.1:{APP}/hello")
    stage.saw("client", program="curl", said=said, exit=code)


@situation
def http_to_tls_go(stage):
    """curl speaks HTTP to a TLS port of Go, which answers in HTTP."""
    stage.start(os.environ["GOPEER"], "serve", "-cert", stage.certificate("server"), f"127.0.0.1:{APP}", listens=APP)
    said, code = stage.run("curl", "-sS", f"http://127.0.0.1:{APP}/hello")
    stage.saw("client", program="curl", said=said, exit=code)


@situation
def tls_to_http(stage):
    """A TLS client calls a port of Go that speaks HTTP."""
    stage.start(os.environ["GOPEER"], "serve", f"127.0.0.1:{APP}", listens=APP)
    openssl(stage)


@situation
def tls_to_html(stage):
    """A TLS client calls a port of Python that speaks HTTP; it answers as HTTP/0.9 did, in HTML without a head."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", APP), http.server.SimpleHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    until(lambda: is_listening(APP), "the HTTP server does not listen")
    openssl(stage)


@situation
def tls_to_http_envoy(stage):
    """A TLS client calls an Envoy that speaks HTTP."""
    proxy.start(stage)
    go(stage, port=PROXY)
