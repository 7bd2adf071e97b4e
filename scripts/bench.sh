#!/usr/bin/env bash
# Measures the table of figures (under 20 minutes), writes docs/performance.json and the page made from
# it, and fails when a figure is beyond its budget (benches/figures/budget.toml):
#
#     scripts/bench.sh                      the whole table
#     scripts/bench.sh chat telemetry       some parts, which are printed and not written
#     scripts/bench.sh --growth             with 10,000, 100,000 and 1,000,000 rows stored
#     scripts/bench.sh --kills              ten servers killed under each load
#     scripts/bench.sh --programs auth vault   other programs of benches/, whose tables are kept
#     scripts/bench.sh --page               the page alone
#
# It needs a machine with nothing else to do. As root it also makes a network of its own with an MTU of
# 1,500; without, that way is left out.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/common.sh
source scripts/common.sh

need_rust
need_postgres
export SQLX_OFFLINE=true
bin=$(postgres_bin)
PATH=$bin:$PATH

case ${1:-} in
    --page) exec cargo bench --quiet --locked --bench figures -- page ;;
    --programs)
        shift
        for program in "$@"; do
            say "$program"
            output=$(cargo bench --quiet --locked --bench "$program" 2>/dev/null) || fail "$program failed."
            printf '%s\n' "$output"
            cargo bench --quiet --locked --bench figures -- "record=$program" <<<"$output"
        done
        exit ;;
esac

# On a disk, because what is measured is how long that takes.
folder=$(mktemp -d /var/tmp/navi-bench.XXXXXX)
server=
namespace=
# shellcheck disable=SC2317,SC2329 # the trap calls it
finish() {
    if [[ -n $server ]]; then
        kill -QUIT "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    [[ -z $namespace ]] || ip netns delete "$namespace" 2>/dev/null || true
    rm -rf "$folder"
}
trap finish EXIT
# The release itself: the programs of benches/ are linked in a way that takes less time, and put theirs in its place.
if [[ -z ${NAVI_BINARY:-} ]]; then
    cargo build --release --quiet --locked --bin navi
    cp "${CARGO_TARGET_DIR:-target}/release/navi" "$folder/navi"
    chmod 0755 "$folder"
    NAVI_BINARY=$folder/navi
fi
export NAVI_BINARY
trap 'exit 130' INT
trap 'exit 143' TERM HUP

addresses=127.0.0.1
network=
if [[ $(id -u) == 0 ]] && command -v ip >/dev/null; then
    name=navi-bench-$$
    if ip netns add "$name" 2>/dev/null; then
        namespace=$name
        # A pair of cards between the two: the kernel gives each end to one side.
        if ip link add "nb$$" type veth peer name eth0 netns "$name" 2>/dev/null; then
            ip address add 10.201.77.1/30 dev "nb$$"
            ip link set "nb$$" mtu 1500 up
            # Segments as a real card sends them, which no card here would make of larger ones.
            ip link set "nb$$" gso_max_size 1500 gso_max_segs 1
            ip -n "$name" address add 10.201.77.2/30 dev eth0
            ip -n "$name" link set eth0 mtu 1500 up
            ip -n "$name" link set eth0 gso_max_size 1500 gso_max_segs 1
            ip -n "$name" link set lo up
            addresses=127.0.0.1,10.201.77.1
            network=10.201.77.0/30
            export NAVI_BENCH_NAMESPACE=$name NAVI_BENCH_SERVER_ADDRESS=10.201.77.2
            export NAVI_BENCH_POSTGRES_ADDRESS=10.201.77.1
        fi
    fi
fi
[[ -n $network ]] || say "no network of its own: the way with an MTU of 1,500 is not measured"

# Postgres refuses to run as root.
as_user=()
if [[ $(id -u) == 0 ]]; then
    user=postgres
    id "$user" >/dev/null 2>&1 || user=nobody
    chown "$user" "$folder"
    as_user=(setpriv "--reuid=$user" "--regid=$(id -g "$user")" --clear-groups)
fi
PGPASSWORD=$(head -c 24 /dev/urandom | base64 | tr -d '+/=')
export PGPASSWORD
mkdir "$folder/shared" "$folder/socket"
printf '%s\n' "$PGPASSWORD" >"$folder/password"
[[ ${#as_user[@]} == 0 ]] || chown -R "$user" "$folder"
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
port=$(free_port)
"${as_user[@]}" "$bin/initdb" --pgdata "$folder/data" --username navi --pwfile "$folder/password" \
    --auth scram-sha-256 --encoding UTF8 --locale C.UTF-8 >"$folder/log" 2>&1 ||
    { cat "$folder/log" >&2; fail "initdb failed; see above."; }
[[ -z $network ]] || printf 'host all all %s scram-sha-256\n' "$network" >>"$folder/data/pg_hba.conf"
# Durable, as a Postgres that serves people is. Connections are for pgbench's hundred beside the server's.
"${as_user[@]}" "$bin/postgres" -D "$folder/data" -k "$folder/socket" -p "$port" \
    -c "listen_addresses=$addresses" -c max_connections=250 -c shared_buffers=512MB -c max_wal_size=4GB \
    </dev/null >>"$folder/log" 2>&1 &
server=$!
for _ in {1..600}; do
    if grep --quiet --no-messages ready "$folder/data/postmaster.pid"; then
        break
    fi
    kill -0 "$server" 2>/dev/null || { cat "$folder/log" >&2; fail "Postgres did not start."; }
    sleep 0.05
done
export NAVI_BENCH_SOCKET=$folder/socket NAVI_BENCH_PORT=$port NAVI_BENCH_SHARED=$folder/shared

status=0
cargo bench --quiet --locked --bench figures -- "${@#--}" || status=$?
exit "$status"
