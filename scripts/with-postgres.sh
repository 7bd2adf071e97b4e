#!/usr/bin/env bash
# Runs a command with DATABASE_URL set to a throw-away Postgres, and ends that with it:
#
#     scripts/with-postgres.sh cargo nextest run money
#
# Any number of these can run at the same time. The exit code is the command's.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

[[ $# -gt 0 ]] || { say "usage: $0 COMMAND [ARGUMENT…]"; exit 2; }
need_postgres
bin=$(postgres_bin)
migrations=$(cd "$(dirname "${BASH_SOURCE[0]}")/../migrations" && pwd)

# Nothing of it has to outlive the command, so it lies in memory where there is room. Neither place has
# a long name, whatever TMPDIR says: the path of a socket may not be longer than 107 bytes.
room=$((4 * 1024 * 1024))
base=/tmp
if [[ -w /dev/shm && $(df --output=avail -k /dev/shm | tail -n 1) -gt $room ]]; then
    base=/dev/shm
fi
folder=$(mktemp -d "$base/navi-test.XXXXXX")
server=
command=
# shellcheck disable=SC2317,SC2329 # the traps call it
finish() {
    if [[ -n $server ]]; then
        # Nothing in it is worth a clean end.
        kill -QUIT "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$folder"
}
trap finish EXIT
# shellcheck disable=SC2317,SC2329 # the traps call it
end_command() {
    [[ -z $command ]] || kill "-$1" "$command" 2>/dev/null || true
    [[ -z $command ]] || wait "$command" 2>/dev/null || true
    exit "$2"
}
trap 'end_command INT 130' INT
trap 'end_command TERM 143' TERM HUP

# Postgres refuses to run as root.
as_user=()
if [[ $(id -u) == 0 ]]; then
    user=postgres
    id "$user" >/dev/null 2>&1 || user=nobody
    chown "$user" "$folder"
    as_user=(setpriv "--reuid=$user" "--regid=$(id -g "$user")" --clear-groups)
fi
# Should this script be killed, neither the server nor the command must stay behind.
with_us=()
if setpriv --pdeathsig TERM true 2>/dev/null; then
    with_us=(setpriv --pdeathsig)
fi

cd /
# `trust` on a socket in a folder of mode 0700: a user who gets there could read the data as well.
env -i LC_ALL=C PATH="$PATH" "${as_user[@]}" "$bin/initdb" --pgdata "$folder/data" \
    --username navi --auth trust --encoding UTF8 --locale C.UTF-8 --no-sync >"$folder/log" 2>&1 ||
    { cat "$folder/log" >&2; fail "initdb failed; see above."; }
# It is thrown away, so nothing has to reach the disk, and no replica will ask for its log. Databases
# live too short for autovacuum, and plans of tests are too cheap to be compiled. Every test has its
# own pool.
env -i LC_ALL=C PATH="$PATH" "${as_user[@]}" ${with_us[@]:+"${with_us[@]}" QUIT} "$bin/postgres" -D "$folder/data" \
    -k "$folder" -c listen_addresses= -c unix_socket_permissions=0700 -c max_connections=200 \
    -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c shared_buffers=128MB \
    -c wal_level=minimal -c max_wal_senders=0 -c autovacuum=off -c jit=off \
    </dev/null >>"$folder/log" 2>&1 &
server=$!
for _ in {1..600}; do
    if grep --quiet --no-messages ready "$folder/data/postmaster.pid"; then
        break
    fi
    kill -0 "$server" 2>/dev/null || { cat "$folder/log" >&2; fail "Postgres did not start."; }
    sleep 0.05
done
cd "$OLDPWD"

# Prints the migrations as one script, and what sqlx notes of those that it applied.
migration_script() {
    local file name
    echo "create table _sqlx_migrations (
        version bigint primary key, description text not null,
        installed_on timestamptz not null default now(), success boolean not null,
        checksum bytea not null, execution_time bigint not null);"
    for file in "$migrations"/*.up.sql; do
        name=$(basename "$file" .up.sql)
        # One transaction each, as sqlx does it, unless the first line says otherwise.
        if [[ $(head -n 1 "$file") == '-- no-transaction'* ]]; then
            cat "$file"
        else
            echo 'begin;'
            cat "$file"
            echo 'commit;'
        fi
        echo "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
            values (${name%%_*}, translate('${name#*_}', '_', ' '), true,
                '\\x$(sha384sum "$file" | cut --delimiter ' ' --fields 1)', 0);"
    done
}

# Every test has a database of its own, and Postgres copies it from this one: so it is there with its
# tables in a tenth of the time that the migrations take. Without these tools each test applies them.
if [[ -x $bin/psql ]] && command -v sha384sum >/dev/null; then
    migration_script | env -u PGOPTIONS "$bin/psql" --quiet --no-psqlrc --set ON_ERROR_STOP=1 \
        "postgres://navi@localhost/template1?host=$folder" >>"$folder/log" 2>&1 ||
        { cat "$folder/log" >&2; fail "The migrations could not be applied; see above."; }
fi

export DATABASE_URL="postgres://navi@localhost/postgres?host=$folder"
# In the background, because a shell answers signals only between the commands it waits for; and
# there Ctrl-C would be ignored, were it not for the trap.
(trap - INT && exec ${with_us[@]:+"${with_us[@]}" TERM} "$@") <&0 &
command=$!
status=0
wait "$command" || status=$?
command=
exit "$status"
