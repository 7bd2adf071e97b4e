# Shared by the scripts beside it: finding tools and installing what is missing.
# shellcheck shell=bash
# What people want from a script may be piped somewhere, so everything said here goes to stderr.

say() {
    printf '%s\n' "$*" >&2
}

fail() {
    say "$*"
    exit 1
}

# Finds cargo, also where rustup puts it for shells that have not been told.
need_rust() {
    if ! command -v cargo >/dev/null && [[ -x ${CARGO_HOME:-${HOME:-}/.cargo}/bin/cargo ]]; then
        PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
    fi
    command -v cargo >/dev/null ||
        fail "Rust is missing. Install it as https://rustup.rs says, then run this again."
    command -v cc >/dev/null ||
        fail "A C compiler is missing. Install it: $(as_root) apt-get install gcc libc6-dev"
}

# The folder with initdb and postgres: named, or the distribution's newest, or on the PATH.
postgres_bin() {
    local folder
    if [[ -n ${NAVI_PG_BIN:-} ]]; then
        printf '%s\n' "$NAVI_PG_BIN"
        return
    fi
    while read -r folder; do
        if [[ -x $folder/initdb && -x $folder/postgres ]]; then
            printf '%s\n' "$folder"
            return
        fi
    done < <(printf '%s\n' /usr/lib/postgresql/*/bin | sort --version-sort --reverse)
    folder=$(command -v initdb) && dirname "$(readlink -f "$folder")"
}

as_root() {
    if [[ $(id -u) == 0 ]]; then
        printf ''
    else
        printf 'sudo'
    fi
}

# Installs Postgres from the distribution where that can be done without asking anybody twice.
need_postgres() {
    if [[ -n $(postgres_bin) ]]; then
        return
    fi
    local sudo=() command="apt-get install --yes --no-install-recommends postgresql"
    if ! command -v apt-get >/dev/null; then
        fail "Postgres 15 or later is missing. Install it with your package manager, or set" \
            "NAVI_PG_BIN to the folder that holds initdb and postgres."
    fi
    if [[ $(id -u) != 0 ]]; then
        # Without a terminal sudo could not ask for a password.
        if ! command -v sudo >/dev/null || { [[ ! -t 0 ]] && ! sudo -n true 2>/dev/null; }; then
            fail "Postgres 15 or later is missing. Install it: sudo $command"
        fi
        sudo=(sudo)
    fi
    say "Installing Postgres from the distribution ($command)."
    local log
    log=$(mktemp)
    if ! install_postgres_packages "${sudo[@]}" >"$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        fail "Installing Postgres failed; see above. The command was: $command"
    fi
    rm -f "$log"
    [[ -n $(postgres_bin) ]] || fail "Postgres was installed, but initdb is not where it should be."
}

install_postgres_packages() {
    local apt=("$@" env DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes
        -o DPkg::Lock::Timeout=300)
    "${apt[@]}" update || return
    # The package would also make and start a cluster for the whole machine. Nobody asked for
    # that: only its programs are needed. A configuration that was there before is not touched.
    if [[ ! -e /etc/postgresql-common/createcluster.conf ]]; then
        "${apt[@]}" install --no-install-recommends postgresql-common || return
        "$@" sed -i 's/^#\?\s*create_main_cluster\s*=.*/create_main_cluster = false/' \
            /etc/postgresql-common/createcluster.conf || return
    fi
    "${apt[@]}" install --no-install-recommends postgresql
}
