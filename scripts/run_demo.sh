#!/bin/bash
# `make run`: the shipped warm_up scenario, shortened, against an nginx of our own. Further options are passed on.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# shellcheck disable=SC2016  # DEMO_HOST is set for the inner shell
exec scripts/demo_target.sh bash -c 'exec build/release/bin/squadload run warm_up --config config/load_testing.yaml \
    --host "$DEMO_HOST" --duration 10s "$@"' squadload "$@"
