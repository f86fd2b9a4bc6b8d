#!/usr/bin/env bash
# Real clients and servers of HTTP/2, gRPC, WebSocket and TLS, with a real Envoy between them: see README.md beside this file.
#
#   peers.sh list                    the situations
#   peers.sh run DIR [SITUATION...]  plays them (all of them) and leaves DIR/SITUATION.pcap and .json
#   peers.sh possible                says what is missing here, if anything is
#   peers.sh build                   the Python environment and the Go peer, into the cache (a no-op once built)
#   peers.sh envoy                   the path of Envoy's binary
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/meshsniff-peers
VENV=$CACHE/python-$(sha256sum <"$HERE/requirements.txt" | cut -c1-8)
export GOPEER=$CACHE/go-$(cat "$HERE"/gopeer/* | sha256sum | cut -c1-8)
export PYTHONDONTWRITEBYTECODE=1

possible() {
  local missing=() command
  for command in unshare ip tcpdump openssl curl python3 go; do
    type -P "$command" >/dev/null || missing+=("$command")
  done
  python3 -c 'import ensurepip' 2>/dev/null || missing+=("python3-venv")
  [ ${#missing[@]} = 0 ] || { echo "${missing[*]} not installed"; exit 1; }
  unshare -n true 2>/dev/null || { echo "network namespaces can be made by root alone"; exit 1; }
}

once() { # FILE COMMAND...: runs COMMAND unless it has made FILE; others who want it wait
  mkdir -p "$CACHE"
  (flock 9; [ -e "$1" ] || "${@:2}") 9>"$CACHE/lock"
}

python() {
  rm -rf "$VENV"
  python3 -m venv "$VENV"
  "$VENV/bin/pip" -q install -r "$HERE/requirements.txt"
  touch "$VENV/done"
}

gopeer() {
  (cd "$HERE/gopeer" && CGO_ENABLED=0 GOFLAGS= go build -trimpath -buildvcs=false -o "$GOPEER" .)
}

build() {
  once "$VENV/done" python
  once "$GOPEER" gopeer
}

case ${1:-} in
  list) build; "$VENV/bin/python" "$HERE/run.py" --list ;;
  run) build; shift; exec "$VENV/bin/python" "$HERE/run.py" "$@" ;;
  possible) possible ;;
  build) build ;;
  envoy) once "$VENV/done" python; find "$VENV" -path '*_bin/envoy' -type f ;;
  *) sed -n '2,9p' "$0"; exit 2 ;;
esac
