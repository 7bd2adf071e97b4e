#!/usr/bin/env bash
# Runs `navi serve` against servers that refuse a turn whose reasoning does not come back, with a kill between
# two turns:
#
#     scripts/e2e-dialects.sh
#
# docs/verification.md says what it does and what was seen. It needs Python 3.10 or later and nothing else.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/common.sh
source "$root/scripts/common.sh"

need_rust
need_postgres
command -v python3 >/dev/null || fail "python3 is missing; this needs Python 3.10 or later."

say "Building navi."
SQLX_OFFLINE=true cargo build --quiet --locked --manifest-path "$root/Cargo.toml" --bin navi >&2
export PYTHONDONTWRITEBYTECODE=1
exec timeout --kill-after=30 600 "$root/scripts/with-postgres.sh" \
    python3 "$root/tests/e2e/dialects.py" "${CARGO_TARGET_DIR:-$root/target}/debug/navi"
