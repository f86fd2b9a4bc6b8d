"""A real Envoy before the application, as a sidecar is: it calls from 127.0.0.6."""
import json
import os

import envoy

from stage import APP, PROXY

TYPE = "type.googleapis.com/envoy."
BINARY = os.path.join(os.path.dirname(envoy.__file__), "_bin", "envoy")
LOGGED = {"flags": "RESPONSE_FLAGS", "details": "RESPONSE_CODE_DETAILS", "status": "RESPONSE_CODE", "path": "REQ(:PATH)",
          "protocol": "PROTOCOL", "grpc_status": "GRPC_STATUS_NUMBER", "listener": "DOWNSTREAM_LOCAL_ADDRESS",
          "client": "DOWNSTREAM_REMOTE_ADDRESS", "from": "UPSTREAM_LOCAL_ADDRESS", "duration": "DURATION"}


def typed(name, kind, **config):
    return {"name": name, "typed_config": {"@type": TYPE + kind, **config}}


def address(ip, port):
    return {"socket_address": {"address": ip, "port_value": port}}


def access_log(stage):
    fields = {key: f"%{operator}%" for key, operator in LOGGED.items()}
    return [typed("file", "extensions.access_loggers.file.v3.FileAccessLog", path=str(stage.path("envoy.log")),
                  log_format={"json_format": fields})]


def http(stage, cluster, timeout, idle):
    route = {"match": {"prefix": "/"}, "route": {"cluster": cluster, "timeout": timeout}}
    # A WebSocket over HTTP/2 is a CONNECT.
    tunnel = {**route, "match": {"connect_matcher": {}}}
    return typed("http", "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                 stat_prefix=cluster, access_log=access_log(stage), stream_idle_timeout=idle,
                 http2_protocol_options={"allow_connect": True}, upgrade_configs=[{"upgrade_type": "websocket"}],
                 route_config={"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [tunnel, route]}]},
                 http_filters=[typed("router", "extensions.filters.http.router.v3.Router")])


def tcp(stage, cluster):
    return typed("tcp", "extensions.filters.network.tcp_proxy.v3.TcpProxy", stat_prefix=cluster, cluster=cluster,
                 access_log=access_log(stage))


def cluster(port, protocol):
    """One endpoint on this port, or none."""
    name = f"to-{port}"
    endpoints = [{"endpoint": {"address": address("127.0.0.1", port)}}] if port else []
    options = {"http2": {"http2_protocol_options": {"allow_connect": True}}, "http1": {"http_protocol_options": {}}}
    return {"name": name, "type": "STATIC", "connect_timeout": "1s",
            "upstream_bind_config": {"source_address": address("127.0.0.6", 0)["socket_address"]},
            "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": TYPE + "extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": options[protocol]}},
            "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]}}


def hop(stage, port=PROXY, to=APP, protocol="http2", timeout="0s", idle="0s", kind="http"):
    """A listener on `port` that passes on to the port `to`."""
    upstream = cluster(to, protocol)
    name = upstream["name"]
    filters = [tcp(stage, name) if kind == "tcp" else http(stage, name, timeout, idle)]
    return {"name": f"from-{port}", "address": address("127.0.0.1", port), "filter_chains": [{"filters": filters}]}, upstream


def start(stage, *hops, **one):
    """Starts Envoy with these hops, or with the one that is described."""
    hops = hops or [hop(stage, **one)]
    config = {"static_resources": {"listeners": [listener for listener, _ in hops], "clusters": [to for _, to in hops]}}
    path = stage.path("envoy.conf")
    path.write_text(json.dumps(config, indent=1))
    for listener, _ in hops:
        port = listener["address"]["socket_address"]["port_value"]
    stage.start(BINARY, "-c", str(path), "-l", "warning", "--concurrency", "1", "--disable-hot-restart",
                "--file-flush-interval-msec", "20", listens=port)
