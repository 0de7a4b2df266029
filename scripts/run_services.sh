#!/bin/bash
# `make run-services`: the suite against the Squad API as processes, with Debian's redis-server and postgresql.
#   run_services.sh [SCENARIO]... [OPTION]...      default: all, the three shipped scenarios, some eight minutes
# Everything listens on free loopback ports and writes in a private folder, and stops with this script. Exit code: squadload's.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bin=$PWD/build/release/bin

say() { echo "services: $*" >&2; }
fail() { say "$*"; exit 70; }
program() {  # NAME → its path: in PATH, or where Debian keeps those of PostgreSQL
    command -v "$1" || ls -d /usr/lib/postgresql/*/bin/"$1" 2>/dev/null | tail -1
}
redis_server=$(program redis-server) || true
postgres=$(program postgres) || true
[[ -n $redis_server && -n $postgres ]] || fail "redis-server or postgresql is not installed (make setup)"

folder=$(mktemp -d "${TMPDIR:-/tmp}/squadload-services.XXXXXX")
pids=()
cleanup() {
    for ((i = ${#pids[@]} - 1; i >= 0; --i)); do  # the gateway before its stores
        kill -TERM "${pids[i]}" 2>/dev/null || true
        wait "${pids[i]}" 2>/dev/null || true
    done
    rm -rf "$folder"
}
trap cleanup EXIT
trap : INT TERM  # squadload gets the terminal's signal too and decides; we stay to clean up

as=()  # PostgreSQL refuses to run as root
if [[ $(id -u) -eq 0 ]]; then
    as=(setpriv --reuid postgres --regid postgres --clear-groups)
    chmod 711 "$folder"
fi
mkdir "$folder/postgres"
[[ ${#as[@]} -eq 0 ]] || chown postgres: "$folder/postgres"

start() {  # NAME COMMAND... : in the background, in a session of its own: a Ctrl-C in the terminal is for squadload
    local name=$1
    shift
    env -u SQUAD_API_KEYS -u SQUAD_API_CONFIG -u SQUAD_API_HOST -u SQUAD_API_SQLITE setpriv --pdeathsig TERM setsid "$@" </dev/null >"$folder/$name.log" 2>&1 &
    pids+=($!)
}
await() {  # NAME COMMAND... : until the command succeeds
    local name=$1
    shift
    for _ in $(seq 300); do
        "$@" >/dev/null 2>&1 && return
        kill -0 "${pids[-1]}" 2>/dev/null || break
        sleep 0.1
    done
    cat "$folder/$name.log" >&2
    fail "$name did not start"
}
listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
free_port() {
    local port
    while port=$((20000 + RANDOM % 10000)); listening "$port"; do :; done
    echo "$port"
}
url_of() { grep -m1 -oE '^http://\S+' "$folder/$1.log"; }

redis_port=$(free_port)
start redis "$redis_server" --bind 127.0.0.1 --port "$redis_port" --save "" --appendonly no --maxmemory-policy noeviction --dir "$folder"
await redis listening "$redis_port"

"${as[@]}" "$(program initdb)" --pgdata "$folder/postgres/data" --username squad --auth trust --no-sync --encoding UTF8 --no-locale \
    >"$folder/initdb.log" 2>&1 || { cat "$folder/initdb.log" >&2; fail "initdb failed"; }
postgres_port=$(free_port)
start postgres "${as[@]}" "$postgres" -D "$folder/postgres/data" -k "$folder/postgres" -p "$postgres_port" -c listen_addresses=127.0.0.1
postgres_url="postgresql://squad@127.0.0.1:$postgres_port/postgres"
await postgres "$(program psql)" -XAtqc 'select 1' "$postgres_url"

start providers "$bin/squad-providers" --port 0
await providers url_of providers
start api "$bin/squad-api" --config config/squad_api.yaml --port 0 --providers-url "$(url_of providers)" \
    --redis-url "redis://127.0.0.1:$redis_port" --postgres-url "$postgres_url"
await api url_of api
api=$(url_of api)
say "the Squad API is $api, with redis-server on port $redis_port and postgresql on port $postgres_port"

[[ ${1-} && $1 != -* ]] || set -- all "$@"
code=0
"$bin/squadload" run --config config/load_testing.yaml --host "$api" --witness "$(url_of providers)" "$@" || code=$?
sleep 0.3  # the audit log is written in batches
rows=$("$(program psql)" -XAtqc 'select count(*), count(distinct provider), sum(fallback::int) from squad_audit' "$postgres_url" | tr '|' ' ')
read -r count providers fallbacks <<<"$rows"
say "audit log in postgresql: $count requests, $providers providers, ${fallbacks:-0} served as a fallback"
exit "$code"
