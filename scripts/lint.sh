#!/bin/bash
# clang-format and clang-tidy over the sources: lint.sh [FILE.cc]...   (default: all of src/ and apps/)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

status=0
while IFS= read -r file; do
    clang-format-19 --dry-run -Werror -ferror-limit=1 "$file" 2>/dev/null && continue
    echo "$file: not as clang-format writes it (make format)" >&2
    status=1
done < <(git ls-files -co --exclude-standard '*.cc' '*.h')

cmake --preset tidy >/dev/null
if [[ $# -gt 0 ]]; then files=("$@"); else
    mapfile -t files < <(git ls-files -co --exclude-standard 'src/*.cc' 'apps/*.cc' | grep -v '_test\.cc$')
fi
printf '%s\0' "${files[@]}" |
    xargs -0 -n 1 -P "$(nproc)" clang-tidy-19 -p build/tidy --quiet 2> >(grep -v 'warnings generated\.$' >&2) || status=1
[[ $status -ne 0 ]] || echo "lint: ${#files[@]} files clean"
exit $status
