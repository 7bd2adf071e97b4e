#!/usr/bin/env bash
# Sets up what is missing and runs every check and test there is, the way CI does. The last line
# counts the tests. Arguments go to the test runner: scripts/test.sh money
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/common.sh
source scripts/common.sh

need_rust
need_postgres
# Builds use the committed descriptions of the queries, which proves that they are complete. The
# tests themselves use a real database.
export SQLX_OFFLINE=true
export INSTA_UPDATE=no

# The seconds of every step, a line each.
times=$(mktemp)
took() {
    printf '%6d s  %s\n' "$2" "$1" >>"$times"
}

# Runs a step silently; what it says is shown when it fails.
step() {
    local name=$1 log status=0 began=$SECONDS
    shift
    say "$name"
    log=$(mktemp)
    "$@" >"$log" 2>&1 || status=$?
    took "$name" $((SECONDS - began))
    if [[ $status != 0 ]]; then
        cat "$log" >&2
        rm -f "$log"
        fail "failed: $*"
    fi
    rm -f "$log"
}

step "format" cargo fmt --check
if shellcheck=$(scripts/shellcheck.sh); then
    step "scripts" "$shellcheck" --external-sources scripts/*.sh scripts/drills/*.sh .ci/run
else
    say "scripts: not checked, shellcheck cannot be installed"
fi
step "lints (the first time everything is built, which takes a few minutes)" \
    cargo clippy --quiet --locked --all-targets -- -D warnings
step "query descriptions" scripts/sqlx-prepare.sh --check
RUSTDOCFLAGS="-D warnings" step "documentation" \
    cargo doc --quiet --locked --no-deps --document-private-items
step "documentation's examples" cargo test --quiet --locked --doc

tools_began=$SECONDS
# A KMS that is not ours. Where it cannot be installed, the tests that need it say so and pass.
if [[ -z ${NAVI_MOTO:-} ]]; then
    NAVI_MOTO=$(scripts/moto.sh) || say "moto: not installed, so KMS is tested with a stub only"
    [[ -z $NAVI_MOTO ]] || export NAVI_MOTO
fi

# A library that verifies signatures of webhooks, likewise.
if [[ -z ${NAVI_STANDARD_WEBHOOKS:-} ]]; then
    NAVI_STANDARD_WEBHOOKS=$(scripts/standard-webhooks.sh) ||
        say "standardwebhooks: not installed, so signatures are tested against the specification's example only"
    [[ -z $NAVI_STANDARD_WEBHOOKS ]] || export NAVI_STANDARD_WEBHOOKS
fi

# The client for browsers and Node, and a browser. The same holds for them.
if [[ -z ${NAVI_CLIENT:-} ]]; then
    NAVI_CLIENT=$(scripts/client.sh) || say "the TypeScript client: not built, so not tested"
    [[ -z $NAVI_CLIENT ]] || export NAVI_CLIENT
fi
# The generator of a Python client from the description, likewise.
if [[ -z ${NAVI_PYTHON_CLIENT:-} ]]; then
    NAVI_PYTHON_CLIENT=$(scripts/python-client.sh) ||
        say "openapi-python-client: not installed, so no Python client is generated"
    [[ -z $NAVI_PYTHON_CLIENT ]] || export NAVI_PYTHON_CLIENT
fi
if [[ -z ${NAVI_BROWSER:-} ]]; then
    NAVI_BROWSER=$(scripts/browser.sh) || say "a browser: not installed, so the page is not tested"
    [[ -z $NAVI_BROWSER ]] || export NAVI_BROWSER
fi

# The program that draws the diagrams of the documents, likewise.
if [[ -z ${NAVI_DIAGRAMS:-} ]]; then
    NAVI_DIAGRAMS=$(scripts/diagrams.sh) || say "Mermaid: not installed, so diagrams are not drawn"
    [[ -z $NAVI_DIAGRAMS ]] || export NAVI_DIAGRAMS
fi

# A proxy that is not ours, likewise.
if [[ -z ${NAVI_NGINX:-} ]]; then
    NAVI_NGINX=$(scripts/nginx.sh) || say "nginx: not to be had, so streams are not tested behind it"
    [[ -z $NAVI_NGINX ]] || export NAVI_NGINX
fi
if [[ -z ${NAVI_PGBOUNCER:-} ]]; then
    NAVI_PGBOUNCER=$(scripts/pgbouncer.sh) || say "PgBouncer: not to be had, so nothing is tested behind it"
    [[ -z $NAVI_PGBOUNCER ]] || export NAVI_PGBOUNCER
fi

# A server of SSH, likewise.
if [[ -z ${NAVI_SSHD:-} ]]; then
    NAVI_SSHD=$(scripts/sshd.sh) || say "sshd: not to be had, so git over SSH is not tested"
    [[ -z $NAVI_SSHD ]] || export NAVI_SSHD
fi

# The reader of traces, likewise.
if [[ -z ${NAVI_OTLP:-} ]]; then
    NAVI_OTLP=$(scripts/otlp.sh) || say "opentelemetry-proto: not installed, so traces are not read back"
    [[ -z $NAVI_OTLP ]] || export NAVI_OTLP
fi

# Prometheus, which watches a server in production, likewise.
if [[ -z ${NAVI_PROMETHEUS:-} ]]; then
    NAVI_PROMETHEUS=$(scripts/prometheus.sh) || say "Prometheus: not to be had, so rules and dashboards are not tested with it"
    [[ -z $NAVI_PROMETHEUS ]] || export NAVI_PROMETHEUS
fi

# The programs that read manifests and infrastructure, likewise.
if [[ -z ${NAVI_MANIFESTS:-} ]]; then
    NAVI_MANIFESTS=$(scripts/manifests.sh) || say "kubectl: not to be had, so the manifests are not tested"
    [[ -z $NAVI_MANIFESTS ]] || export NAVI_MANIFESTS
fi
if [[ -z ${NAVI_HCL:-} ]]; then
    NAVI_HCL=$(scripts/terraform.sh) || say "python-hcl2: not installed, so the infrastructure is not tested"
    [[ -z $NAVI_HCL ]] || export NAVI_HCL
fi

took "tools that are not ours, which are installed once" $((SECONDS - tools_began))

# `thorough` leaves nothing out, see .config/nextest.toml.
profile=${TEST_PROFILE:-default}

# Adds up what the runners say, and prints the sum as the last line.
report() {
    awk '/^test result:/ { passed += $4; failed += $6; skipped += $8 }
         /^ *Summary / {
             for (i = 1; i < NF; i++) {
                 if ($(i + 1) ~ /^passed/) passed += $i
                 if ($(i + 1) ~ /^(failed|timed)/) failed += $i
                 if ($(i + 1) ~ /^skipped/) skipped += $i
             }
         }
         END { printf "%d tests run: %d passed, %d failed, %d skipped\n",
                      passed + failed, passed, failed, skipped }' "$1"
}

log=$(mktemp)
trap 'rm -f "$log" "$times"' EXIT
status=0
tests_began=$SECONDS
if cargo nextest --version >/dev/null 2>&1; then
    say "tests ($profile)"
    # Unit tests share one process: to start the binary for each of them takes longer than most take.
    cargo test --quiet --locked --lib -- "$@" >"$log" 2>&1 || status=$?
    [[ $status == 0 ]] || cat "$log" >&2
    scripts/with-postgres.sh cargo nextest run --locked --cargo-quiet --profile "$profile" \
        --show-progress none --status-level fail --final-status-level fail \
        --no-tests pass -E 'not kind(lib)' "$@" 2>&1 | tee -a "$log" >&2 || status=$?
else
    # Without nextest: all tests, whatever the profile. Tests that start whole clusters share the
    # machine badly with themselves, so there are fewer threads.
    say "tests"
    scripts/with-postgres.sh cargo test --quiet --locked --no-fail-fast --lib --bins --tests -- \
        --test-threads 4 "$@" >"$log" 2>&1 || status=$?
    [[ $status == 0 ]] || cat "$log" >&2
fi
took "tests" $((SECONDS - tests_began))
sort --numeric-sort --reverse "$times" >&2
report "$log"
exit "$status"
