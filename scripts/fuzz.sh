#!/bin/bash
# Runs every fuzz target built by the fuzz preset for SECONDS_EACH seconds (default 30), on a copy of its seeds.
# A finding is left in build/fuzz/findings/ and ends the script with exit code 1.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mkdir -p build/fuzz/findings
status=0
for program in build/fuzz/bin/*_fuzz; do
    name=$(basename "$program")
    corpus=build/fuzz/corpus/$name
    mkdir -p "$corpus"
    echo "== $name"
    "$program" -max_total_time="${SECONDS_EACH:-30}" -max_len=16384 -rss_limit_mb=1024 -timeout=10 \
        -artifact_prefix="build/fuzz/findings/$name-" -print_pcs=0 -print_funcs=0 -verbosity=0 \
        "$corpus" "tests/fuzz/seeds/${name%_fuzz}" || status=1
done
exit $status
