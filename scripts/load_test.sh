#!/usr/bin/env bash
# Loads servers with many users, keeps the raw data in docs/load, writes the tables of docs/capacity.md, and
# fails when a row is missing or a ratio is beyond its budget (src/cli/load/budgets.toml):
#
#     scripts/load_test.sh                  everything below, in about half an hour
#     scripts/load_test.sh interactive durable telemetry feedback analytics mixed    scenarios to their knee
#     scripts/load_test.sh two              mixed, with two servers
#     scripts/load_test.sh spike soak kill  mixed
#     scripts/load_test.sh rows followers   mixed, beside 10,000 to 1,000,000 rows, or 10 to 1,000 open streams
#     scripts/load_test.sh --page           the tables alone
#
# NAVI_LOAD_SECONDS (10) is how long a stage lasts, NAVI_LOAD_SOAK_SECONDS (600) a soak. It needs a machine
# with nothing else to do. `navi load` itself also loads servers that run already.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/common.sh
source scripts/common.sh

parts=(interactive durable telemetry feedback analytics mixed two spike soak kill
    rows-10000 rows-100000 rows-1000000 followers-10 followers-100 followers-1000)
data=docs/load
page=docs/capacity.md

need_rust
export SQLX_OFFLINE=true
cargo build --release --quiet --locked --bin navi
navi=${CARGO_TARGET_DIR:-target}/release/navi

# Puts the tables of all raw data between the two marks of the page.
write_page() {
    local part files=() tables
    for part in "${parts[@]}"; do
        [[ ! -f $data/$part.json ]] || files+=(--from "$data/$part.json")
    done
    [[ ${#files[@]} -gt 0 ]] || fail "There are no raw data in $data yet."
    tables=$(mktemp)
    "$navi" load --markdown --plots "$data" "${files[@]}" >"$tables"
    awk -v tables="$tables" '
        /^<!-- measured: begin -->$/ { print; while ((getline line < tables) > 0) print line; inside = 1 }
        /^<!-- measured: end -->$/ { inside = 0 }
        !inside' "$page" >"$tables.page"
    cat "$tables.page" >"$page"
    rm -f "$tables" "$tables.page"
}

if [[ ${1:-} == --page ]]; then
    write_page
    exit
fi

need_postgres
[[ $# -gt 0 ]] || set -- "${parts[@]}"
# A name without a number means all of its numbers.
asked=()
for part in "$@"; do
    case $part in
        rows | followers) for one in "${parts[@]}"; do [[ $one != "$part"-* ]] || asked+=("$one"); done ;;
        *) asked+=("$part") ;;
    esac
done
seconds=${NAVI_LOAD_SECONDS:-10}
mkdir -p "$data"
# On a disk, because what is measured is how long that takes.
export TMPDIR=/var/tmp

status=0
for part in "${asked[@]}"; do
    case $part in
        interactive | durable | telemetry | feedback | analytics | mixed) how=(--scenario "$part") ;;
        two) how=(--servers 2) ;;
        spike | kill) how=(--profile "$part") ;;
        soak) how=(--profile soak --soak-seconds "${NAVI_LOAD_SOAK_SECONDS:-600}") ;;
        rows-*) how=(--users 50 --most-users 1 --rows "${part#*-}") ;;
        followers-*) how=(--users 50 --most-users 1 --followers "${part#*-}") ;;
        *) fail "unknown: $part; there are ${parts[*]}" ;;
    esac
    say "$part"
    # A private Postgres and no settings of the caller.
    env --unset DATABASE_URL --unset NAVI_TOKEN \
        "$navi" load "${how[@]}" --seconds "$seconds" --json "$data/$part.json" || status=$?
    [[ $status != 130 ]] || exit "$status"
done
write_page
exit "$status"
