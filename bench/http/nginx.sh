#!/bin/sh
# SPDX-License-Identifier: MIT
# nginx with one `return 200`: no file, no log, one process.
#   nginx.sh PORT
set -eu
folder=$BENCH_ROOT/build/bench/nginx
mkdir -p "$folder/logs"
cat >"$folder/nginx.conf" <<END
daemon off;
master_process off;
worker_processes 1;
pid "$folder/pid";
error_log stderr;
events { worker_connections 1024; }
http {
  access_log off;
  default_type text/plain;
  keepalive_requests 1000000000;
  client_body_temp_path "$folder/body";
  proxy_temp_path "$folder/proxy";
  fastcgi_temp_path "$folder/fastcgi";
  uwsgi_temp_path "$folder/uwsgi";
  scgi_temp_path "$folder/scgi";
  server {
    listen 127.0.0.1:$1 backlog=4096;
    location / { return 200 "Hello, world!"; }
  }
}
END
exec nginx -p "$folder" -c "$folder/nginx.conf"
