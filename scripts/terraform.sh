#!/usr/bin/env bash
# Prints the path of a Python that has python-hcl2, for the check of terraform/, and installs it below target/tools:
#
#     NAVI_HCL=$(scripts/terraform.sh) scripts/with-postgres.sh cargo nextest run deploying::infrastructure
#     "$(scripts/terraform.sh)" terraform/check.py terraform
#
# Prints nothing and fails when it cannot be installed, as without Python or a network.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/common.sh
source "$root/scripts/common.sh"

# Pinned, because what passes with one version says nothing of another.
version=8.1.4
folder=$root/target/tools/python-hcl2-$version
if [[ ! -e $folder/complete ]]; then
    command -v python3 >/dev/null || fail "Python 3 is missing, so python-hcl2 cannot be installed."
    say "Installing python-hcl2 $version from PyPI below target/tools."
    rm -rf "$folder"
    python3 -m venv "$folder" >&2 || fail "Python has no venv; on Debian it is in python3-venv."
    "$folder/bin/pip" install --quiet --disable-pip-version-check "python-hcl2==$version" >&2
    touch "$folder/complete"
fi
printf '%s\n' "$folder/bin/python"
