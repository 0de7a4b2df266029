#!/bin/bash
# fuzz.sh [TARGET [SECONDS]]: runs one fuzz target ("response"), or every one, built by the fuzz preset for SECONDS seconds
# (default SECONDS_EACH, then 30); new inputs are kept below build/fuzz/corpus/.
# A finding is left in build/fuzz/findings/ and ends the script with exit code 1.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

symbolizer=$(command -v llvm-symbolizer-19 || true)
export ASAN_SYMBOLIZER_PATH=$symbolizer UBSAN_SYMBOLIZER_PATH=$symbolizer
mkdir -p build/fuzz/findings
status=0
for program in build/fuzz/bin/${1:-*}_fuzz; do
    name=$(basename "$program" _fuzz)
    corpus=build/fuzz/corpus/$name
    log=build/fuzz/$name.log
    mkdir -p "$corpus"
    if "$program" -max_total_time="${2:-${SECONDS_EACH:-30}}" -max_len=16384 -rss_limit_mb=1024 -timeout=10 -print_final_stats=1 \
        -print_pcs=0 -print_funcs=0 -artifact_prefix="build/fuzz/findings/$name-" "$corpus" "tests/fuzz/seeds/$name" >"$log" 2>&1
    then
        echo "fuzz: $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs, none broke it"
    else
        status=1
        echo "fuzz: $name: broken, see $log and build/fuzz/findings/$name-*" >&2
        grep -m 3 -E 'ERROR|SUMMARY|internal error' "$log" >&2
    fi
done
exit $status
