#!/bin/bash
# Man pages of the three programs and of each command of squadload, from their own help: man_pages.sh PROGRAMS_FOLDER OUTPUT_FOLDER
set -euo pipefail

bin=$1
out=$2
version=$("$bin/squadload" --version | cut -d' ' -f2)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rm -rf "$out"
mkdir -p "$out"

# page NAME ONE_LINE HELP_OPTION SEE_ALSO…: of the program $work/NAME.
page() {
    local name=$1 line=$2 help=$3
    shift 3
    printf '[SEE ALSO]\n' >"$work/see"
    printf '.BR %s (1)\n' "$@" >>"$work/see"
    SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH-} help2man --no-info --no-discard-stderr --help-option="$help" --version-string="$version" --name="$line" \
        --source="squadload $version" --include="$work/see" "$work/$name" >"$work/$name.1"
    # Examples keep their lines.
    sed -i -e 's/^\.SH EXAMPLES$/&\n.nf/' -e 's/^\.SH "SEE ALSO"$/.fi\n&/' -e '/^\.SH EXAMPLES$/,/^\.SH "SEE ALSO"$/{/^\.[IT]P$/d; s/^\.PP$//}' "$work/$name.1"
    gzip -9n <"$work/$name.1" >"$out/$name.1.gz"
}

for program in squadload squad-api squad-providers; do ln -s "$bin/$program" "$work/$program"; done
mapfile -t commands < <("$bin/squadload" --help | sed -n '/^Subcommands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
[[ ${#commands[@]} -gt 5 ]] || { echo "man_pages: no commands in squadload --help" >&2; exit 1; }
pages=()
for command in "${commands[@]}"; do
    pages+=("squadload-$command")
    printf '#!/bin/sh\nexec "%s/squadload" %s "$@"\n' "$bin" "$command" >"$work/squadload-$command"
    chmod 755 "$work/squadload-$command"
    help=--help
    "$bin/squadload" "$command" --help | grep -q -- --help-all && help=--help-all
    line=$("$bin/squadload" "$command" --help | head -1)
    page "squadload-$command" "${line,}" $help squadload squad-api squad-providers
done
page squadload "load tests for LLM APIs and any HTTP API, with a verdict" --help "${pages[@]}" squad-api squad-providers
for program in squad-api squad-providers; do
    page "$program" "$("$bin/$program" --help | head -1 | sed 's/^[^:]*: //; s/\.$//')" --help squadload
done
