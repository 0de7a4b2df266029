#!/bin/bash
# `make package`: build/package/squadload_VERSION_ARCH.deb from a built tree. Man pages are made of what --help prints, that is of the
# option table.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

build=build/release
bin=$PWD/$build/bin
scripts/man_pages.sh "$bin" "$build/man"
mkdir -p "$build/completion"
"$bin/squadload" completion bash >"$build/completion/squadload"
"$bin/squadload" completion zsh >"$build/completion/_squadload"
"$bin/squadload" completion fish >"$build/completion/squadload.fish"
rm -rf build/package
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! cpack --config "$build/CPackConfig.cmake" -G DEB -B build/package >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
rm -rf build/package/_CPack_Packages
ls build/package/*.deb
