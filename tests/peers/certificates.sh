#!/usr/bin/env bash
# Makes certificates for the TLS situations in DIR: two authorities, and what they signed.
#   certificates.sh DIR
set -euo pipefail
mkdir -p "$1"
cd "$1"

key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)

authority() { # NAME
  openssl req -x509 "${key[@]}" -keyout "$1.key" -out "$1.pem" -subj "/O=meshsniff tests/CN=$1" -days 2
}

signed() { # NAME AUTHORITY DAYS
  openssl req "${key[@]}" -keyout "$1.key" -out "$1.csr" -subj "/O=meshsniff tests/CN=$1"
  openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -set_serial "$RANDOM" -days "$3" -out "$1.pem" \
    -extfile <(echo "subjectAltName=DNS:catalog.shop.svc,DNS:localhost,IP:127.0.0.1")
}

{
  authority authority
  authority stranger
  signed server authority 2
  signed expired authority -1
  signed client authority 2
  signed foreign stranger 2
} 2>openssl.log || { cat openssl.log >&2; exit 1; }
