#!/usr/bin/env bash
# Sets up what is missing, builds, and runs `navi demo`, or `navi` with the arguments given:
#
#     scripts/run.sh
#     scripts/run.sh serve
#     scripts/run.sh agent run "fix the failing test" --workspace path/to/repository
#
# Nothing but navi itself writes to stdout.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/common.sh
source "$root/scripts/common.sh"

need_rust
# A database of one's own needs no Postgres here.
[[ -n ${DATABASE_URL:-} ]] || need_postgres

# The development profile: it builds in two to three minutes on two cores, where the release
# profile takes seven or more, and an agent waits for models and test runs, not for us. For a
# server that is to stay: cargo build --release.
#
# The manifest is named rather than gone to: paths among the arguments are relative to where the
# caller stands. Queries are checked against .sqlx, whatever database the caller has.
export SQLX_OFFLINE=true
cargo=(--manifest-path "$root/Cargo.toml" --bin navi)
if [[ ! -x ${CARGO_TARGET_DIR:-$root/target}/debug/navi ]]; then
    say "Building navi; the first time that takes about three minutes."
fi
if [[ -t 2 ]]; then
    cargo build --locked "${cargo[@]}" >&2
else
    cargo build --quiet --locked "${cargo[@]}" >&2
fi
unset SQLX_OFFLINE
[[ $# -gt 0 ]] || set -- demo
exec cargo run --quiet --locked "${cargo[@]}" -- "$@"
