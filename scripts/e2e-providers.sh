#!/usr/bin/env bash
# Runs `navi serve` against model providers that are not ours, each a process of its own that speaks
# the real protocols, and holds every row and counter against the providers' own records:
#
#     scripts/e2e-providers.sh
#     NAVI_E2E_DIR=/var/tmp/navi-e2e scripts/e2e-providers.sh     keeps what it installed for the next time
#     NAVI_E2E_ONLY=responses scripts/e2e-providers.sh            OpenAI's Responses alone
#
# Not part of scripts/test.sh: it installs about 900 MB from npm and PyPI. docs/verification.md says
# what it does and what was seen. It ends within half an hour, whatever happens, and leaves nothing.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/common.sh
source "$root/scripts/common.sh"

if [[ ${1:-} != --inside ]]; then
    exec timeout --kill-after=30 1800 "$0" --inside
fi

need_rust
need_postgres
for program in node npm python3; do
    command -v "$program" >/dev/null || fail "$program is missing; this needs Node 20, npm and Python 3.10 or later."
done
PATH="$(postgres_bin):$PATH"

folder=${NAVI_E2E_DIR:-}
if [[ -z $folder ]]; then
    folder=$(mktemp -d /tmp/navi-e2e.XXXXXX)
    trap 'rm -rf "$folder"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
fi
mkdir -p "$folder"

# Versions are pinned, because what was seen with others is not what docs/verification.md tells.
if [[ ! -e $folder/node_modules/.bin/llmock ]]; then
    say "Installing aimock from npm."
    npm install --silent --no-save --prefix "$folder" @copilotkit/aimock@1.43.0 >&2
fi
if [[ ! -e $folder/python/complete ]]; then
    say "Installing LiteLLM, llama.cpp and pytest from PyPI; that takes a minute or two."
    rm -rf "$folder/python"
    python3 -m venv "$folder/python"
    "$folder/python/bin/pip" install --quiet --disable-pip-version-check \
        'litellm[proxy]==1.106.2' xllamacpp==2026.10.11549 gguf==0.19.0 pytest setuptools wheel >&2
    touch "$folder/python/complete"
fi
# Repositories that were not written for this, with their own tests, as they were published.
if [[ ! -e $folder/sources/complete ]]; then
    say "Fetching the repositories to work on: semver (Rust) and inflection (Python)."
    rm -rf "$folder/sources" "$folder/fetch"
    mkdir -p "$folder/sources" "$folder/fetch/src"
    printf '[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n[dependencies]\nsemver = "=1.0.27"\n' \
        >"$folder/fetch/Cargo.toml"
    touch "$folder/fetch/src/lib.rs"
    cargo vendor --quiet --manifest-path "$folder/fetch/Cargo.toml" "$folder/fetch/vendor" >/dev/null
    mv "$folder/fetch/vendor/semver" "$folder/sources/semver"
    "$folder/python/bin/pip" download --quiet --disable-pip-version-check --no-deps --no-binary :all: \
        --no-build-isolation --dest "$folder/fetch" inflection==0.5.1 >&2
    tar -xzf "$folder/fetch/inflection-0.5.1.tar.gz" -C "$folder/fetch"
    mv "$folder/fetch/inflection-0.5.1" "$folder/sources/inflection"
    touch "$folder/sources/complete"
fi

say "Building navi."
SQLX_OFFLINE=true cargo build --quiet --locked --manifest-path "$root/Cargo.toml" --bin navi >&2
navi=${CARGO_TARGET_DIR:-$root/target}/debug/navi
export PYTHONDONTWRITEBYTECODE=1
failed=0
for driver in ${NAVI_E2E_ONLY:-providers responses}; do
    "$root/scripts/with-postgres.sh" python3 "$root/tests/e2e/$driver.py" "$folder" "$navi" || failed=1
done
exit "$failed"
