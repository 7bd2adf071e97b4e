#!/usr/bin/env bash
# Starts systemd/navi.service under a systemd of its own, with a Postgres beside it, and has a run work in it:
#
#     scripts/unit.sh
#
# The machine is a folder with the distribution's packages, made by debootstrap and started by systemd-nspawn. It is
# done as systemd/README.md says. Wants root. The program is NAVI_BINARY, or else target/debug/navi; UNIT_FOLDER keeps
# the packages for the next time.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/common.sh
source "$root/scripts/common.sh"

navi=${NAVI_BINARY:-$root/target/debug/navi}
[[ $(id -u) == 0 ]] || fail "Only root may start a machine here."
[[ -x $navi ]] || fail "There is no $navi. Build it with cargo build, or set NAVI_BINARY."
command -v debootstrap >/dev/null || install_packages debootstrap debootstrap
command -v systemd-nspawn >/dev/null || install_packages systemd-nspawn systemd-container
folder=${UNIT_FOLDER:-$(mktemp -d /tmp/navi-unit.XXXXXX)}
machine=$folder/machine
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
nspawn=
first=

# shellcheck disable=SC2317,SC2329 # the trap calls it
finish() {
    if [[ -n $nspawn ]]; then
        kill -TERM "$nspawn" 2>/dev/null || true
        wait "$nspawn" 2>/dev/null || true
    fi
    rm -rf --one-file-system "$machine"
    [[ -n ${UNIT_FOLDER:-} ]] || rm -rf --one-file-system "$folder"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

within() {
    nsenter --target "$first" --mount --uts --ipc --net --pid -- "$@"
}

# Waits until a command succeeds: SECONDS WHAT COMMAND…
await() {
    local until=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        if [[ $SECONDS -ge $until ]]; then
            within journalctl --unit navi --no-pager --output cat --lines 20 >&2 || true
            fail "$what did not happen in time."
        fi
        sleep 0.2
    done
}

packages() {
    [[ ! -e $folder/packages/complete ]] || return 0
    say "Fetching the distribution's packages for a machine."
    rm -rf "$folder/packages"
    mkdir -p "$folder/packages"
    debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,postgresql,ca-certificates,git,curl,python3 \
        bookworm "$folder/packages/root" http://deb.debian.org/debian >"$folder/debootstrap.log" 2>&1 ||
        { tail -n 5 "$folder/debootstrap.log" >&2; fail "debootstrap failed; see above."; }
    touch "$folder/packages/complete"
}

# It shares the network of this machine, so Postgres listens on its socket alone. systemd-nspawn has no list of system
# calls that knows Landlock yet.
start_machine() {
    rm -rf "$machine"
    cp -a "$folder/packages/root" "$machine"
    mkdir -p "$machine/etc/postgresql-common/createcluster.d"
    printf "listen_addresses = ''\n" >"$machine/etc/postgresql-common/createcluster.d/socket.conf"
    rm -rf "$machine/etc/postgresql/15" "$machine/var/lib/postgresql/15"
    chroot "$machine" pg_createcluster 15 main >/dev/null
    sed -i "s/^#\?listen_addresses.*/listen_addresses = ''/" "$machine/etc/postgresql/15/main/postgresql.conf"
    install -m 0755 "$navi" "$machine/usr/local/bin/navi"
    systemd-nspawn --quiet --keep-unit --register=no --directory "$machine" --boot --console=pipe \
        --system-call-filter="landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp mount_setattr open_tree move_mount" \
        </dev/null >"$folder/nspawn.log" 2>&1 &
    nspawn=$!
    local until=$((SECONDS + 60))
    until first=$(pgrep --parent "$nspawn") && within systemctl is-system-running >/dev/null 2>&1; do
        [[ $SECONDS -lt $until ]] || { cat "$folder/nspawn.log" >&2; fail "The machine does not start."; }
        sleep 0.5
    done
    await 60 "the start of Postgres" within test -S /run/postgresql/.s.PGSQL.5432
}

# Follows the README.md of the units, with a model that is a script.
set_up() {
    install -m 0644 "$root/systemd/navi.service" "$machine/etc/systemd/system/navi.service"
    cat >"$machine/root/set-up.sh" <<'SET_UP'
set -euo pipefail
useradd --system --home-dir /var/lib/navi --shell /usr/sbin/nologin navi
install -d -m 0700 /etc/navi
install -d -m 0750 -o navi -g navi /srv/navi/workspaces /srv/navi/workspaces/acme
su postgres -s /bin/sh -c 'createuser navi && createdb --owner navi navi_production'
umask 077
echo 'postgres://navi@/navi_production?host=/run/postgresql' > /etc/navi/database-url
{
  echo "JWT_SECRET=$(navi keys generate jwt)"
  echo "AUDIT_ENCRYPTION_KEY=$(navi keys generate audit)"
  echo "AUDIT_ENCRYPTION_KEY_ID=first"
} > /etc/navi/secrets.env
cat > /srv/navi/workspaces/acme/attempts.sh <<'ATTEMPTS'
echo "user $(id -u -n)"
grep -E '^(NoNewPrivs|Seccomp|CapEff):' /proc/self/status
for path in /etc/navi/secrets.env /var/lib/navi /run/postgresql /run/credentials /proc/1/environ; do
  if ls "$path" >/dev/null 2>&1 && cat "$path" >/dev/null 2>&1; then echo "read $path"; fi
done
touch here && echo wrote the workspace
touch /usr/local/bin/there 2>/dev/null && echo wrote a program
exit 0
ATTEMPTS
chown navi:navi /srv/navi/workspaces/acme/attempts.sh
SET_UP
    within bash /root/set-up.sh
    cat >"$machine/etc/navi/navi.env" <<SETTINGS
APP_ENV=production
NAVI_BIND=127.0.0.1:$port
NAVI_WORKSPACE_ROOTS=/srv/navi/workspaces
NAVI_CONNECTORS=none
TOKEN_ENCRYPTION_KEY_ID=arn:aws:kms:eu-central-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef
NAVI_POLICY=sandboxed
SETTINGS
    within systemctl daemon-reload
}

health() {
    curl --silent --fail --max-time 3 "http://127.0.0.1:$port/health/ready"
}

# True if the server is another process by now: PID
is_another() {
    local now
    now=$(within systemctl show navi --property MainPID --value)
    [[ $now != 0 && $now != "$1" ]]
}

# The shell that docs/ONCALL.md opens beside the service, with its input from here in the place of a terminal.
prepared_shell() {
    local shell common
    shell=$(sed -n '/^systemd-run /,/^```$/p' "$root/docs/ONCALL.md" | sed '$d')
    common=$(sed -n '/^navi=http/,/^```$/p' "$root/docs/ONCALL.md" | sed '$d')
    within bash -c "${shell/--pty/--pipe}" <<COMMANDS
set -euo pipefail
${common/127.0.0.1:8787/127.0.0.1:$port}
navi migrate --check
psql "\$DATABASE_URL" --no-psqlrc --tuples-only --command 'select current_user'
COMMANDS
}

# In development, because production has no scripted model.
with_a_script() {
    sed -i 's/^APP_ENV=.*/APP_ENV=development/; /^TOKEN_ENCRYPTION/d' "$machine/etc/navi/navi.env"
    printf 'NAVI_SCRIPT=/srv/navi/script.json\nNAVI_DEFAULT_MODEL=scripted/scripted\n' >>"$machine/etc/navi/navi.env"
    cat >"$machine/srv/navi/script.json" <<'SCRIPT'
{"turns": [{"calls": [{"name": "run_command", "arguments": {"command": "sh attempts.sh"}}]}, {"say": ["Done."]}]}
SCRIPT
    within systemctl restart navi
    await 60 "readiness" health
}

# The output of the run's command.
run() {
    local token
    token=$(within env -i PATH=/usr/local/bin:/usr/bin:/bin bash -c 'set -a; . /etc/navi/navi.env; . /etc/navi/secrets.env
        exec setpriv --reuid=navi --regid=navi --clear-groups env DATABASE_URL="postgres://navi@/navi_production?host=/run/postgresql" \
            navi token mint --org acme --user ada --role planner --ttl 10m')
    curl --silent --no-buffer --max-time 60 --header "Authorization: Bearer $token" --json \
        '{"message": "try it", "workspace_path": "/srv/navi/workspaces/acme"}' \
        "http://127.0.0.1:$port/api/navi/chat/autonomous" >"$folder/run.log"
    python3 - "$folder/run.log" <<'LINES'
import json, sys
for line in open(sys.argv[1]):
    if line.startswith("data: {"):
        event = json.loads(line[6:])
        if event.get("type") == "command_output":
            print(event.get("line", ""))
LINES
}

packages
start_machine
set_up
within systemctl start navi
await 60 "readiness" health
tier=$(health | python3 -c 'import json, sys
print(next(check["detail"] for check in json.load(sys.stdin)["checks"] if check["name"] == "sandbox"))')
say "In production: $tier."
[[ $tier == "commands are contained: full"* ]] || fail "The unit takes something away that the sandbox needs."
prepared_shell >"$folder/shell.log" 2>&1 || { cat "$folder/shell.log" >&2; fail "The prepared shell of docs/ONCALL.md lacks something."; }
main=$(within systemctl show navi --property MainPID --value)
within systemctl kill --kill-whom=main --signal=KILL navi
await 30 "a new start after a kill" is_another "$main"
await 60 "readiness after a kill" health
with_a_script
run >"$folder/output.log"
expected=$'user navi\nNoNewPrivs:\t1\nSeccomp:\t2\nCapEff:\t0000000000000000\nwrote the workspace'
[[ $(sort "$folder/output.log") == $(sort <<<"$expected") ]] || { cat "$folder/output.log" "$folder/run.log" >&2; fail "A command of a run does not see what it should."; }
within systemctl stop navi
[[ $(within systemctl show navi --property Result --value) == success ]] || fail "The unit does not end well."
say "A run worked in it, a kill was followed by a start, and it ended well."
systemd-analyze security --offline=true --no-pager "$root/systemd/navi.service" | tail -n 1
