#!/bin/bash
# A real Kubernetes cluster on one machine, without downloads of releases or images: see README.md beside this file.
#
#   cluster.sh up [N [PID]]     N nodes (2), each with its own network and PID namespace, containerd and kubelet;
#                               goes down by itself when process PID has ended
#   cluster.sh down             stops everything this cluster started and removes what it made
#   cluster.sh kubeconfig       path of the administrator's configuration; it works from anywhere on this machine
#   cluster.sh kubectl ...      kubectl as cluster administrator
#   cluster.sh exec CMD ...     runs CMD with KUBECONFIG set and kubectl on PATH
#   cluster.sh load IMAGE.tar   imports an image (docker-archive, see image.py) on every node
#   cluster.sh stop-apiserver | start-apiserver | pause-node N | resume-node N      faults
#   cluster.sh cut-client | join-client      faults of the network between this machine and the cluster
#   cluster.sh possible         says what is missing here, if anything is
#   cluster.sh packages         Debian packages that it needs, besides Go
#   cluster.sh build            kubenode and the pause image, into $CLUSTER_CACHE (minutes; a no-op once built)
#
# Several clusters live side by side when their CLUSTER_NAME differs.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
NAME=${CLUSTER_NAME:-meshtest}
DIR=/tmp/$NAME
CACHE=${CLUSTER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kubenode}
KUBERNETES=$(sed -n 's/^.*k8s.io\/kubernetes \(v[0-9.]*\)$/\1/p' "$HERE/kubenode/go.mod")
LINK=$(printf %s "$NAME" | sha256sum | cut -c1-8)-api # an interface name has 15 characters
BIN=$CACHE/$KUBERNETES-$(cat "$HERE"/kubenode/* | sha256sum | cut -c1-8)
PAUSE=$CACHE/pause-$(cat "$HERE"/{pause.c,image.py} | sha256sum | cut -c1-8).tar
PACKAGES="containerd runc containernetworking-plugins iptables etcd-server openssl iproute2 util-linux procps python3 python3-venv ca-certificates gcc libc6-dev"

say() { echo "cluster: $*" >&2; }
die() { say "$*"; exit 1; }
netns() { echo "$NAME-$1"; }
within() { local node=$1; shift; nsenter --net="/run/netns/$(netns "$node")" "$@"; }
config() { echo "$DIR/pki/$1.kubeconfig"; }
admin_kubectl() { "$BIN/kubectl" --kubeconfig "$(config admin)" "$@"; }

subnet() { # node N is SUBNET.N; its pods are in 10.88.N.0/24, which only the nodes know
    [ ! -f "$DIR/subnet" ] || SUBNET=$(cat "$DIR/subnet")
    API=$SUBNET.1:6443
    export NO_PROXY=${NO_PROXY:+$NO_PROXY,}$SUBNET.1 no_proxy=${no_proxy:+$no_proxy,}$SUBNET.1
}

free_subnet() { # this machine reaches node 1 through a link of its own: its addresses must be nobody else's
    local routes second; routes=$(ip -4 route show table all)
    for second in $(seq 77 87); do
        grep -qF "10.$second." <<<"$routes" || { echo "10.$second.0"; return; }
    done
    die "10.77.0.0/24 to 10.87.0.0/24 are all routed somewhere"
}

until_true() { # SECONDS WHAT COMMAND...: waits until COMMAND succeeds
    local deadline=$((SECONDS + $1)) what=$2; shift 2
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || die "$what: not after a long wait; logs are in $DIR/log"
        sleep 0.1
    done
}

start() { # NAME COMMAND...: runs COMMAND in the background, its pid in $DIR/NAME.pid, its output in $DIR/log
    local name=$1; shift
    setsid nohup "$@" >"$DIR/log/$name.log" 2>&1 </dev/null &
    echo $! >"$DIR/$name.pid"
}

stop() { # NAME: ends what start NAME started
    local file=$DIR/$1.pid
    [ -f "$file" ] || return 0
    kill -9 "$(cat "$file")" 2>/dev/null || true
    rm -f "$file"
}

missing() { # what keeps a cluster from running here, a line each
    [ "$(id -u)" = 0 ] || echo "root"
    command -v go >/dev/null || [ -x "$BIN/kubenode" ] || echo "Go 1.25 or newer"
    [ -d /sys/fs/cgroup/memory ] || echo "cgroup v1 (or hybrid): /sys/fs/cgroup/memory"
    local program
    for program in containerd runc etcd openssl ip nsenter pgrep python3; do
        PATH=$PATH:/usr/sbin:/sbin command -v "$program" >/dev/null || echo "$program (apt-get install $PACKAGES)"
    done
    [ -x /usr/lib/cni/bridge ] || echo "CNI plugins (apt-get install containernetworking-plugins)"
}

build() {
    mkdir -p "$CACHE"
    exec 9>"$CACHE/lock"
    flock 9
    if [ ! -x "$BIN/kubenode" ]; then
        command -v go >/dev/null || die "needs Go"
        say "building Kubernetes $KUBERNETES (five minutes or so on two cores, once)"
        mkdir -p "$BIN"
        compile || compile || compile || die "cannot build Kubernetes $KUBERNETES" # downloads fail at times
        mv "$BIN/kubenode.new" "$BIN/kubenode"
    fi
    local name
    for name in kube-apiserver kube-controller-manager kube-scheduler kubelet kubectl; do ln -sf kubenode "$BIN/$name"; done
    if [ ! -f "$PAUSE" ]; then
        cc -Os -static -s -o "$BIN/pause" "$HERE/pause.c"
        "$HERE/image.py" "$PAUSE" registry.local/pause:1 --entrypoint /pause --file "$BIN/pause:/pause"
    fi
    exec 9>&-
}

compile() {
    local minor=${KUBERNETES#v1.}; minor=${minor%%.*}
    (cd "$HERE/kubenode" && CGO_ENABLED=0 GOFLAGS= go build -trimpath -buildvcs=false -o "$BIN/kubenode.new" -ldflags "-s -w
        -X k8s.io/component-base/version.gitVersion=$KUBERNETES -X k8s.io/client-go/pkg/version.gitVersion=$KUBERNETES
        -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=$minor" . >&2)
}

certificates() {
    mkdir -p "$DIR/pki"; cd "$DIR/pki"
    openssl ecparam -name prime256v1 -genkey -noout -out ca.key
    openssl req -x509 -new -key ca.key -subj /CN=kubernetes-ca -days 3650 -out ca.crt \
        -addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature
    certificate apiserver /CN=kube-apiserver "IP:$SUBNET.1,IP:127.0.0.1,IP:10.96.0.1,DNS:localhost,DNS:kubernetes.default.svc"
    certificate kubelet-client /O=system:masters/CN=apiserver-kubelet-client DNS:none
    user admin /O=system:masters/CN=admin DNS:none
    user kube-controller-manager /CN=system:kube-controller-manager DNS:none
    user kube-scheduler /CN=system:kube-scheduler DNS:none
    for n in $(seq "$NODES"); do user "node$n" "/O=system:nodes/CN=system:node:node$n" "IP:$SUBNET.$n,DNS:node$n"; done
    openssl genrsa -out service-account.key 2048
    cd /
}

certificate() { # NAME SUBJECT ALTERNATIVE_NAMES
    openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
    openssl req -new -key "$1.key" -subj "$2" -out "$1.csr"
    openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 -out "$1.crt" \
        -extfile <(printf 'extendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=%s' "$3")
}

user() { # as certificate, and a kubeconfig that uses it
    certificate "$@"
    cat >"$1.kubeconfig" <<Y
apiVersion: v1
kind: Config
clusters: [{name: $NAME, cluster: {server: "https://$API", certificate-authority: "$DIR/pki/ca.crt"}}]
users: [{name: $1, user: {client-certificate: "$DIR/pki/$1.crt", client-key: "$DIR/pki/$1.key"}}]
contexts: [{name: $NAME, context: {cluster: $NAME, user: $1}}]
current-context: $NAME
Y
}

networks() { # node 1 holds a bridge, the others and this machine are plugged into it; there is no way out
    local n other
    for n in $(seq "$NODES"); do
        ip netns add "$(netns "$n")"
        within "$n" ip link set lo up
        within "$n" sysctl -qw net.ipv4.ip_forward=1
        if [ "$n" = 1 ]; then
            within 1 ip link add nodes type bridge
            within 1 ip addr add "$SUBNET.1/24" dev nodes
            within 1 ip link set nodes up
            ip link add "$LINK" type veth peer name machine netns "$(netns 1)"
            within 1 ip link set machine master nodes up
            ip addr add "$SUBNET.253/24" dev "$LINK"
            ip link set "$LINK" up
            within 1 ip route add default via "$SUBNET.254"
        else
            ip -n "$(netns "$n")" link add uplink type veth peer name "node$n" netns "$(netns 1)"
            within 1 ip link set "node$n" master nodes up
            within "$n" ip addr add "$SUBNET.$n/24" dev uplink
            within "$n" ip link set uplink up
            within "$n" ip route add default via "$SUBNET.1"
            for other in $(seq 1 $((n - 1))); do
                within "$n" ip route add "10.88.$other.0/24" via "$SUBNET.$other"
                within "$other" ip route add "10.88.$n.0/24" via "$SUBNET.$n"
            done
        fi
    done
}

cgroups() {
    [ -d /sys/fs/cgroup/memory ] || die "this script knows cgroup v1 (or hybrid) only"
    local cpuset=/sys/fs/cgroup/cpuset
    for n in $(seq "$NODES"); do
        for controller in cpu cpuacct cpuset memory devices freezer blkio pids systemd; do
            mkdir -p "/sys/fs/cgroup/$controller/$(netns "$n")"
        done
        for file in cpuset.cpus cpuset.mems; do cat "$cpuset/$file" >"$cpuset/$(netns "$n")/$file"; done
    done
}

node_files() { # N: configuration of containerd, CNI and kubelet of node N
    local n=$1 at=$DIR/node$1
    mkdir -p "$at"/{containerd,cni,kubelet,plugins}
    cat >"$at/containerd.toml" <<T
version = 2
root = "$at/containerd/root"
state = "$at/containerd/state"
[grpc]
  address = "$at/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "$at/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "registry.local/pause:1"
  restrict_oom_score_adj = true          # without CAP_SYS_RESOURCE a negative oom_score_adj is refused
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$at/cni"
T
    cat >"$at/cni/10-bridge.conflist" <<T
{"cniVersion": "0.4.0", "name": "pods", "plugins": [{"type": "bridge", "bridge": "cni0", "isGateway": true, "hairpinMode": true,
 "ipam": {"type": "host-local", "dataDir": "$at/ipam", "ranges": [[{"subnet": "10.88.$n.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
T
    echo "nameserver 127.0.0.1" >"$at/resolv.conf"
    cat >"$at/kubelet.yaml" <<T
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $SUBNET.$n
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $DIR/pki/ca.crt}}
authorization: {mode: Webhook}
containerRuntimeEndpoint: unix://$at/containerd.sock
cgroupDriver: cgroupfs
cgroupRoot: /$(netns "$n")
failCgroupV1: false
failSwapOn: false
tlsCertFile: $DIR/pki/node$n.crt
tlsPrivateKeyFile: $DIR/pki/node$n.key
resolvConf: $at/resolv.conf
clusterDomain: cluster.local
clusterDNS: [10.96.0.10]
evictionHard: {}
imageGCHighThresholdPercent: 100
volumePluginDir: $at/plugins
podLogsDir: $at/logs                     # a kubelet deletes the logs of pods that are not its own
nodeStatusUpdateFrequency: 1s
T
}

node() { # N: the node's processes; runs as PID 1 of the node's PID namespace
    local n=$1 at=$DIR/node$1
    containerd -c "$at/containerd.toml" >"$DIR/log/containerd$n.log" 2>&1 &
    until_true 30 "containerd of node$n" ctr -a "$at/containerd.sock" version
    ctr -a "$at/containerd.sock" -n k8s.io images import "$PAUSE"
    until_true 60 "API server" "$BIN/kubectl" --kubeconfig "$(config "node$n")" get --raw /readyz
    "$BIN/kubelet" --config="$at/kubelet.yaml" --kubeconfig="$(config "node$n")" --hostname-override="node$n" \
        --node-ip="$SUBNET.$n" --root-dir="$at/kubelet" --cert-dir="$at/kubelet/pki" >"$DIR/log/kubelet$n.log" 2>&1 &
    wait
}

start_apiserver() {
    start apiserver nsenter --net="/run/netns/$(netns 1)" "$BIN/kube-apiserver" \
        --etcd-servers=http://127.0.0.1:2379 --bind-address="$SUBNET.1" --secure-port=6443 --advertise-address="$SUBNET.1" \
        --tls-cert-file="$DIR/pki/apiserver.crt" --tls-private-key-file="$DIR/pki/apiserver.key" --client-ca-file="$DIR/pki/ca.crt" \
        --kubelet-client-certificate="$DIR/pki/kubelet-client.crt" --kubelet-client-key="$DIR/pki/kubelet-client.key" \
        --kubelet-certificate-authority="$DIR/pki/ca.crt" --kubelet-preferred-address-types=InternalIP \
        --service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$DIR/pki/service-account.key" \
        --service-account-signing-key-file="$DIR/pki/service-account.key" --service-cluster-ip-range=10.96.0.0/16 \
        --authorization-mode=Node,RBAC --allow-privileged=true --enable-admission-plugins=NodeRestriction
    until_true 60 "API server" admin_kubectl get --raw /readyz
    # Ready, it refuses everybody but administrators for a moment more: it has not read the roles yet.
    until_true 60 "roles" admin_kubectl --as=system:kube-scheduler get pods
}

up() {
    NODES=${1:-2}
    [ ! -e "$DIR" ] || die "$DIR exists: 'cluster.sh down' first"
    local lacking; lacking=$(missing)
    [ -z "$lacking" ] || die "needs ${lacking//$'\n'/; }"
    build
    mkdir -p "$DIR/log"
    trap '[ $? = 0 ] || down' EXIT
    SUBNET=$(free_subnet)
    echo "$SUBNET" >"$DIR/subnet"
    subnet
    echo "$NODES" >"$DIR/nodes"
    ln -s "$BIN" "$DIR/bin"
    [ $# -lt 2 ] || start watcher "$HERE/cluster.sh" down-after "$2"
    (certificates) >"$DIR/log/certificates.log" 2>&1
    networks
    cgroups
    start etcd nsenter --net="/run/netns/$(netns 1)" etcd --data-dir "$DIR/etcd" --unsafe-no-fsync \
        --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 --listen-peer-urls http://127.0.0.1:2380
    start_apiserver
    start controller-manager nsenter --net="/run/netns/$(netns 1)" "$BIN/kube-controller-manager" --kubeconfig="$(config kube-controller-manager)" \
        --service-account-private-key-file="$DIR/pki/service-account.key" --root-ca-file="$DIR/pki/ca.crt" \
        --use-service-account-credentials --leader-elect=false --authorization-always-allow-paths=/healthz
    start scheduler nsenter --net="/run/netns/$(netns 1)" "$BIN/kube-scheduler" --kubeconfig="$(config kube-scheduler)" --leader-elect=false
    local n
    for n in $(seq "$NODES"); do
        node_files "$n"
        start "node$n" nsenter --net="/run/netns/$(netns "$n")" unshare --pid --fork --mount-proc --propagation private --kill-child \
            "$HERE/cluster.sh" node "$n"
    done
    until_true 90 "nodes Ready" all_ready
    until_true 60 "default service account" admin_kubectl get serviceaccount default
    say "$NODES nodes Ready, Kubernetes $KUBERNETES; KUBECONFIG=$(config admin)"
}

all_ready() { [ "$(admin_kubectl get nodes --no-headers | grep -cw Ready)" = "$NODES" ]; }

load() {
    for n in $(seq "$(cat "$DIR/nodes")"); do ctr -a "$DIR/node$n/containerd.sock" -n k8s.io images import "$1" >/dev/null; done
}

down() {
    [ -d "$DIR" ] || return 0
    local nodes name n file; nodes=$(cat "$DIR/nodes" 2>/dev/null || echo 0)
    for n in $(seq "$nodes"); do stop "node$n"; done
    for name in scheduler controller-manager apiserver etcd; do stop "$name"; done
    [ "${1:-}" = watched ] || stop watcher
    sleep 1
    ip link del "$LINK" 2>/dev/null || true
    for n in $(seq "$nodes"); do
        ip netns del "$(netns "$n")" 2>/dev/null || true
        for _ in 1 2 3; do find /sys/fs/cgroup/*/"$(netns "$n")" -depth -type d -exec rmdir {} \; 2>/dev/null || true; done
    done
    for file in /run/netns/cni-*; do # left behind by pods whose node was killed
        if [ -e "$file" ] && ! nsenter --net="$file" true 2>/dev/null; then rm -f "$file"; fi
    done
    rm -rf "$DIR"
}

freeze() { # STOP|CONT N: every process of node N, those of containers in namespaces of their own too
    local init; init=$(pgrep -P "$(cat "$DIR/node$2.pid")" | head -1)
    local processes; processes=$(ps -eo pid=,ppid= | awk -v "root=$init" '
        { parent[$1] = $2 }
        END { for (pid in parent) { at = pid; while (at > 1 && at != root) at = parent[at]; if (at == root) print pid } }')
    # shellcheck disable=SC2086
    kill "-$1" $processes 2>/dev/null || true
}

case ${1:-} in
    packages) echo "$PACKAGES" ;;
    possible) lacking=$(missing); [ -z "$lacking" ] || { echo "$lacking"; exit 1; }; exit ;;
    build) build; exit ;;
    up) shift; up "$@"; exit ;;
    down) down; exit ;;
    kubectl | exec | load | node | down-after | kubeconfig | stop-* | start-* | pause-* | resume-* | *-client) ;;
    *) sed -n '2,18p' "$0"; exit 2 ;;
esac
[ -d "$DIR" ] || die "no cluster $NAME is up"
subnet
case $1 in
    node) node "$2" ;;
    down-after) while [ -d "/proc/$2" ]; do sleep 1; done; down watched ;;
    kubeconfig) config admin ;;
    load) load "$2" ;;
    kubectl) shift; admin_kubectl "$@" ;;
    exec) shift; KUBECONFIG=$(config admin) PATH="$BIN:$PATH" "$@" ;;
    stop-apiserver) stop apiserver ;;
    start-apiserver) start_apiserver ;;
    pause-node) freeze STOP "$2" ;;
    resume-node) freeze CONT "$2" ;;
    cut-client) ip link set "$LINK" down ;;
    join-client) ip link set "$LINK" up ;;
esac
