#!/usr/bin/env bash
# Records `navi demo` in a terminal of its own and draws the picture in the README:
#
#     scripts/recording.sh                     # builds navi first
#     scripts/recording.sh path/to/navi
#
# No model is asked and no other machine: a scripted model plays, over a Postgres that ends with it.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/common.sh
source "$root/scripts/common.sh"

command -v python3 >/dev/null || fail "Python 3 is missing, which draws the picture."
cd "$root"
navi=${1:-}
if [[ -z $navi ]]; then
    need_rust
    need_postgres
    SQLX_OFFLINE=true cargo build --quiet --locked --bin navi >&2
    navi=${CARGO_TARGET_DIR:-target}/debug/navi
fi
mkdir -p docs/pictures
# A folder for builds set here would be a path of their machine in the picture.
env --unset=CARGO_TARGET_DIR python3 scripts/recording.py --svg docs/pictures/demo.svg "$navi" demo
say "docs/pictures/demo.svg: $(wc -c <docs/pictures/demo.svg) bytes"
