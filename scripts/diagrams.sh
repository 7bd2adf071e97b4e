#!/usr/bin/env bash
# Prints the folder of a Mermaid that says whether the diagrams of the documents can be drawn, and installs
# it when it is not there yet, from npm below target/tools:
#
#     NAVI_DIAGRAMS=$(scripts/diagrams.sh) scripts/with-postgres.sh cargo nextest run diagrams
#
# Prints nothing and fails when it cannot be installed, as without Node or a network.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/common.sh
source "$root/scripts/common.sh"

need_node
# Pinned, because what passes with one version says nothing of another. It asks for a document of a browser.
mermaid=11.17.2 document=15.11.7
folder=$root/target/tools/mermaid-$mermaid
if [[ ! -e $folder/complete ]]; then
    say "Installing mermaid $mermaid from npm below target/tools."
    rm -rf "$folder"
    mkdir -p "$folder"
    npm install --prefix "$folder" --no-audit --no-fund --loglevel error \
        "mermaid@$mermaid" "happy-dom@$document" >&2
    touch "$folder/complete"
fi
printf '%s\n' "$folder"
