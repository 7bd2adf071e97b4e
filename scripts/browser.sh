#!/usr/bin/env bash
# Prints a folder with what tests in a browser need, and installs what is missing: `chromium`, the
# distribution's, and playwright-core, which drives it, from npm below target/tools:
#
#     NAVI_CLIENT=$(scripts/client.sh) NAVI_BROWSER=$(scripts/browser.sh) \
#         scripts/with-postgres.sh cargo nextest run clients
#
# Prints nothing and fails when they cannot be installed, as without Node or a network.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/common.sh
source "$root/scripts/common.sh"

need_node
command -v chromium >/dev/null || install_packages Chromium chromium
command -v chromium >/dev/null || fail "Chromium was installed, but there is no chromium."

# Pinned, because what passes with one version says nothing of another.
version=1.65.1
folder=$root/target/tools/browser-$version
if [[ ! -e $folder/complete ]]; then
    say "Installing playwright-core $version from npm below target/tools."
    rm -rf "$folder"
    mkdir -p "$folder"
    npm install --prefix "$folder" --no-audit --no-fund --loglevel error \
        "playwright-core@$version" >&2
    touch "$folder/complete"
fi
ln --symbolic --force --no-dereference "$(command -v chromium)" "$folder/chromium"
printf '%s\n' "$folder"
