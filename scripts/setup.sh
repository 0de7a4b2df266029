#!/bin/bash
# Installs the Debian 12 packages squadload needs, in tiers. Quick when nothing is missing; starts no service.
#   scripts/setup.sh [run|test|lint|bench|package|all]...        default: all
# run: build and run. test: run + what the tests need. lint: run + clang 19. bench: run + peers and valgrind. package: run + what makes a .deb.
set -euo pipefail

run=(build-essential cmake ninja-build pkg-config ccache libcli11-dev libyaml-cpp-dev nlohmann-json3-dev
     libsimdjson-dev libexpected-dev libfmt-dev libspdlog-dev liburing-dev libssl-dev libre2-dev zlib1g-dev libbrotli-dev
     node-llhttp libboost1.81-dev prometheus-cpp-dev libhiredis-dev libpq-dev libsqlite3-dev cppzmq-dev libmpack-dev)
# The report page is built by Node; where another than Debian's stands, its npm comes with it.
command -v npm >/dev/null || run+=(nodejs npm)
test=(libgtest-dev libgmock-dev openssl python3-pytest python3-jsonschema python3-yaml procps nginx redis-server postgresql
      python3-locust python3-venv python3-prometheus-client chromium fonts-dejavu-core curl)
lint=(clang-19 clang-tidy-19 clang-format-19 libclang-rt-19-dev llvm-19 python3)
package=(help2man dpkg-dev file debootstrap)
bench=(nginx wrk hey nghttp2-client apache2-utils valgrind procps python3 python3-venv)

wanted=("${run[@]}")
for tier in "${@:-all}"; do
    case $tier in
        run) ;;
        test) wanted+=("${test[@]}") ;;
        lint) wanted+=("${lint[@]}") ;;
        bench) wanted+=("${bench[@]}") ;;
        package) wanted+=("${package[@]}") ;;
        all) wanted+=("${test[@]}" "${lint[@]}" "${bench[@]}" "${package[@]}") ;;
        *) echo "setup: unknown tier '$tier' (run, test, lint, bench, package or all)" >&2; exit 2 ;;
    esac
done

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    echo "setup: this needs Debian 12: there is no apt-get here. Install the like of: ${wanted[*]}" >&2
    exit 1
fi

installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null | sed -n 's/^installed //p' || true)
missing=()
for package in "${wanted[@]}"; do
    if ! grep -qxF "$package" <<<"$installed" && [[ " ${missing[*]-} " != *" $package "* ]]; then
        missing+=("$package")
    fi
done
[[ ${#missing[@]} -eq 0 ]] && exit 0

as_root=()
if [[ $(id -u) -ne 0 ]]; then
    if ! command -v sudo >/dev/null || ! { [[ -t 0 && -z ${CI-} ]] || sudo -n true 2>/dev/null; }; then
        echo "setup: these packages are missing and installing them needs root or sudo. As root, run:" >&2
        echo "  apt-get install --no-install-recommends ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi
as_root+=(env DEBIAN_FRONTEND=noninteractive)

# Packages must not start what they bring (nginx, redis-server, postgresql): deny it while we install, unless there is a policy already.
policy=/usr/sbin/policy-rc.d
our_policy=
forbid_starts() {
    [[ -e $policy || -L $policy ]] && return
    our_policy=yes
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
}
allow_starts() { [[ -z $our_policy ]] || "${as_root[@]}" rm -f "$policy"; }

# Servers that only our tests start by hand have no business starting with the machine. Also after a failed or interrupted
# install, which may have got as far as these.
disable_new_servers() {
    local server
    for server in nginx redis-server postgresql; do
        [[ " ${missing[*]} " == *" $server "* ]] || continue
        if command -v systemctl >/dev/null; then
            "${as_root[@]}" systemctl --quiet disable "$server.service" >/dev/null 2>&1 || true
        elif command -v update-rc.d >/dev/null; then
            "${as_root[@]}" update-rc.d "$server" disable >/dev/null 2>&1 || true
        fi
    done
}
clean_up() { disable_new_servers; allow_starts; }
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

apt=("${as_root[@]}" apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o Dpkg::Use-Pty=0)

echo "setup: installing ${missing[*]}" >&2
forbid_starts
"${apt[@]}" update </dev/null >&2 || { sleep 2; "${apt[@]}" update </dev/null >&2; } ||
    echo "setup: apt-get update failed; trying with the package lists at hand" >&2
if ! "${apt[@]}" install --no-install-recommends "${missing[@]}" </dev/null >&2; then
    echo "setup: apt-get could not install: ${missing[*]}. This is made for Debian 12; see the messages above." >&2
    exit 1
fi
