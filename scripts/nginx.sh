#!/usr/bin/env bash
# Prints the path of nginx, a proxy for tests that is not ours, and unpacks the distribution's below
# target/tools when there is none:
#
#     NAVI_NGINX=$(scripts/nginx.sh) scripts/with-postgres.sh cargo nextest run browsers::nginx
#
# Prints nothing and fails when there is none to be had, as without apt-get or a network.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/common.sh
source "$root/scripts/common.sh"

# Often only root has it on the PATH.
if PATH=$PATH:/usr/sbin:/usr/local/sbin command -v nginx; then
    exit
fi
folder=$root/target/tools/nginx
program=$folder/usr/sbin/nginx

# Unpacked and not installed: that needs no root, and starts no server for the whole machine.
unpack() {
    local package
    # Older distributions have the program in a package of its own.
    for package in nginx nginx-core nginx-light; do
        rm -rf "$folder"
        mkdir -p "$folder"
        (cd "$folder" && apt-get download "$package") || continue
        dpkg-deb --extract "$folder"/*.deb "$folder" || continue
        [[ ! -x $program ]] || return 0
    done
    return 1
}

if [[ ! -e $folder/complete ]]; then
    if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
        fail "nginx is missing. Install it with your package manager."
    fi
    say "Unpacking the distribution's nginx below target/tools."
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    unpack >"$log" 2>&1 ||
        { [[ $(id -u) == 0 ]] && apt-get --quiet update >>"$log" 2>&1 && unpack >>"$log" 2>&1; } ||
        { cat "$log" >&2; fail "nginx could not be installed; see above. Install it: $(as_root) apt-get install nginx"; }
    "$program" -v >"$log" 2>&1 || { cat "$log" >&2; fail "nginx does not run here; see above."; }
    touch "$folder/complete"
fi
printf '%s\n' "$program"
