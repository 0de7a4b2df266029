#!/bin/bash
# Runs a command against an nginx of its own: demo_target.sh COMMAND [ARG]...
# nginx listens on a free loopback port with everything it writes in a private folder; the command finds its address in
# DEMO_HOST (http://127.0.0.1:PORT). When the command ends, nginx and the folder go. Exit code: the command's.
set -euo pipefail

nginx=$(command -v nginx || echo /usr/sbin/nginx)
[[ -x $nginx ]] || { echo "demo target: nginx is not installed (make setup)" >&2; exit 70; }
folder=$(mktemp -d "${TMPDIR:-/tmp}/squadload-demo.XXXXXX")
nginx_pid=
cleanup() {
    [[ -z $nginx_pid ]] || { kill -QUIT "$nginx_pid" 2>/dev/null || true; wait "$nginx_pid" 2>/dev/null || true; }
    rm -rf "$folder"
}
trap cleanup EXIT
trap : INT TERM  # the command gets the terminal's signal too and decides; we stay to clean up

listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

start_nginx() {  # PORT → 0 when it answers there
    cat >"$folder/nginx.conf" <<CONF
worker_processes 1;
pid $folder/nginx.pid;
error_log $folder/error.log warn;
daemon off;
events { worker_connections 4096; }
http {
    access_log off;
    client_body_temp_path $folder/body;
    proxy_temp_path $folder/proxy;
    fastcgi_temp_path $folder/fastcgi;
    uwsgi_temp_path $folder/uwsgi;
    scgi_temp_path $folder/scgi;
    default_type application/json;
    server {
        listen 127.0.0.1:$1;
        location = /agents/chat { return 200 '{"text":"Diversify, and keep costs low.","provider":"demo","latency_ms":1}'; }
        location = /health { return 200 '{"status":"healthy"}'; }
        location = /metrics { default_type text/plain; return 200 'demo_up 1\n'; }
        location / { return 200 '{}'; }
    }
}
CONF
    # Its own session: a Ctrl-C in the terminal is for the command. Its parent's death is its own.
    setpriv --pdeathsig TERM setsid "$nginx" -p "$folder" -e "$folder/error.log" -c "$folder/nginx.conf" </dev/null >/dev/null 2>"$folder/stderr" &
    nginx_pid=$!
    for _ in $(seq 100); do
        kill -0 "$nginx_pid" 2>/dev/null || return 1
        [[ -s $folder/nginx.pid ]] && listening "$1" && return 0
        sleep 0.05
    done
    return 1
}

port=
for _ in $(seq 20); do
    candidate=$((20000 + RANDOM % 10000))
    listening "$candidate" && continue
    if start_nginx "$candidate"; then port=$candidate; break; fi
    kill "$nginx_pid" 2>/dev/null || true
    wait "$nginx_pid" 2>/dev/null || true
    nginx_pid=
done
if [[ -z $port ]]; then
    echo "demo target: nginx did not start:" >&2
    cat "$folder/error.log" "$folder/stderr" >&2 2>/dev/null || true
    exit 70
fi

code=0
DEMO_HOST=http://127.0.0.1:$port "$@" || code=$?
exit "$code"
