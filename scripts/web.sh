#!/usr/bin/env bash
# Runs NAVI and the page of examples/web beside it, and prints where the page is and a token for it:
#
#     scripts/web.sh
#
# Builds what is not built. Without a model's key in the environment a scripted model answers.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/common.sh
source "$root/scripts/common.sh"

page_port=${NAVI_PAGE_PORT:-8788}
client=$("$root/scripts/client.sh")
say "The client is in $client."
if [[ -z ${ANTHROPIC_API_KEY:-}${OPENAI_API_KEY:-}${SELF_HOSTED_API_BASE_URL:-} ]]; then
    export NAVI_SCRIPT=${NAVI_SCRIPT:-$root/examples/paging.script.json}
fi
page=
# shellcheck disable=SC2317,SC2329 # the trap calls it
finish() {
    [[ -z $page ]] || kill "$page" 2>/dev/null || true
}
trap finish EXIT
node "$root/examples/web/serve.mjs" "$page_port" >&2 &
page=$!
token=$("$root/scripts/run.sh" token mint --org acme --user ada --role planner)
say "The page: http://127.0.0.1:$page_port/" "Its token: $token"
CORS_ORIGINS=http://127.0.0.1:$page_port "$root/scripts/run.sh" serve
