#!/usr/bin/env bash
# Does the engineering tasks of e2e/tasks from end to end, looks at what came out, and writes the raw data below
# docs/e2e and the page docs/PERFORMANCE_BENCHMARKS.md. Ends with 1 when a budget of e2e/budgets.toml is broken:
#
#     scripts/e2e_real_llm_test.sh                                  the script of each task, no model
#     scripts/e2e_real_llm_test.sh small                            a small real model on this machine
#     ANTHROPIC_API_KEY=… scripts/e2e_real_llm_test.sh anthropic/claude-sonnet-5.5
#     OPENAI_BASE_URL=http://localhost:8000/v1 scripts/e2e_real_llm_test.sh openai/my-model --budget small
#
# Everything after the model goes to `navi e2e`. A release build is made first.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/common.sh
source "$root/scripts/common.sh"

need_rust
need_postgres
cd "$root"
navi=${NAVI_BINARY:-}
if [[ -z $navi ]]; then
    say "Building navi."
    SQLX_OFFLINE=true cargo build --quiet --locked --release --bin navi >&2
    navi=${CARGO_TARGET_DIR:-$root/target}/release/navi
fi
report=(--report docs/e2e --page docs/PERFORMANCE_BENCHMARKS.md)
# A Postgres of its own that writes to the disk, as one that serves people does.
unset DATABASE_URL DATABASE_DIRECT_URL
player=${1:-scripted}
[[ $# == 0 ]] || shift
if [[ $player == small ]]; then
    # shellcheck disable=SC2016 # The address of the counters is known within.
    exec scripts/real-model.sh bash -c \
        '"$0" e2e --player self_hosted/smollm2-135m --budget small --patience 5 --counters "$NAVI_REAL_MODEL_COUNTERS" "$@"' \
        "$navi" "${report[@]}" "$@"
fi
exec "$navi" e2e --player "$player" "${report[@]}" "$@"
