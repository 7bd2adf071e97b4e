#!/usr/bin/env bash
# Prints the path of a Python that has the library of the Standard Webhooks specification, which verifies
# signatures in tests, and installs it when it is not there yet, below target/tools:
#
#     NAVI_STANDARD_WEBHOOKS=$(scripts/standard-webhooks.sh) scripts/with-postgres.sh cargo nextest run notices::oracle
#
# Prints nothing and fails when it cannot be installed, as without Python or a network.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/common.sh
source "$root/scripts/common.sh"

# Pinned, because what passes with one version says nothing of another.
version=1.0.1
folder=$root/target/tools/standardwebhooks-$version
if [[ ! -e $folder/complete ]]; then
    command -v python3 >/dev/null ||
        fail "Python 3 is missing, so standardwebhooks cannot be installed."
    say "Installing standardwebhooks $version from PyPI below target/tools."
    rm -rf "$folder"
    python3 -m venv "$folder" >&2 || fail "Python has no venv; on Debian it is in python3-venv."
    "$folder/bin/pip" install --quiet --disable-pip-version-check "standardwebhooks==$version" >&2
    touch "$folder/complete"
fi
printf '%s\n' "$folder/bin/python"
