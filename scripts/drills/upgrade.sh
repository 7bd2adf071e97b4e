#!/usr/bin/env bash
# Upgrades a server under load and rolls it back, by two versions of the program:
#
#     scripts/drills/upgrade.sh OLD_BINARY NEW_BINARY
#
# The new one's migrations are applied while the old one serves. Then the old one serves on, and starts again, on the
# new tables; both serve beside each other; and at last the old one alone, first on the new tables and then on its own.
# Prints a row of docs/drills.md.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source=scripts/common.sh
source "$root/scripts/common.sh"
# shellcheck source=scripts/drills/world.sh
source "$here/world.sh"
# shellcheck source=scripts/drills/clusters.sh
source "$here/clusters.sh"

[[ $# == 2 ]] || { say "usage: $0 OLD_BINARY NEW_BINARY"; exit 2; }
old=$1 new=$2
navi=$old
[[ -x $old && -x $new ]] || fail "There is no $old or no $new."
command -v python3 >/dev/null || fail "Python 3 is missing."
need_postgres

# shellcheck disable=SC2317,SC2329 # the trap calls it
finish() {
    local name
    for name in load other-load old new; do
        end "$name"
    done
    end database QUIT
    rm -rf --one-file-system "$world"
}
world=$(mktemp -d /tmp/navi-drill.XXXXXX)
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
find_user
make_cluster database
start_cluster database
make_keys "$world/keys.env"
write_script
verdict=passed
old_port=$(free_port) new_port=$(free_port)

# Starts a version, each with a data folder of its own, as two pods have: NAME BINARY PORT
serve() {
    prepare "$world/keys.env" "$world/data-$1" "$(address_of database)" NAVI_BIND="127.0.0.1:$3"
    begin "$1" "${with[@]}" "$2" serve
    await 60 "readiness of the $1 version" answers "http://127.0.0.1:$3/health/ready"
}

# Runs a command that must succeed: WHAT COMMAND…
must() {
    local what=$1
    shift
    "$@" >"$world/must.log" 2>&1 || { tail -n 20 "$world/must.log" >&2; fail "$what failed."; }
}

# Tries something whose failure is noted and does not end the drill: WHAT COMMAND…
try() {
    local what=$1
    shift
    "$@" >"$world/try.log" 2>&1 || note "$what: $(tail -n 1 "$world/try.log" | cut --characters 1-160)"
}

note() {
    say "FOUND: $1"
    verdict=${verdict/#passed/failed: }$1
    verdict="$verdict; "
}

newest() {
    in_cluster database 'select max(version) from _sqlx_migrations where success'
}

# A whole run by the server at a port, whichever process takes it: PORT NAME
run_at() {
    local job
    job=$(begin_job "$token" "http://127.0.0.1:$1" "$2")
    await 90 "the end of the run $2" job_is_done "$token" "http://127.0.0.1:$1" "$job"
}

# True if a run has ended, well or not: ID
is_over() {
    [[ $(ask "$token" GET "http://127.0.0.1:$old_port/api/jobs/$1" | member job status) =~ ^(completed|failed|cancelled)$ ]]
}

prepare "$world/keys.env" "$world/data-old" "$(address_of database)"
must "Migrating with the old version" "${with[@]}" "$old" migrate
before=$(newest)
serve old "$old" "$old_port"
token=$("${with[@]}" "$old" token mint --org acme --user ada --role planner --ttl 1h)
begin load python3 "$here/acknowledged.py" "http://127.0.0.1:$old_port" "$token" "$world/acknowledged"
job=$(begin_job "$token" "http://127.0.0.1:$old_port" under-way)

say "The new version's migrations, while the old one serves."
must "Migrating with the new version" "${with[@]}" "$new" migrate
after=$(newest)
[[ $after != "$before" ]] || say "Both versions have the same migrations, so little is tried."
run_at "$old_port" old-on-new
await 60 "the end of the run that was under way" job_is_done "$token" "http://127.0.0.1:$old_port" "$job"
end load
refused=$(wc -l <"$world/acknowledged.refused")

say "The old version starts again on the new tables."
end old
serve old "$old" "$old_port"
try "the old version cannot verify the audit log" "${with[@]}" "$old" audit verify

say "Both versions beside each other."
serve new "$new" "$new_port"
begin load python3 "$here/acknowledged.py" "http://127.0.0.1:$old_port" "$token" "$world/acknowledged-old"
begin other-load python3 "$here/acknowledged.py" "http://127.0.0.1:$new_port" "$token" "$world/acknowledged-new"
run_at "$old_port" both-old
run_at "$new_port" both-new
job=$(begin_job "$token" "http://127.0.0.1:$new_port" taken-over)
sleep 3
end other-load

say "Back: the new version goes in the middle of a run, the old one goes on with it."
end new
await 90 "the end of the run that was taken over" is_over "$job"
job_is_done "$token" "http://127.0.0.1:$old_port" "$job" ||
    note "the old version cannot go on with a run of the new one: $(ask "$token" GET "http://127.0.0.1:$old_port/api/jobs/$job" | member job error)"
end load
refused=$((refused + $(wc -l <"$world/acknowledged-old.refused") + $(wc -l <"$world/acknowledged-new.refused")))
try "the old version cannot verify the audit log" "${with[@]}" "$old" audit verify
end old

say "The tables back as well."
prepare "$world/keys.env" "$world/data-old" "$(address_of database)"
must "Undoing migrations" "${with[@]}" "$new" migrate --undo-to "$before" --yes
must "The old version's check" "${with[@]}" "$old" migrate --check
serve old "$old" "$old_port"
run_at "$old_port" old-on-old
end old
prepare "$world/keys.env" "$world/data-old" "$(address_of database)"
try "the old version cannot verify the audit log" "${with[@]}" "$old" audit verify
grep --no-filename -E '(ERROR|FATAL|STATEMENT):' "$world/database.log" | grep -v 'connection to client lost' >&2 || true
grep --no-filename -h ' ERROR ' "$world/old.log" "$world/new.log" >&2 || true
[[ $refused == 0 ]] || note "$refused requests were refused"
printf '| upgrade | migrations %s to %s and back | %s acknowledged, %s refused | six runs, of which one was under way and one taken over | %s |\n' "$before" "$after" \
    "$(cat "$world"/acknowledged "$world"/acknowledged-old "$world"/acknowledged-new | wc -l)" "$refused" "${verdict%; }"
[[ $verdict == passed ]]
