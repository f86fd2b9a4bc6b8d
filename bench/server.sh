#!/usr/bin/env bash
# Starts nginx on 127.0.0.1:8080 with a file of 1 KiB and one of 64 KiB; its pid is in
# DIR/nginx.pid.
#   server.sh DIR
set -euo pipefail
dir=${1:?usage: server.sh DIR}
mkdir -p "$dir/www"
chmod 755 "$dir" "$dir/www"
head -c 768 /dev/urandom | base64 -w0 >"$dir/www/1k.txt"
head -c 49152 /dev/urandom | base64 -w0 >"$dir/www/64k.txt"
cat >"$dir/nginx.conf" <<C
worker_processes 1;
pid $dir/nginx.pid;
error_log $dir/error.log crit;
user root;
events { worker_connections 8192; }
http {
  access_log off;
  sendfile on;
  tcp_nodelay on;
  keepalive_requests 1000000;
  types { text/plain txt; }
  client_body_temp_path $dir;
  proxy_temp_path $dir;
  fastcgi_temp_path $dir;
  uwsgi_temp_path $dir;
  scgi_temp_path $dir;
  server { listen 127.0.0.1:8080 backlog=8192 reuseport; root $dir/www; }
}
C
exec nginx -c "$dir/nginx.conf"
