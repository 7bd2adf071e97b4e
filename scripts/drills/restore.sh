#!/usr/bin/env bash
# Takes backups of a server under load, destroys everything but them and the keys, and restores it, in two ways:
#
#     scripts/drills/restore.sh
#
# With a base backup and the archived log nothing that was acknowledged is lost, and a run that was under way is done by
# the restored server. With a dump everything is there that was when it was made. Prints rows of docs/drills.md. The program
# is NAVI_BINARY, or else target/debug/navi. docs/BACKUP.md says what is done here.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source=scripts/common.sh
source "$root/scripts/common.sh"
# shellcheck source=scripts/drills/world.sh
source "$here/world.sh"
# shellcheck source=scripts/drills/clusters.sh
source "$here/clusters.sh"

navi=${NAVI_BINARY:-$root/target/debug/navi}
[[ -x $navi ]] || fail "There is no $navi. Build it with cargo build, or set NAVI_BINARY."
command -v python3 >/dev/null || fail "Python 3 is missing."
need_postgres

# shellcheck disable=SC2317,SC2329 # the trap calls it
finish() {
    local name
    for name in load server; do
        end "$name"
    done
    for name in first second third; do
        end "$name" QUIT
    done
    rm -rf --one-file-system "$world"
}
world=$(mktemp -d /tmp/navi-drill.XXXXXX)
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
find_user
server_port=$(free_port)
base=http://127.0.0.1:$server_port

# A server over a cluster: NAME DATA
serve() {
    prepare "$world/keys.env" "$2" "$(address_of "$1")" NAVI_BIND="127.0.0.1:$server_port" NAVI_AUDIT_CHECKPOINT_SECONDS=2
    begin server "${with[@]}" "$navi" serve
    await 60 "readiness" answers "$base/health/ready"
}

verifies() {
    "${with[@]}" "$navi" audit verify >"$world/verify.log" 2>&1
}

# The same rows as were counted: NAME COUNTED
same_rows() {
    rows_of "$1" >"$world/rows"
    diff "$2" "$world/rows" >&2 || fail "Rows differ after the restore."
}

is_archived() {
    [[ $(in_cluster first "select last_archived_wal >= '$1' from pg_stat_archiver") == t ]]
}

own_folder "$world/archive"
make_cluster first
start_cluster first -c archive_mode=on -c "archive_command=test ! -f $world/archive/%f && cp %p $world/archive/%f"
make_keys "$world/keys.env"
write_script
prepare "$world/keys.env" "$world/data" "$(address_of first)"
"${with[@]}" "$navi" migrate >"$world/migrate.log" 2>&1
serve first "$world/data"
token=$("${with[@]}" "$navi" token mint --org acme --user ada --role planner --ttl 1h)
begin load python3 "$here/acknowledged.py" "$base" "$token" "$world/acknowledged"
job=$(begin_job "$token" "$base" done-before)
await 60 "the end of a run" job_is_done "$token" "$base" "$job"

say "A base backup, a dump and a copy of the data folder, under load."
own_folder "$world/base"
of_postgres pg_basebackup --pgdata "$world/base/data" --wal-method none --checkpoint fast --no-manifest \
    --dbname "host=$world/first port=${ports[first]} user=navi" >"$world/basebackup.log" 2>&1 ||
    { cat "$world/basebackup.log" >&2; fail "There is no base backup."; }
cut --fields 2 "$world/acknowledged" >"$world/acknowledged-at-dump"
"$(postgres_bin)/pg_dump" --format custom --file "$world/navi.dump" "$(address_of first)"
cp -a "$world/data" "$world/data-backup"

say "More work, of which one run is under way when everything is lost."
sleep 5
job=$(begin_job "$token" "$base" under-way)
sleep 4
end load
end server KILL
rows_of first >"$world/counted"
last=$(in_cluster first "select pg_walfile_name(pg_switch_wal())")
await 30 "the archive to be whole" is_archived "$last"
end first KILL
rm -rf --one-file-system "$world/first" "$world/data"
mv "$world/keys.env" "$world/kept-apart.env"

began=$(date +%s.%N)
say "Restoring the base backup and the archived log."
mv "$world/base" "$world/second"
printf "restore_command = 'cp %s/archive/%%f %%p'\nrecovery_target_timeline = 'latest'\n" "$world" >>"$world/second/data/postgresql.auto.conf"
touch "$world/second/data/recovery.signal"
[[ -z ${as_postgres[0]:-} ]] || chown "${as_postgres[0]#*=}" "$world/second/data/recovery.signal"
start_cluster second
is_promoted() {
    [[ $(in_cluster second 'select pg_is_in_recovery()') == f ]]
}
await 60 "the end of recovery" is_promoted
same_rows second "$world/counted"
all_are_there second "$world/acknowledged" || fail "What was acknowledged is not there."
# Without the keys nothing sealed is readable, and the server says so before it changes anything.
make_keys "$world/other.env"
prepare "$world/other.env" "$world/data-other" "$(address_of second)"
! verifies || fail "The audit log can be verified with another key."
cp "$world/kept-apart.env" "$world/keys.env"
cp -a "$world/data-backup" "$world/data"
prepare "$world/keys.env" "$world/data" "$(address_of second)"
verifies || { cat "$world/verify.log" >&2; fail "The audit log does not hold."; }
serve second "$world/data"
restored=$(date +%s.%N)
await 90 "the end of the run that was under way" job_is_done "$token" "$base" "$job"
[[ $(<"$world/workspaces/under-way/second") == two ]] || fail "The run did not do its work."
verifies || { cat "$world/verify.log" >&2; fail "The audit log does not hold after the restored server wrote to it."; }
end server
end second INT
printf '| restore: base backup and log | %s acknowledged | 0 lost | %s tables with the same rows | served after %s s; the run that was under way was done | passed |\n' \
    "$(wc -l <"$world/acknowledged")" "$(wc -l <"$world/counted")" "$(awk -v from="$began" -v to="$restored" 'BEGIN { printf "%.0f", to - from }')"

began=$(date +%s.%N)
say "Restoring the dump."
make_cluster third
start_cluster third
"$(postgres_bin)/pg_restore" --no-owner --exit-on-error --dbname "$(address_of third)" "$world/navi.dump"
# With a newer data folder the log is behind what was signed, which is true, and found.
prepare "$world/keys.env" "$world/data" "$(address_of third)"
! verifies || fail "That the dump is older than what was signed is not found."
rm -rf --one-file-system "$world/data"
prepare "$world/keys.env" "$world/data-backup" "$(address_of third)"
"${with[@]}" "$navi" migrate --check >"$world/check.log" 2>&1 || { cat "$world/check.log" >&2; fail "The dump is not of this version."; }
verifies || { cat "$world/verify.log" >&2; fail "The audit log of the dump does not hold."; }
paste "$world/acknowledged-at-dump" "$world/acknowledged-at-dump" >"$world/acknowledged-before"
all_are_there third "$world/acknowledged-before" || fail "What was acknowledged before the dump is not there."
serve third "$world/data-backup"
restored=$(date +%s.%N)
# shellcheck disable=SC2016 # Markdown
printf '| restore: dump | %s acknowledged before it | 0 lost of these | `navi migrate --check` and `navi audit verify` pass | served after %s s | passed |\n' \
    "$(wc -l <"$world/acknowledged-at-dump")" "$(awk -v from="$began" -v to="$restored" 'BEGIN { printf "%.0f", to - from }')"
