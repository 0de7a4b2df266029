#!/bin/bash
# `make run`: the shipped warm_up scenario. It names no host, so squadload starts the Squad API and simulated providers in its own
# process. Further options are passed on.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec build/release/bin/squadload run warm_up --config config/load_testing.yaml "$@"
