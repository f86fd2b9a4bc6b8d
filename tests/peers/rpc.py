"""gRPC by grpcio (its C core): server and client."""
import contextlib
import os
import threading
import time
from concurrent import futures

import grpc

import proxy
from stage import APP, PROXY, is_listening, situation, until

REASON = "kein Platz: 100 % größer"


def items(request, context):
    return b"x" * int(request or 2)


def slow(request, context):
    """Answers after so many seconds."""
    time.sleep(float(request))
    return b"late"


def fail(request, context):
    context.abort(grpc.StatusCode[request.decode()], REASON)


def refuse(request, context):
    """Ends with an error before the first message of a stream."""
    context.abort(grpc.StatusCode.PERMISSION_DENIED, "not for you")
    yield b""


def watch(request, context):
    """So many messages with so many seconds between."""
    count, pause = request.split()
    for number in range(int(count)):
        if not context.is_active():
            return
        yield b"message %d" % number
        time.sleep(float(pause))


def upload(requests, context):
    return b"%d" % sum(1 for _ in requests)


METHODS = {
    "/shop.Catalog/Items": grpc.unary_unary_rpc_method_handler(items),
    "/shop.Catalog/Slow": grpc.unary_unary_rpc_method_handler(slow),
    "/shop.Catalog/Fail": grpc.unary_unary_rpc_method_handler(fail),
    "/shop.Catalog/Refuse": grpc.unary_stream_rpc_method_handler(refuse),
    "/shop.Catalog/Watch": grpc.unary_stream_rpc_method_handler(watch),
    "/shop.Catalog/Upload": grpc.stream_unary_rpc_method_handler(upload),
}


class Catalog(grpc.GenericRpcHandler):
    def service(self, details):
        return METHODS.get(details.method)


@contextlib.contextmanager
def server(credentials=None, **options):
    """A server on APP; options without their `grpc.`."""
    options = [(f"grpc.{name}", value) for name, value in options.items()] + [("grpc.so_reuseport", 0)]
    it = grpc.server(futures.ThreadPoolExecutor(8), handlers=[Catalog()], options=options)
    if credentials:
        it.add_secure_port(f"127.0.0.1:{APP}", credentials)
    else:
        it.add_insecure_port(f"127.0.0.1:{APP}")
    it.start()
    until(lambda: is_listening(APP), "the gRPC server does not listen")
    yield it
    it.stop(0).wait()


class Client:
    """One connection to `port`; writes down how each call ended."""

    def __init__(self, stage, port, credentials=None, name="catalog.shop.svc"):
        self.stage, self.port = stage, port
        # A connection that failed is not tried again: how often would depend on the machine.
        options = [("grpc.enable_retries", 0), ("grpc.enable_http_proxy", 0), ("grpc.initial_reconnect_backoff_ms", 60_000)]
        if credentials:
            options.append(("grpc.ssl_target_name_override", name))
            self.channel = grpc.secure_channel(f"127.0.0.1:{port}", credentials, options)
        else:
            self.channel = grpc.insecure_channel(f"127.0.0.1:{port}", options)

    def __enter__(self):
        """Connected, if anybody listens."""
        if is_listening(self.port):
            with contextlib.suppress(grpc.FutureTimeoutError):
                grpc.channel_ready_future(self.channel).result(2)
        return self

    def __exit__(self, *_):
        self.channel.close()

    def saw(self, method, call, **more):
        code = call.code()
        self.stage.saw("client", port=self.port, method=method, grpc_status=code.value[0], code=code.name,
                       message=call.details(), **more)

    def call(self, method, request=b"", timeout=None, cancel_after=None):
        call = self.channel.unary_unary(f"/shop.Catalog/{method}").future(request, timeout=timeout)
        if cancel_after is not None:
            threading.Timer(cancel_after, call.cancel).start()
        with contextlib.suppress(grpc.RpcError, grpc.FutureCancelledError):
            call.result()
        self.saw(method, call)

    def stream(self, method, request=b"", cancel_at=None):
        """Reads a stream of messages, and cancels at this one."""
        call = self.channel.unary_stream(f"/shop.Catalog/{method}")(request)
        messages = 0
        with contextlib.suppress(grpc.RpcError):
            for _ in call:
                messages += 1
                if messages == cancel_at:
                    call.cancel()
        self.saw(method, call, messages=messages)

    def upload(self, messages):
        reply, call = self.channel.stream_unary("/shop.Catalog/Upload").with_call(iter([b"part"] * messages))
        self.saw("Upload", call, messages=int(reply))


@situation
def grpc_ok(stage):
    """Calls that work, directly: one answer, a stream of answers, a stream of requests."""
    with server(), Client(stage, APP) as client:
        client.call("Items")
        client.stream("Watch", b"5 0.01")
        client.upload(3)


@situation
def grpc_gateway_timeout(stage):
    """Envoy's route timeout of 0.5 s before an application that takes 0.8 s, HTTP/2 on both sides; then a call that works."""
    proxy.start(stage, timeout="0.5s")
    with server(), Client(stage, PROXY) as client:
        client.call("Slow", b"0.8")
        client.call("Items")
        time.sleep(0.5)


@situation
def grpc_gateway_timeouts_together(stage):
    """Three calls that Envoy gives up at once: several RST_STREAM frames on one connection."""
    proxy.start(stage, timeout="0.5s")
    with server(), Client(stage, PROXY) as client:
        calls = [threading.Thread(target=client.call, args=("Slow", b"0.8")) for _ in range(3)]
        for call in calls:
            call.start()
        for call in calls:
            call.join()
        time.sleep(0.4)


@situation
def grpc_cancel_direct(stage):
    """The client cancels after 0.2 s; no proxy between."""
    with server(), Client(stage, APP) as client:
        client.call("Slow", b"0.5", cancel_after=0.2)
        time.sleep(0.4)


@situation
def grpc_cancel_proxied(stage):
    """The client cancels after 0.2 s; Envoy passes that on."""
    proxy.start(stage)
    with server(), Client(stage, PROXY) as client:
        client.call("Slow", b"0.5", cancel_after=0.2)
        time.sleep(0.4)


@situation
def grpc_deadline_direct(stage):
    """A deadline of 0.5 s, which server and client both keep: either may be first."""
    with server(), Client(stage, APP) as client:
        client.call("Slow", b"0.8", timeout=0.5)
        time.sleep(0.4)


@situation
def grpc_deadline_proxied(stage):
    """The same through Envoy."""
    proxy.start(stage)
    with server(), Client(stage, PROXY) as client:
        client.call("Slow", b"0.8", timeout=0.5)
        time.sleep(0.4)


@situation
def grpc_error_statuses(stage):
    """The server answers with errors; their message has to be percent-encoded."""
    with server(), Client(stage, APP) as client:
        for code in ("INVALID_ARGUMENT", "INTERNAL", "UNAVAILABLE", "DEADLINE_EXCEEDED"):
            client.call("Fail", code.encode())


@situation
def grpc_trailers_only(stage):
    """An error before the first message of a stream of answers."""
    with server(), Client(stage, APP) as client:
        client.stream("Refuse")


@situation
def grpc_unimplemented(stage):
    """A method that the server does not have, as emojivoto's vote for the doughnut fails; through Envoy."""
    proxy.start(stage)
    with server(), Client(stage, PROXY) as client:
        client.call("VoteDoughnut")


@situation
def grpc_stream_cancelled(stage):
    """The client cancels a stream of answers after two of them."""
    with server(), Client(stage, APP) as client:
        client.stream("Watch", b"10 0.1", cancel_at=2)
        time.sleep(0.2)


@situation
def grpc_stream_gateway_timeout(stage):
    """Envoy's route timeout cuts a stream of answers."""
    proxy.start(stage, timeout="0.5s")
    with server(), Client(stage, PROXY) as client:
        client.stream("Watch", b"8 0.1")
        time.sleep(0.3)


@situation
def grpc_age_finishes(stage):
    """The server's connections live 0.5 s: GOAWAY, and the stream that is open ends within the time of grace."""
    with server(max_connection_age_ms=500, max_connection_age_grace_ms=3000), Client(stage, APP) as client:
        client.stream("Watch", b"10 0.1")
        client.call("Items")


@situation
def grpc_age_cuts(stage):
    """The same without enough grace: the stream is cut."""
    with server(max_connection_age_ms=500, max_connection_age_grace_ms=200), Client(stage, APP) as client:
        client.stream("Watch", b"20 0.1")


@situation
def grpc_no_server(stage):
    """Nobody listens behind Envoy, nor at the client's own address."""
    proxy.start(stage)
    for port in (PROXY, APP):
        with Client(stage, port) as client:
            client.call("Items")


def go_client(stage, method, request="", *options):
    """One call by grpc-go."""
    said, _ = stage.run(os.environ["GOPEER"], "call", *options, f"127.0.0.1:{APP}", f"/shop.Catalog/{method}", request)
    code, messages, message = (said + " ").split(" ", 2)
    stage.saw("client", library="grpc-go", port=APP, method=method, grpc_status=int(code), message=message.strip(), messages=int(messages))


def go_server(stage, *options):
    stage.start(os.environ["GOPEER"], "offer", *options, f"127.0.0.1:{APP}", listens=APP)


@situation
def grpc_go(stage):
    """grpc-go on both sides: a call that works, one that fails."""
    go_server(stage)
    go_client(stage, "Items")
    go_client(stage, "Fail")


@situation
def grpc_go_deadline(stage):
    """A client of grpc-go keeps a deadline of 0.3 s; the server is another library's."""
    with server():
        go_client(stage, "Slow", "0.6", "-timeout", "300ms")


@situation
def grpc_go_stream_cancelled(stage):
    """A client of grpc-go cancels a stream of answers after two of them."""
    go_server(stage)
    go_client(stage, "Watch", "", "-most", "2")


@situation
def grpc_go_age_cuts(stage):
    """The connections of a server of grpc-go live 0.5 s and a grace of 0.2 s, then it closes them."""
    go_server(stage, "-age", "500ms", "-grace", "200ms")
    with Client(stage, APP) as client:
        client.stream("Watch")
