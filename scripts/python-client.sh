#!/usr/bin/env bash
# Prints the folder with openapi-python-client and its Python, and installs them when they are not there yet, below
# target/tools. Tests generate a client with it, and follow a run with what it made:
#
#     NAVI_PYTHON_CLIENT=$(scripts/python-client.sh) scripts/with-postgres.sh cargo nextest run clients::generated
#
# Prints nothing and fails when it cannot be installed, as without Python or a network.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/common.sh
source "$root/scripts/common.sh"

# Pinned, because what passes with one version says nothing of another.
version=0.29.1
folder=$root/target/tools/openapi-python-client-$version
if [[ ! -e $folder/complete ]]; then
    command -v python3 >/dev/null || fail "Python 3 is missing, so openapi-python-client cannot be installed."
    say "Installing openapi-python-client $version from PyPI below target/tools."
    rm -rf "$folder"
    python3 -m venv "$folder" >&2 || fail "Python has no venv; on Debian it is in python3-venv."
    "$folder/bin/pip" install --quiet --disable-pip-version-check "openapi-python-client==$version" >&2
    touch "$folder/complete"
fi
printf '%s\n' "$folder/bin"
