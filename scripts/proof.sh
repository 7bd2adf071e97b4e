#!/usr/bin/env bash
# Measures everything again that the documents tell, on this machine and within an hour, and fails when a budget
# is broken. Every step writes its raw data and its page:
#
#     scripts/proof.sh                 all steps
#     scripts/proof.sh tasks load      some steps
#
#     bench   the table of figures: docs/performance.md        benches/figures/budget.toml
#     tasks   engineering tasks by script                      e2e/budgets.toml
#     load    many users at once: docs/capacity.md             src/cli/load/budgets.toml
#     model   tasks by a small real model on this machine      e2e/budgets.toml
#
# The hour begins after the build; a step that has no time left fails. NAVI_PROOF_MINUTES (60) is another bound.
# To see it fail, put a figure that nothing can hold into one of the files of budgets. It needs a machine with
# nothing else to do.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/common.sh
source scripts/common.sh

minutes=${NAVI_PROOF_MINUTES:-60}
[[ $minutes =~ ^[1-9][0-9]*$ ]] || fail "NAVI_PROOF_MINUTES is a number of minutes."
[[ $# -gt 0 ]] || set -- bench tasks load model

# Sets `command` to what a step runs: STEP
command_of() {
    case $1 in
        bench) command=(scripts/bench.sh) ;;
        tasks) command=(scripts/e2e_real_llm_test.sh scripted) ;;
        model) command=(scripts/e2e_real_llm_test.sh small) ;;
        # All but many rows and many followers; for those there is no time.
        load)
            command=(env "NAVI_LOAD_SOAK_SECONDS=${NAVI_LOAD_SOAK_SECONDS:-120}" scripts/load_test.sh
                interactive durable telemetry feedback analytics mixed two spike soak kill)
            ;;
        *) fail "unknown: $1; there are bench, tasks, load and model" ;;
    esac
}
for step in "$@"; do
    command_of "$step"
done

need_rust
need_postgres
export SQLX_OFFLINE=true
say "Building."
cargo build --release --quiet --locked --bin navi
# Kept, because the programs of benches/ put one of their own in its place.
kept=$(mktemp -d)
trap 'rm -rf "$kept"' EXIT
cp "${CARGO_TARGET_DIR:-target}/release/navi" "$kept/navi"
export NAVI_BINARY=$kept/navi
if [[ " $* " == *" bench "* ]]; then
    cargo bench --quiet --locked --no-run >/dev/null
fi

running=
# shellcheck disable=SC2317,SC2329 # the traps call it
stop() {
    [[ -z $running ]] || kill "$running" 2>/dev/null || true
    wait
    exit "$1"
}
trap 'stop 130' INT
trap 'stop 143' TERM HUP

SECONDS=0
status=0
results=()
for step in "$@"; do
    command_of "$step"
    left=$((minutes * 60 - SECONDS))
    began=$SECONDS
    if [[ $left -le 0 ]]; then
        result="no time was left"
        status=1
    else
        say "== $step"
        code=0
        # In a group of its own, so that all that a step started ends with it.
        timeout --kill-after=30 "$left" "${command[@]}" &
        running=$!
        wait "$running" || code=$?
        running=
        case $code in
            0) result="all budgets hold" ;;
            124 | 137) result="FAILED: the time was over" ;;
            *) result="FAILED with $code; see above" ;;
        esac
        [[ $code == 0 ]] || status=1
    fi
    results+=("$(printf '%-6s %3d min %02d s  %s' "$step" $(((SECONDS - began) / 60)) \
        $(((SECONDS - began) % 60)) "$result")")
    say "${results[-1]}"
done
printf '\n'
printf '%s\n' "${results[@]}"
printf '%-6s %3d min %02d s of %d min\n' all $((SECONDS / 60)) $((SECONDS % 60)) "$minutes"
exit "$status"
