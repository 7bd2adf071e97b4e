#!/usr/bin/env bash
# Injects faults into a real server, watched by a real Prometheus and Alertmanager, and takes the time until the
# alert arrives where the pager would be, and until it is resolved after the fault is gone:
#
#     scripts/drills/run.sh                     # every drill
#     scripts/drills/run.sh model-outage        # some of them
#
# Prints a row of docs/drills.md for each. Ends with 1 when an alert came too late or did not resolve. The times of
# rules are divided by DRILL_SCALE (30); the program is NAVI_BINARY, or else target/debug/navi.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source=scripts/common.sh
source "$root/scripts/common.sh"
# shellcheck source=scripts/drills/world.sh
source "$here/world.sh"
# shellcheck source=scripts/drills/faults.sh
source "$here/faults.sh"

scale=${DRILL_SCALE:-30}
navi=${NAVI_BINARY:-$root/target/debug/navi}
# Seconds that a page may come later than its alert promises.
grace=60
# Seconds that the world runs before a fault, so that every window is full of ordinary traffic.
warm=${DRILL_WARM:-45}
# Seconds that a resolution may take.
patience=300

[[ -x $navi ]] || fail "There is no $navi. Build it with cargo build, or set NAVI_BINARY."
command -v python3 >/dev/null || fail "Python 3 is missing."
need_postgres
tools=${NAVI_PROMETHEUS:-$("$root/scripts/prometheus.sh")}

# Seconds since 1970 of a notification about an alert after a time; nothing when there is none: STATUS ALERT SINCE
notified() {
    awk -F '\t' -v status="$1" -v name="$2" -v since="$3" \
        '$1 >= since && $2 == status && $3 == name { print $1; exit }' "$world/pages"
}

# Seconds since 1970 of the first such notification, when it comes in time: SECONDS STATUS ALERT SINCE
wait_for() {
    local until=$((SECONDS + $1)) at
    shift
    while [[ $SECONDS -lt $until ]]; do
        at=$(notified "$@")
        if [[ -n $at ]]; then
            printf '%s\n' "$at"
            return
        fi
        sleep 0.5
    done
    return 1
}

# The receiver of the route that an alert took: ALERT
receiver_of() {
    awk -F '\t' -v name="$1" '$3 == name { print $4; exit }' "$world/pages"
}

between() {
    awk -v from="$1" -v to="$2" 'BEGIN { printf "%.0f", to - from }'
}

# Injects one fault, heals it and prints its row: NAME
drill() {
    local name=$1 alert promise began paged healed resolved verdict=passed
    alert=$(alert_of "$name")
    promise=$(python3 "$here/scale.py" --promise "$scale" "$root/prometheus" "$alert")
    say "$name: injecting; $alert promises to page within $promise s of it, scaled"
    began=$(date +%s.%N)
    "inject_$(tr - _ <<<"$name")"
    if ! paged=$(wait_for $((promise + grace)) firing "$alert" "$began"); then
        verdict="failed: no page within $((promise + grace)) s"
        tail -n 5 "$world/pages" >&2
    fi
    healed=$(date +%s.%N)
    "heal_$(tr - _ <<<"$name")"
    if [[ -n ${paged:-} ]]; then
        resolved=$(wait_for "$patience" resolved "$alert" "$healed") || verdict="failed: not resolved in $patience s"
    fi
    [[ $verdict == passed ]] || failed=1
    # shellcheck disable=SC2016 # Markdown
    printf '| %s | `%s` | %s | 1/%s | %s s | %s | %s | %s |\n' "$name" "$alert" "$(receiver_of "$alert")" "$scale" "$promise" \
        "$([[ -z ${paged:-} ]] || printf '%s s' "$(between "$began" "$paged")")" \
        "$([[ -z ${resolved:-} ]] || printf '%s s' "$(between "$healed" "$resolved")")" "$verdict"
}

[[ $# -gt 0 ]] || set -- "${DRILLS[@]}"
for name in "$@"; do
    alert_of "$name" >/dev/null
done
failed=0
trap 'end_world' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
for name in "$@"; do
    # Each in a world of its own: what one leaves behind in the windows must not page in the next.
    make_world
    for ((left = warm; left > 0; left -= 1)); do
        sleep 1
    done
    drill "$name"
    if [[ -n ${DRILL_KEEP:-} ]]; then
        cp "$world"/*.log "$world/pages" "$DRILL_KEEP"
    fi
    end_world
done
exit "$failed"
