# Shared by the scripts beside it: finding tools and installing what is missing.
# shellcheck shell=bash
# A script's output may be piped somewhere, so every message goes to stderr.

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
    if ! command -v apt-get >/dev/null; then
        fail "Postgres 15 or later is missing. Install it with your package manager, or set" \
            "NAVI_PG_BIN to the folder that holds initdb and postgres."
    fi
    may_install "Postgres 15 or later" postgresql
    quietly "Installing Postgres" install_postgres_packages
    [[ -n $(postgres_bin) ]] || fail "Postgres was installed, but initdb is not where it should be."
}

# Installs packages of the distribution for something that is missing: NAME PACKAGE…
install_packages() {
    local name=$1
    shift
    command -v apt-get >/dev/null || fail "$name is missing. Install it with your package manager."
    may_install "$name" "$@"
    quietly "Installing $name" update_and_install "$@"
}

update_and_install() {
    "${apt[@]}" update && "${apt[@]}" install --no-install-recommends "$@"
}

# Sets `sudo` and `apt` to commands that can install packages: NAME PACKAGE…
may_install() {
    local name=$1
    shift
    sudo=()
    if [[ $(id -u) != 0 ]]; then
        # Without a terminal sudo could not ask for a password.
        if ! command -v sudo >/dev/null || { [[ ! -t 0 ]] && ! sudo -n true 2>/dev/null; }; then
            fail "$name is missing. Install it: sudo apt-get install --no-install-recommends $*"
        fi
        sudo=(sudo)
    fi
    apt=("${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes
        -o DPkg::Lock::Timeout=300)
}

# Runs a command and shows what it says only when it fails: WHAT COMMAND…
quietly() {
    local what=$1 log
    shift
    say "$what from the distribution."
    log=$(mktemp)
    if ! "$@" >"$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        fail "$what failed; see above."
    fi
    rm -f "$log"
}

# Finds Node, of the version that the client is made for.
need_node() {
    command -v npm >/dev/null || fail "Node 20 or later with npm is missing."
    local version
    version=$(node --print 'process.versions.node.split(".")[0]')
    [[ $version -ge 20 ]] || fail "Node 20 or later is missing; this is $version."
}

install_postgres_packages() {
    "${apt[@]}" update || return
    # The package would also make and start a cluster for the whole machine. That is not wanted:
    # only its programs are needed. A configuration that was there before is not touched.
    if [[ ! -e /etc/postgresql-common/createcluster.conf ]]; then
        "${apt[@]}" install --no-install-recommends postgresql-common || return
        "${sudo[@]}" sed -i 's/^#\?\s*create_main_cluster\s*=.*/create_main_cluster = false/' \
            /etc/postgresql-common/createcluster.conf || return
    fi
    "${apt[@]}" install --no-install-recommends postgresql
}
