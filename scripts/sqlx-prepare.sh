#!/usr/bin/env bash
# Writes .sqlx, the description of every query that lets the project be built without a database.
#
#     scripts/sqlx-prepare.sh            after a query or a migration has changed
#     scripts/sqlx-prepare.sh --check    changes nothing; fails when .sqlx is not what it should be
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/common.sh
source scripts/common.sh
need_rust

if [[ ${1:-} != --inside ]]; then
    exec scripts/with-postgres.sh scripts/sqlx-prepare.sh --inside "$@"
fi
shift

for migration in migrations/*.up.sql; do
    # Like sqlx: all of a file in one transaction, unless its first line says otherwise.
    single=(--single-transaction)
    [[ $(head -n 1 "$migration") == "-- no-transaction"* ]] && single=()
    psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 "${single[@]}" --file "$migration" "$DATABASE_URL"
done

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
# The build script looks at SQLX_OFFLINE_DIR, so that another folder means compiling again: the
# macros write only while they are expanded.
SQLX_OFFLINE=false SQLX_OFFLINE_DIR="$fresh" cargo check --quiet --all-targets
if [[ ${1:-} == --check ]]; then
    diff --recursive --brief "$fresh" .sqlx >&2 ||
        fail ".sqlx is not what the queries need. Run scripts/sqlx-prepare.sh and commit it."
else
    rm -rf .sqlx
    mkdir .sqlx
    cp "$fresh"/* .sqlx/
fi
