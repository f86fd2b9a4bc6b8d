#!/bin/sh
# Builds the agent that travels to the cluster, and its first stage:
#
#   target/agent/meshsniff-agent   static, about 2 MB, needs nothing of the image it runs in
#   target/agent/first-stage       2 KB that join the agent from its parts
#
# What is up to date is left alone. CARGO_TARGET_DIR is honoured.
set -eu
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/agent"
target=$(cd "$target" && pwd)
machine=$(uname -m)
triple=$machine-unknown-linux-gnu
cargo=${CARGO:-cargo}
cc=${CC:-cc}

# Debian's library captures from D-Bus and from InfiniBand, too; those are empty shapes here. So are
# the functions that look names up: in a static program they load libraries of the image it runs in,
# as root, and of another version. Filters come without names.
libpcap() {
    made=$target/agent/build
    for original in "${LIBPCAP_LIBDIR:-}" "/usr/lib/$machine-linux-gnu" /usr/lib64 /usr/lib; do
        [ -n "$original" ] && [ -f "$original/libpcap.a" ] && break
        original=
    done
    if [ -z "$original" ]; then
        echo 'build-static.sh: libpcap.a is missing; on Debian: apt-get install libpcap-dev' >&2
        exit 1
    fi
    original=$original/libpcap.a
    [ "$made/libpcap.a" -nt "$original" ] && [ "$made/libpcap.a" -nt agent/build-static.sh ] && return
    mkdir -p "$made"
    {
        nm -g "$original" 2>/dev/null | awk '
            $1 == "U" { wanted[$2] }
            NF == 3 { there[$3] }
            END {
                for (name in wanted)
                    if (!(name in there) && name ~ /^(dbus|ibv|nl|nla|nlmsg|genl|genlmsg)_/)
                        print "void " name "(void) {}"
            }' | sort
        # -4: EAI_FAIL.
        echo 'int getaddrinfo(void) { return -4; }'
        echo 'void freeaddrinfo(void) {}'
        for name in gethostbyname getnetbyname getprotobyname getservbyname ether_hostton; do
            # ether_hostton answers 0 for success, the others for failure.
            [ "$name" = ether_hostton ] && echo "int $name(void) { return -1; }" ||
                echo "void *$name(void) { return 0; }"
        done
    } >"$made/shapes.c"
    "$cc" -O2 -w -fno-builtin -c -o "$made/shapes.o" "$made/shapes.c"
    cp "$original" "$made/libpcap.new"
    ar r "$made/libpcap.new" "$made/shapes.o"
    mv "$made/libpcap.new" "$made/libpcap.a"
}

# A file that did not change keeps its time, so that nothing after it is built again.
leave() {
    cmp -s "$1" "$target/agent/$2" || install -m 755 "$1" "$target/agent/$2"
}

libpcap
# The triple must be named: otherwise build scripts are made static, too, and do not link.
LIBPCAP_LIBDIR=$target/agent/build LIBPCAP_VER=1.10.0 \
    RUSTFLAGS='-C target-feature=+crt-static' \
    "$cargo" build --quiet --locked --package meshsniff-agent --profile static --target "$triple" --target-dir "$target"
leave "$target/$triple/static/meshsniff-agent" meshsniff-agent

(cd agent/first-stage && RUSTFLAGS='' "$cargo" build --quiet --locked --release --target-dir "$target/first-stage")
leave "$target/first-stage/release/first-stage" first-stage
