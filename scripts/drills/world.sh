# The world of a drill, sourced by run.sh: a database, a model provider, the server, its analyzer, traffic,
# Prometheus, Alertmanager and a sink in the pager's place. All of it listens on loopback or a socket, lies in one
# folder, and ends with the script.
# shellcheck shell=bash disable=SC2154 # run.sh sets root, navi and tools

# The processes by name.
declare -A running

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# Starts a process that ends with this script: NAME COMMAND…
begin() {
    local name=$1
    shift
    setpriv --pdeathsig TERM "$@" </dev/null >>"$world/$name.log" 2>&1 &
    running[$name]=$!
}

# Ends a process and waits until it is gone, by force after 20 seconds: NAME [SIGNAL]
end() {
    local pid=${running[$1]:-} left=200
    [[ -n $pid ]] || return 0
    unset "running[$1]"
    kill "-${2:-TERM}" "$pid" 2>/dev/null || return 0
    while kill -0 "$pid" 2>/dev/null && [[ $((left -= 1)) -gt 0 ]]; do
        sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
}

# Waits until a command succeeds: SECONDS WHAT COMMAND…
await() {
    local until=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [[ $SECONDS -lt $until ]] || { tail -n 15 "$world"/*.log >&2; fail "$what did not happen in time."; }
        sleep 0.2
    done
}

answers() {
    curl --silent --fail --max-time 3 --output /dev/null "$1"
}

make_database() {
    as_postgres=()
    if [[ $(id -u) == 0 ]]; then
        local user=postgres
        id "$user" >/dev/null 2>&1 || user=nobody
        mkdir "$world/database"
        chown "$user" "$world/database"
        chmod 711 "$world"
        as_postgres=("--reuid=$user" "--regid=$(id -g "$user")" --clear-groups)
    else
        mkdir "$world/database"
    fi
    (cd / && env -i LC_ALL=C PATH="$PATH" setpriv "${as_postgres[@]}" --pdeathsig TERM "$(postgres_bin)/initdb" \
        --pgdata "$world/database/data" --username navi --auth trust --encoding UTF8 --locale C.UTF-8 \
        --no-sync >"$world/initdb.log" 2>&1) || { cat "$world/initdb.log" >&2; fail "initdb failed."; }
    export DATABASE_URL="postgres://navi@localhost/postgres?host=$world/database"
}

start_database() {
    begin database "${as_postgres[@]}" env -i LC_ALL=C "$(postgres_bin)/postgres" -D "$world/database/data" \
        -k "$world/database" -c listen_addresses= -c unix_socket_permissions=0777 -c fsync=off
    await 30 "the start of Postgres" grep --quiet ready "$world/database/data/postmaster.pid"
}

# Stops the database at once: connections are cut, open requests are not waited for.
stop_database() {
    end database INT
}

# A small disk in memory for the data folder, where this may be mounted: only one drill needs it.
make_small_disk() {
    mkdir "$world/data"
    mount -t tmpfs -o size=64m,mode=700 tmpfs "$world/data" 2>>"$world/mount.log" || say "no small disk: $(<"$world/mount.log")"
}

sql() {
    "$(postgres_bin)/psql" --quiet --no-psqlrc --set ON_ERROR_STOP=1 --command "$1" \
        "postgres://navi@localhost/postgres?host=$world/database" >/dev/null
}

model() {
    printf '%s\n' "$1" >"$world/mode"
}

start_server() {
    # The reader's own settings are no part of a drill.
    begin server env -u NAVI_SCRIPT -u ANTHROPIC_API_KEY -u OPENROUTER_API_KEY -u GROQ_API_KEY -u GOOGLE_API_KEY \
        NAVI_DATA_DIR="$world/data" OPENAI_API_KEY=for-a-drill OPENAI_BASE_URL="http://127.0.0.1:$provider_port/v1" \
        NAVI_DEFAULT_MODEL=openai/gpt-5.2 NAVI_WRITES_PER_MINUTE=0 NAVI_MODEL_PATIENCE_SECONDS=1 \
        NAVI_MODEL_PATIENCE_SECONDS_INTERACTIVE=1 FEEDBACK_ANALYZER_INTERVAL_MINUTES=0 \
        "$navi" serve --migrate --bind "127.0.0.1:$server_port"
    await 60 "readiness" answers "http://127.0.0.1:$server_port/health/ready"
}

start_analyzer() {
    begin analyzer env NAVI_DATA_DIR="$world/data" "$navi" feedback-analyzer --mode daemon --interval 1
}

start_traffic() {
    local token
    mkdir -p "$world/workspace"
    token=$(NAVI_DATA_DIR="$world/data" "$navi" token mint --org acme --user ada --role planner --ttl 1d)
    begin traffic python3 "$here/traffic.py" "http://127.0.0.1:$server_port" "$token" "$world/workspace"
}

# The distribution's Alertmanager reads its templates from /usr/share. Where it was unpacked and not installed, it
# is given the folder of the package there, and that to it alone.
find_templates() {
    with_templates=()
    if [[ ! -e /usr/share/prometheus/alertmanager/default.tmpl && -e $tools/../share/prometheus/alertmanager ]]; then
        # shellcheck disable=SC2016 # the inner shell expands it
        with_templates=(unshare --mount --map-root-user sh -c
            'mount --bind "$1" /usr/share && shift && exec setpriv --pdeathsig TERM "$@"' sh "$tools/../share")
    fi
}

# The rules and routes of production with scaled times, and what they watch.
start_watching() {
    mkdir "$world/prometheus" "$world/alertmanager"
    python3 "$here/scale.py" "$scale" "$root/prometheus" "$world" "$server_port" "$alertmanager_port" "$sink_port"
    "$tools/promtool" check config "$world/prometheus.yml" >>"$world/promtool.log" 2>&1 ||
        { cat "$world/promtool.log" >&2; fail "The scaled rules are not valid."; }
    find_templates
    begin sink python3 "$here/sink.py" "$sink_port" "$world/pages"
    begin alertmanager "${with_templates[@]}" "$tools/alertmanager" --config.file="$world/alertmanager.yml" \
        --storage.path="$world/alertmanager" --web.listen-address="127.0.0.1:$alertmanager_port" \
        --cluster.listen-address=
    begin prometheus "$tools/prometheus" --config.file="$world/prometheus.yml" \
        --storage.tsdb.path="$world/prometheus" --web.listen-address="127.0.0.1:$prometheus_port"
    await 30 "the start of Alertmanager" answers "http://127.0.0.1:$alertmanager_port/-/ready"
    await 30 "the start of Prometheus" answers "http://127.0.0.1:$prometheus_port/-/ready"
}

make_world() {
    world=$(mktemp -d /tmp/navi-drill.XXXXXX)
    touch "$world/pages"
    provider_port=$(free_port) server_port=$(free_port) sink_port=$(free_port)
    prometheus_port=$(free_port) alertmanager_port=$(free_port)
    make_database
    start_database
    make_small_disk
    model ok
    begin provider python3 "$here/provider.py" "$provider_port" "$world/mode"
    start_server
    start_analyzer
    start_traffic
    start_watching
}

end_world() {
    local name
    [[ -n ${world:-} ]] || return 0
    for name in traffic prometheus alertmanager sink analyzer server provider database; do
        case $name in
        database) end "$name" INT ;;
        *) end "$name" ;;
        esac
    done
    if mountpoint --quiet "$world/data"; then
        umount "$world/data"
    fi
    rm -rf --one-file-system "$world"
    world=
}
