#!/usr/bin/env bash
# Sees to what a target of the Makefile needs: installs it when root runs this where there is apt,
# and otherwise names the command that does.
#   need.sh build|test|cluster|peers|demo|bench|fuzz ...
set -euo pipefail

packages=() components=() crates=() nightly=

# command NAME PACKAGE
command_() { type -P "$1" >/dev/null || packages+=("$2"); }
component() { cargo "$1" --version >/dev/null 2>&1 || components+=("$2"); }

for purpose; do
  case $purpose in
    build)
      command_ cc gcc
      [ -e /usr/include/stdlib.h ] || packages+=(libc6-dev)
      command_ pkg-config pkg-config
      [ -e /usr/include/pcap/pcap.h ] || packages+=(libpcap-dev) ;;
    test)
      command_ tshark tshark
      command_ editcap wireshark-common
      command_ tcpdump tcpdump
      command_ python3 python3
      command_ ip iproute2
      command_ unshare util-linux
      command_ kill procps
      command_ gzip gzip
      command_ zstd zstd
      command_ promtool prometheus
      component fmt rustfmt
      component clippy clippy ;;
    cluster)
      # The tests on a cluster run where one can, and say why where not.
      [ "$(id -u)" = 0 ] && [ -d /sys/fs/cgroup/memory ] && type -P go apt-get >/dev/null || continue
      command_ containerd containerd
      command_ runc runc
      [ -x /usr/lib/cni/bridge ] || packages+=(containernetworking-plugins)
      [ -x /usr/sbin/xtables-nft-multi ] || packages+=(iptables)
      command_ etcd etcd-server
      command_ openssl openssl
      command_ ip iproute2
      command_ nsenter util-linux
      command_ pgrep procps
      python3 -c 'import ensurepip' 2>/dev/null || packages+=(python3-venv)
      [ -e /etc/ssl/certs/ca-certificates.crt ] || packages+=(ca-certificates) ;;
    peers)
      # The tests between real peers run where they can, and say why where not.
      [ "$(id -u)" = 0 ] && type -P go apt-get >/dev/null || continue
      command_ tcpdump tcpdump
      command_ openssl openssl
      command_ curl curl
      command_ ip iproute2
      command_ unshare util-linux
      python3 -c 'import ensurepip' 2>/dev/null || packages+=(python3-venv)
      [ -e /etc/ssl/certs/ca-certificates.crt ] || packages+=(ca-certificates) ;;
    demo)
      command_ unshare util-linux
      command_ ip iproute2 ;;
    bench)
      command_ python3 python3
      [ -x /usr/bin/time ] || packages+=(time)
      command_ tcpdump tcpdump
      command_ tshark tshark
      command_ nginx nginx-light
      command_ wrk wrk
      command_ ab apache2-utils
      command_ curl curl
      command_ go golang-go
      command_ ip iproute2 ;;
    fuzz)
      # libFuzzer is C++ and is built with the fuzz targets.
      command_ c++ g++
      cargo fuzz --version >/dev/null 2>&1 || crates+=(cargo-fuzz)
      cargo +nightly --version >/dev/null 2>&1 || nightly=yes ;;
    *) echo "need.sh: nothing is known of $purpose" >&2; exit 2 ;;
  esac
done

lack() { echo "missing: $1; install with: $2" >&2; exit 1; }

type -P cargo >/dev/null || lack "cargo (Rust)" "rustup, see https://rustup.rs"

if [ ${#packages[@]} -gt 0 ]; then
  mapfile -t packages < <(printf '%s\n' "${packages[@]}" | sort -u)
  install="apt-get install --no-install-recommends ${packages[*]}"
  [ "$(id -u)" = 0 ] && type -P apt-get >/dev/null || lack "${packages[*]}" "sudo $install"
  echo "installing ${packages[*]}" >&2
  export DEBIAN_FRONTEND=noninteractive
  quiet() { "$@" -qq </dev/null >/dev/null; }
  # The lists of a fresh machine are empty, those of an old one name packages that have gone.
  quiet $install -y 2>/dev/null || { quiet apt-get update && quiet $install -y; } ||
    lack "${packages[*]}" "$install"
fi

if [ ${#components[@]} -gt 0 ]; then
  add="rustup component add ${components[*]}"
  type -P rustup >/dev/null || lack "${components[*]} of the Rust toolchain" "$add"
  $add || lack "${components[*]} of the Rust toolchain" "$add"
fi

if [ -n "$nightly" ]; then
  add="rustup toolchain install nightly --profile minimal"
  type -P rustup >/dev/null || lack "a nightly Rust toolchain" "$add"
  $add || lack "a nightly Rust toolchain" "$add"
fi

for crate in "${crates[@]}"; do
  cargo install --locked "$crate" || lack "$crate" "cargo install --locked $crate"
done
