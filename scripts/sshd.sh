#!/usr/bin/env bash
# Prints the path of OpenSSH's server, for tests of git over SSH, and unpacks the distribution's below
# target/tools when there is none:
#
#     NAVI_SSHD=$(scripts/sshd.sh) scripts/with-postgres.sh cargo nextest run sandbox::credentials
#
# Prints nothing and fails when there is none to be had, as without apt-get or a network.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/common.sh
source "$root/scripts/common.sh"

# Often only root has it on the PATH.
if PATH=$PATH:/usr/sbin:/usr/local/sbin command -v sshd; then
    exit
fi
folder=$root/target/tools/sshd
program=$folder/sshd

# Unpacked and not installed: that starts no server for the whole machine.
unpack() {
    rm -rf "$folder"
    mkdir -p "$folder"
    (cd "$folder" && apt-get download openssh-server libwrap0) || return
    local package
    for package in "$folder"/*.deb; do
        dpkg-deb --extract "$package" "$folder" || return
    done
    cat >"$program" <<WRAPPER
#!/bin/sh
LD_LIBRARY_PATH=\$(echo "$folder"/usr/lib/*-linux-gnu) exec "$folder/usr/sbin/sshd" "\$@"
WRAPPER
    chmod 755 "$program"
    # As root it gives up its rights to a user of this name, which the package would make.
    if [[ $(id -u) == 0 ]] && ! id sshd; then
        useradd --system --no-create-home --home-dir /run/sshd --shell /usr/sbin/nologin sshd || return
    fi
    "$program" -V 2>&1 | grep OpenSSH || "$program" --version 2>&1 | grep OpenSSH
}

if [[ ! -e $folder/complete ]]; then
    if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
        fail "sshd is missing. Install it with your package manager."
    fi
    say "Unpacking the distribution's sshd below target/tools."
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    unpack >"$log" 2>&1 ||
        { [[ $(id -u) == 0 ]] && apt-get --quiet update >>"$log" 2>&1 && unpack >>"$log" 2>&1; } ||
        { cat "$log" >&2; fail "sshd could not be installed; see above. Install it: $(as_root) apt-get install openssh-server"; }
    touch "$folder/complete"
fi
printf '%s\n' "$program"
