#!/usr/bin/env bash
# Builds the TypeScript client and prints its folder, which tests want to know:
#
#     NAVI_CLIENT=$(scripts/client.sh) scripts/with-postgres.sh cargo nextest run clients
#
# Installs the tools that build it when the lock has changed. Prints nothing and fails when it cannot
# be built, as without Node or a network.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/common.sh
source "$root/scripts/common.sh"

need_node
cd "$root/clients/typescript"
if ! cmp --quiet package-lock.json node_modules/.installed; then
    say "Installing what builds the TypeScript client from npm."
    npm ci --no-audit --no-fund --loglevel error >&2
    cp package-lock.json node_modules/.installed
fi
if [[ ! -e dist/.built || -n $(find src package-lock.json tsconfig.json -newer dist/.built) ]]; then
    rm -rf dist
    npm run --silent build >&2
    touch dist/.built
fi
pwd
