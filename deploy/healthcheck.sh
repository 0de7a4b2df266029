#!/bin/bash
# Ends with 0 when http://127.0.0.1:PORT/PATH answers 200 within 2 s: healthcheck.sh PORT [PATH]. Needs nothing but bash.
port=$1 path=${2:-/health}
exec 3<>"/dev/tcp/127.0.0.1/$port" || exit 1
printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' "$path" >&3
IFS= read -r -t 2 status <&3
[[ $status == 'HTTP/1.1 200'* ]]
