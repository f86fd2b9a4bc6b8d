#!/usr/bin/env bash
# Makes the large real captures that speed is measured on: nginx with wrk or ab, and gRPC of Go, in
# a network namespace of its own, tcpdump on its loopback. Needs root. Nothing leaves the namespace.
#   captures.sh DIR [small|conns|bulk|grpc|all]      about 3 minutes and 4 GB for all
#     http-small.pcap  about 3 M packets: keep-alive, bodies of 1 KiB, 8, 64 and 256 connections
#     many-conns.pcap  about 1.9 M packets: 160,000 connections of one exchange each
#     http-bulk.pcap   about 180,000 packets: 2.3 GB, bodies of 64 KiB in segments of up to 64 KiB
#     grpc.pcap        about 1.2 M packets: 750,000 unary calls, on 4 connections, on 64, and on 4 with
#                      8 calls at once on each; a head and a message, an answer with its trailers
set -euo pipefail

out=$(mkdir -p "${1:?usage: captures.sh DIR [small|conns|bulk|grpc|all]}" && cd "$1" && pwd)
what=${2:-all}
if [ "$(id -u)" != 0 ]; then
  echo "making captures needs root: sudo $0 $*" >&2
  exit 1
fi

here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d)
ns=meshsniff-bench-$$
url=http://127.0.0.1:8080

cleanup() {
  for server in "$tmp"/*.pid; do
    if [ -s "$server" ]; then kill "$(cat "$server")" 2>/dev/null || true; fi
  done
  ip netns del "$ns" 2>/dev/null || true
  rm -rf "$tmp"
}
trap cleanup EXIT

ip netns add "$ns"
ip netns exec "$ns" ip link set lo up
ip netns exec "$ns" sysctl -qw net.ipv4.ip_local_port_range='1024 65535' net.ipv4.tcp_tw_reuse=1 || true
ip netns exec "$ns" "$here/server.sh" "$tmp"
for _ in $(seq 50); do
  ip netns exec "$ns" curl -s -o /dev/null "$url/1k.txt" && break
  sleep 0.1
done

# capture NAME RING_KIB MAX_PACKETS COMMAND...
capture() {
  local name=$1 ring=$2 max=$3 pid
  shift 3
  ip netns exec "$ns" tcpdump -i lo -B "$ring" -s 262144 -c "$max" -w "$tmp/$name.pcap" \
    'tcp portrange 8080-8081' 2>"$tmp/$name.log" &
  pid=$!
  for _ in $(seq 100); do
    grep -q 'listening on' "$tmp/$name.log" && break
    sleep 0.1
  done
  timeout 90 ip netns exec "$ns" "$@" >/dev/null 2>&1 || true
  sleep 2
  kill -TERM "$pid" 2>/dev/null || true
  wait "$pid" || true
  echo "$name: $(grep -h 'dropped by kernel' "$tmp/$name.log")" >&2
}

case $what in all | small)
  for connections in 8 64 256; do
    capture "small-$connections" 262144 1000000 wrk -t1 -c"$connections" -d12s "$url/1k.txt"
  done
  mergecap -F pcap -w "$out/http-small.pcap" "$tmp"/small-{8,64,256}.pcap
  rm -f "$tmp"/small-*.pcap ;;
esac
case $what in all | conns)
  capture many-conns 262144 100000000 ab -q -r -n 160000 -c 64 "$url/1k.txt"
  mv "$tmp/many-conns.pcap" "$out/" ;;
esac
case $what in all | bulk)
  # At full speed tcpdump itself would lose packets.
  echo 'function delay() return 3 end' >"$tmp/pace.lua"
  capture http-bulk 1048576 100000000 wrk -t1 -c16 -s "$tmp/pace.lua" -d10s "$url/64k.txt"
  mv "$tmp/http-bulk.pcap" "$out/" ;;
esac
case $what in all | grpc)
  (cd "$here/grpc" && CGO_ENABLED=0 GOFLAGS='' go build -trimpath -buildvcs=false -o "$tmp/grpc" .)
  ip netns exec "$ns" "$tmp/grpc" serve 127.0.0.1:8081 &
  echo $! >"$tmp/grpc.pid"
  for load in '4 1' '64 1' '4 8'; do
    # shellcheck disable=SC2086
    capture "grpc-${load/ /-}" 262144 100000000 "$tmp/grpc" load 127.0.0.1:8081 $load 250000
  done
  mergecap -F pcap -w "$out/grpc.pcap" "$tmp"/grpc-{4-1,64-1,4-8}.pcap
  rm -f "$tmp"/grpc-*.pcap ;;
esac
