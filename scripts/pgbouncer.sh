#!/usr/bin/env bash
# Prints the path of PgBouncer, a pooler for tests that is not ours, and unpacks the distribution's below
# target/tools when there is none:
#
#     NAVI_PGBOUNCER=$(scripts/pgbouncer.sh) scripts/with-postgres.sh cargo nextest run database::pgbouncer
#
# Prints nothing and fails when there is none to be had, as without apt-get or a network.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/common.sh
source "$root/scripts/common.sh"

# Often only root has it on the PATH.
if PATH=$PATH:/usr/sbin:/usr/local/sbin command -v pgbouncer; then
    exit
fi
folder=$root/target/tools/pgbouncer
program=$folder/pgbouncer

# Unpacked and not installed: that needs no root, and starts no pooler for the whole machine. What it is
# linked to may be missing too.
unpack() {
    local libraries
    libraries=$(apt-cache depends pgbouncer | awk '/Depends: lib(event|c-?ares)/ { print $2 }')
    rm -rf "$folder"
    mkdir -p "$folder"
    # shellcheck disable=SC2086 # several names
    (cd "$folder" && apt-get download pgbouncer $libraries) || return
    local package
    for package in "$folder"/*.deb; do
        dpkg-deb --extract "$package" "$folder" || return
    done
    # Where others may run it: it refuses to be root.
    chmod 755 "$folder"
    cat >"$program" <<WRAPPER
#!/bin/sh
LD_LIBRARY_PATH=\$(echo "$folder"/usr/lib/*-linux-gnu) exec "$folder/usr/sbin/pgbouncer" "\$@"
WRAPPER
    chmod 755 "$program"
}

if [[ ! -e $folder/complete ]]; then
    if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
        fail "PgBouncer is missing. Install it with your package manager."
    fi
    say "Unpacking the distribution's PgBouncer below target/tools."
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    unpack >"$log" 2>&1 ||
        { [[ $(id -u) == 0 ]] && apt-get --quiet update >>"$log" 2>&1 && unpack >>"$log" 2>&1; } ||
        { cat "$log" >&2; fail "PgBouncer could not be installed; see above. Install it: $(as_root) apt-get install pgbouncer"; }
    "$program" --version >"$log" 2>&1 || { cat "$log" >&2; fail "PgBouncer does not run here; see above."; }
    touch "$folder/complete"
fi
printf '%s\n' "$program"
