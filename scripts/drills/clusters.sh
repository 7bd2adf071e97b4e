# Clusters of Postgres below the world of a drill, sourced after world.sh: made, copied, started, promoted.
# shellcheck shell=bash disable=SC2034,SC2154 # the drill sets world

# Their ports, which are also in the names of their sockets.
declare -A ports

# Sets whom Postgres runs as: it refuses to be root.
find_user() {
    as_postgres=()
    if [[ $(id -u) == 0 ]]; then
        local user=postgres
        id "$user" >/dev/null 2>&1 || user=nobody
        chmod 711 "$world"
        as_postgres=("--reuid=$user" "--regid=$(id -g "$user")" --clear-groups)
    fi
}

# A folder that Postgres may write: FOLDER
own_folder() {
    install -d -m 0711 ${as_postgres[0]:+-o "${as_postgres[0]#*=}"} "$1"
}

# Runs a program of Postgres as its user: PROGRAM ARGUMENT…
of_postgres() {
    local program=$1
    shift
    (cd / && env -i LC_ALL=C PATH="$PATH" PGPASSWORD="${PGPASSWORD:-}" setpriv "${as_postgres[@]}" "$(postgres_bin)/$program" "$@")
}

# Makes a cluster whose superuser is navi, with a database for the server: NAME
make_cluster() {
    own_folder "$world/$1"
    of_postgres initdb --pgdata "$world/$1/data" --username navi --auth trust --encoding UTF8 --locale C.UTF-8 \
        --no-sync >"$world/$1-initdb.log" 2>&1 || { cat "$world/$1-initdb.log" >&2; fail "initdb failed."; }
}

# Starts a cluster, which listens on a socket in its folder: NAME ARGUMENT…
start_cluster() {
    local name=$1
    shift
    ports[$name]=${ports[$name]:-$(free_port)}
    begin "$name" "${as_postgres[@]}" env -i LC_ALL=C PATH="$PATH" "$(postgres_bin)/postgres" -D "$world/$name/data" \
        -k "$world/$name" -p "${ports[$name]}" -c listen_addresses= -c unix_socket_permissions=0777 "$@"
    await 60 "the start of Postgres ($name)" in_cluster "$name" 'select 1'
}

# The address of a database by its cluster's socket: NAME [DATABASE]
address_of() {
    printf 'postgres://navi@localhost/%s?host=%s&port=%s\n' "${2:-postgres}" "$world/$1" "${ports[$1]}"
}

# The answer of a query on a cluster: NAME SQL
in_cluster() {
    "$(postgres_bin)/psql" --quiet --no-psqlrc --tuples-only --no-align --set ON_ERROR_STOP=1 --command "$2" \
        "$(address_of "$1")"
}

# The rows of every table: NAME [DATABASE]
rows_of() {
    "$(postgres_bin)/psql" --quiet --no-psqlrc --tuples-only --no-align --set ON_ERROR_STOP=1 \
        "$(address_of "$@")" --command "
        select format('%s %s', relname, (xpath('/row/c/text()', query_to_xml(format('select count(*) as c from %I', relname),
            false, true, '')))[1])
        from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition order by 1"
}

# Keys that no other server has, in a file of their own as they are kept apart.
make_keys() {
    {
        printf 'JWT_SECRET=%s\n' "$("$navi" keys generate jwt)"
        printf 'AUDIT_ENCRYPTION_KEY=%s\n' "$("$navi" keys generate audit)"
        printf 'DEV_ENCRYPTION_KEY=%s\n' "$("$navi" keys generate audit)"
    } >"$1"
}

# Sets `with` to what runs a command with the keys of a file, a data folder and a database: KEYS DATA URL [SETTING=VALUE…]
prepare() {
    local keys=$1 data=$2 url=$3
    shift 3
    # shellcheck disable=SC2016 # the inner shell expands it
    with=(env -i PATH="$PATH" HOME="$world" DATABASE_URL="$url" NAVI_DATA_DIR="$data" APP_ENV=development
        NAVI_WRITES_PER_MINUTE=0 NAVI_TELEMETRY_BATCHES_PER_MINUTE=0 NAVI_TELEMETRY_EVENTS_PER_MINUTE=0
        NAVI_SCRIPT="$world/script.json" NAVI_DEFAULT_MODEL=scripted/scripted NAVI_LEASE_SECONDS=5 "$@"
        bash -c 'set -a; . "$1"; set +a; shift; exec "$@"' bash "$keys")
}

# A model that is a script: it makes a file, waits, makes another and is done.
write_script() {
    cat >"$world/script.json" <<'SCRIPT'
{"turns": [
    {"calls": [{"name": "write_file", "arguments": {"path": "first", "content": "one\n"}}]},
    {"calls": [{"name": "run_command", "arguments": {"command": "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 1; done"}}]},
    {"calls": [{"name": "write_file", "arguments": {"path": "second", "content": "two\n"}}]},
    {"say": ["Done."]}
]}
SCRIPT
}

# Asks for something as ada of acme: TOKEN METHOD URL [BODY]
ask() {
    curl --silent --max-time 10 --request "$2" --header "Authorization: Bearer $1" ${4:+--json "$4"} "$3"
}

# A member of an answer: NAME…
member() {
    python3 -c 'import json, sys
answer = json.load(sys.stdin)
for name in sys.argv[1:]:
    answer = answer[name]
print(answer)' "$@"
}

# Asks for a job in a workspace of its own and prints its id: TOKEN BASE NAME
begin_job() {
    mkdir -p "$world/workspaces/$3"
    ask "$1" POST "$2/api/jobs" "{\"message\": \"do it\", \"workspace_path\": \"$world/workspaces/$3\"}" | member job job_id
}

# True if a job has completed: TOKEN BASE ID
job_is_done() {
    [[ $(ask "$1" GET "$2/api/jobs/$3" | member job status) == completed ]]
}

# True if every acknowledged event is in the table, once: NAME FILE [DATABASE]
all_are_there() {
    local acknowledged found twice
    acknowledged=$(cut --fields 2 "$2" | sort --unique)
    found=$("$(postgres_bin)/psql" --quiet --no-psqlrc --tuples-only --no-align "$(address_of "$1" "${3:-postgres}")" \
        --command "select event_data->>'number' from telemetry_events where event_type = 'drill.number'" | sort)
    twice=$(uniq --repeated <<<"$found")
    [[ -z $twice ]] || { say "There twice: $(head -n 3 <<<"$twice")"; return 1; }
    local lost
    lost=$(comm -23 <(printf '%s\n' "$acknowledged") <(printf '%s\n' "$found"))
    [[ -z $lost ]] || { say "Acknowledged and lost: $(wc -l <<<"$lost"), such as $(head -n 1 <<<"$lost")"; return 1; }
}
