#!/usr/bin/env bash
# Kills a primary under load and promotes its synchronous standby, and looks for what was acknowledged:
#
#     scripts/drills/failover.sh            one address, which leads to the standby once it is promoted
#     scripts/drills/failover.sh hosts      an address that names both servers, the standby first
#
# The server reaches the database over TLS with a certificate of a private authority. Prints a row of docs/drills.md.
# The program is NAVI_BINARY, or else target/debug/navi.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source=scripts/common.sh
source "$root/scripts/common.sh"
# shellcheck source=scripts/drills/world.sh
source "$here/world.sh"
# shellcheck source=scripts/drills/clusters.sh
source "$here/clusters.sh"

way=${1:-address}
[[ $way == address || $way == hosts ]] || { say "usage: $0 [hosts]"; exit 2; }
navi=${NAVI_BINARY:-$root/target/debug/navi}
# Seconds after the promotion within which the server must acknowledge again.
patience=10
[[ -x $navi ]] || fail "There is no $navi. Build it with cargo build, or set NAVI_BINARY."
command -v python3 >/dev/null || fail "Python 3 is missing."
command -v openssl >/dev/null || fail "openssl is missing."
need_postgres

# shellcheck disable=SC2317,SC2329 # the trap calls it
finish() {
    local name
    for name in load server forward; do
        end "$name"
    done
    for name in primary standby; do
        end "$name" QUIT
    done
    rm -rf --one-file-system "$world"
}
world=$(mktemp -d /tmp/navi-drill.XXXXXX)
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
find_user

# An authority that no machine knows, and a certificate of it for the name of the database.
make_certificates() {
    {
        openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=an authority of a drill' \
            -keyout "$world/ca.key" -out "$world/ca.pem"
        openssl req -newkey rsa:2048 -nodes -subj '/CN=localhost' -keyout "$world/server.key" -out "$world/server.csr"
        openssl x509 -req -in "$world/server.csr" -CA "$world/ca.pem" -CAkey "$world/ca.key" -CAcreateserial -days 2 \
            -extfile <(printf 'subjectAltName=DNS:localhost') -out "$world/server.pem"
    } 2>"$world/openssl.log"
    chmod 644 "$world/ca.pem" "$world/server.pem"
    chmod 600 "$world/server.key"
    [[ -z ${as_postgres[0]:-} ]] || chown "${as_postgres[0]#*=}" "$world/server.key"
}

with_tls() {
    printf '%s\n' -c ssl=on -c "ssl_cert_file=$world/server.pem" -c "ssl_key_file=$world/server.key"
}

acknowledged_after() {
    awk -F '\t' -v since="$1" '$1 > since { found = 1; exit } END { exit !found }' "$world/acknowledged"
}

make_certificates
mapfile -t tls < <(with_tls)
say "A primary, and a standby that every commit waits for."
make_cluster primary
start_cluster primary "${tls[@]}" -c listen_addresses=127.0.0.1 -c wal_level=replica
in_cluster primary "create role navi_server login password 'for%a/drill'"
in_cluster primary "create database navi_production owner navi_server"
# Connections over TCP need TLS and a password.
printf 'local all all trust\nlocal replication all trust\nhost replication all 127.0.0.1/32 trust\nhostssl all navi_server 127.0.0.1/32 scram-sha-256\n' >"$world/primary/data/pg_hba.conf"
in_cluster primary "select pg_reload_conf()" >/dev/null
own_folder "$world/standby"
of_postgres pg_basebackup --pgdata "$world/standby/data" --write-recovery-conf --create-slot --slot standby --wal-method stream \
    --dbname "host=$world/primary port=${ports[primary]} user=navi application_name=standby" >"$world/basebackup.log" 2>&1 ||
    { cat "$world/basebackup.log" >&2; fail "The standby cannot be made."; }
start_cluster standby "${tls[@]}" -c listen_addresses=127.0.0.1
in_cluster primary "alter system set synchronous_standby_names = 'standby'" && in_cluster primary "select pg_reload_conf()" >/dev/null
is_synchronous() {
    [[ $(in_cluster primary "select sync_state from pg_stat_replication where application_name = 'standby'") == sync ]]
}
await 30 "the standby to be waited for" is_synchronous

address_port=$(free_port) server_port=$(free_port)
printf '%s' "${ports[primary]}" >"$world/target"
begin forward python3 "$here/forward.py" "$address_port" "$world/target"
await 10 "the address of the database" bash -c "</dev/tcp/127.0.0.1/$address_port"
at=localhost:$address_port
[[ $way == address ]] || at=localhost:${ports[standby]},localhost:${ports[primary]}
url="postgresql+asyncpg://navi_server:for%25a%2Fdrill@$at/navi_production?sslmode=verify-full"
make_keys "$world/keys.env"
write_script
base=http://127.0.0.1:$server_port
prepare "$world/keys.env" "$world/data" "$url"
! "${with[@]}" "$navi" migrate --check >"$world/unknown.log" 2>&1 || fail "A certificate of nobody known was taken."
grep --quiet --ignore-case certificate "$world/unknown.log" || { cat "$world/unknown.log" >&2; fail "Why it is not reached is not said."; }
prepare "$world/keys.env" "$world/data" "$url" PGSSLROOTCERT="$world/ca.pem" NAVI_BIND="127.0.0.1:$server_port"
"${with[@]}" "$navi" migrate >>"$world/migrate.log" 2>&1 || { cat "$world/migrate.log" >&2; fail "The tables cannot be made."; }
begin server "${with[@]}" "$navi" serve
await 60 "readiness" answers "$base/health/ready"
named=$url\&sslrootcert=$world/ca.pem
prepare "$world/keys.env" "$world/data" "$named"
"${with[@]}" "$navi" migrate --check >"$world/named.log" 2>&1 || { cat "$world/named.log" >&2; fail "An authority that the address names does not count."; }
token=$("${with[@]}" "$navi" token mint --org acme --user ada --role planner --ttl 1h)
begin load python3 "$here/acknowledged.py" "$base" "$token" "$world/acknowledged"
sleep 5
job=$(begin_job "$token" "$base" one)
sleep 4

say "The primary dies."
began=$(date +%s.%N)
end primary KILL
sleep 1
of_postgres pg_ctl promote --pgdata "$world/standby/data" >/dev/null
promoted=$(date +%s.%N)
printf '%s' "${ports[standby]}" >"$world/target"
await 60 "an acknowledgement after the promotion" acknowledged_after "$promoted"
again=$(awk -F '\t' -v since="$promoted" '$1 > since { print $1; exit }' "$world/acknowledged")
await 60 "the end of the run" job_is_done "$token" "$base" "$job"
sleep 3
end load
end server
all=$(wc -l <"$world/acknowledged") refused=$(wc -l <"$world/acknowledged.refused")
all_are_there standby "$world/acknowledged" navi_production || fail "What was acknowledged is not there."
prepare "$world/keys.env" "$world/data" "$(address_of standby navi_production)"
"${with[@]}" "$navi" audit verify >"$world/verify.log" 2>&1 || { cat "$world/verify.log" >&2; fail "The audit log does not hold."; }
took=$(awk -v from="$promoted" -v to="$again" 'BEGIN { printf "%.1f", to - from }')
away=$(awk -v from="$began" -v to="$again" 'BEGIN { printf "%.1f", to - from }')
verdict=passed
awk -v took="$took" -v most="$patience" 'BEGIN { exit !(took <= most) }' || verdict="failed: more than $patience s"
printf '| failover, %s | %s acknowledged, %s refused | 0 lost | %s s after the promotion, %s s after the death | %s |\n' "$way" "$all" "$refused" "$took" "$away" "$verdict"
[[ $verdict == passed ]]
