#!/usr/bin/env bash
# Prints the path of a Python that reads OTLP with OpenTelemetry's own definitions, for tests of what this
# server sends to collectors, and installs it below target/tools when it is not there yet:
#
#     NAVI_OTLP=$(scripts/otlp.sh) scripts/with-postgres.sh cargo nextest run tracing
#
# Prints nothing and fails when it cannot be installed, as without Python or a network.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/common.sh
source "$root/scripts/common.sh"

# Pinned, because what passes with one version says nothing of another.
version=1.45.2
folder=$root/target/tools/otlp-$version
if [[ ! -e $folder/complete ]]; then
    command -v python3 >/dev/null || fail "Python 3 is missing, so opentelemetry-proto cannot be installed."
    say "Installing opentelemetry-proto $version from PyPI below target/tools."
    rm -rf "$folder"
    python3 -m venv "$folder" >&2 || fail "Python has no venv; on Debian it is in python3-venv."
    "$folder/bin/pip" install --quiet --disable-pip-version-check "opentelemetry-proto==$version" >&2
    touch "$folder/complete"
fi
printf '%s\n' "$folder/bin/python3"
