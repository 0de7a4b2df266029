#!/bin/bash
# Runs every test of an already built tree: ctest (unit, simulated time, integration), then pytest (checks, end to end).
# Both always run; the exit code is 1 when either failed.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

status=0
ctest --preset release --progress || status=1
/usr/bin/python3 -m pytest tests -m "not slow" || status=1
[[ $status -eq 0 ]] || echo "tests failed" >&2
exit $status
