#!/usr/bin/env bash
# Prints the folder that holds `prometheus`, `promtool`, `alertmanager` and `amtool`, for tests of the rules,
# dashboards and runbooks, and unpacks the distribution's below target/tools when there is none:
#
#     NAVI_PROMETHEUS=$(scripts/prometheus.sh) scripts/with-postgres.sh cargo nextest run operations
#
# Prints nothing and fails when there is none to be had, as without apt-get or a network.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/common.sh
source "$root/scripts/common.sh"

programs=(prometheus promtool alertmanager amtool)

# True if a folder holds all of them.
complete() {
    local program
    for program in "${programs[@]}"; do
        [[ -x $1/$program ]] || return
    done
}

if found=$(command -v prometheus) && complete "$(dirname "$found")"; then
    dirname "$found"
    exit
fi
folder=$root/target/tools/prometheus

# Unpacked and not installed: that needs no root, and starts no server for the whole machine.
unpack() {
    rm -rf "$folder"
    mkdir -p "$folder"
    (cd "$folder" && apt-get download prometheus prometheus-alertmanager) || return
    local package program
    for package in "$folder"/*.deb; do
        dpkg-deb --extract "$package" "$folder" || return
        rm "$package"
    done
    # The distribution names it otherwise than its makers do.
    ln -s prometheus-alertmanager "$folder/usr/bin/alertmanager"
    for program in "${programs[@]}"; do
        "$folder/usr/bin/$program" --version || return
    done
}

if [[ ! -e $folder/complete ]]; then
    if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
        fail "Prometheus or Alertmanager is missing. Install both with your package manager."
    fi
    say "Unpacking the distribution's Prometheus and Alertmanager below target/tools."
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    unpack >"$log" 2>&1 ||
        { [[ $(id -u) == 0 ]] && apt-get --quiet update >>"$log" 2>&1 && unpack >>"$log" 2>&1; } ||
        { cat "$log" >&2; fail "Prometheus could not be installed; see above. Install it: $(as_root) apt-get install prometheus prometheus-alertmanager"; }
    touch "$folder/complete"
fi
printf '%s\n' "$folder/usr/bin"
