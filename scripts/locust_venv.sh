#!/bin/bash
# A current Locust from PyPI in a virtual environment of its own, below build/; prints the path of its program. Quick when it is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=${LOCUST_VERSION:-2.47.0}
folder=build/locust-$version
if [[ ! -x $folder/bin/locust ]]; then
    rm -rf "$folder"
    /usr/bin/python3 -m venv "$folder" >&2
    "$folder/bin/pip" install --quiet --disable-pip-version-check "locust==$version" >&2
fi
echo "$PWD/$folder/bin/locust"
