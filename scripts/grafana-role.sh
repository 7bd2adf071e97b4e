#!/usr/bin/env bash
# Makes the role with which Grafana reads the database, or brings it up to date:
#
#     DATABASE_URL=postgres://… NAVI_GRAFANA_PASSWORD=… scripts/grafana-role.sh
#
# The address is that of the owner of the tables, who may make roles. The password and the name,
# `navi_grafana` unless NAVI_GRAFANA_ROLE says otherwise, go through the environment and stand in no list of
# processes. Run it again after a migration; what it grants stands in grafana/role.sql.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

[[ -n ${DATABASE_URL:-} ]] || fail "DATABASE_URL is missing: the address of the owner of the tables."
[[ -n ${NAVI_GRAFANA_PASSWORD:-} ]] || fail "NAVI_GRAFANA_PASSWORD is missing: the password of the new role."
psql=$(command -v psql || printf '%s/psql' "$(postgres_bin)")
[[ -x $psql ]] || fail "psql 15 or later is missing. Install it with your package manager."
export NAVI_GRAFANA_PASSWORD NAVI_GRAFANA_ROLE=${NAVI_GRAFANA_ROLE:-navi_grafana}
"$psql" "$DATABASE_URL" --quiet --no-psqlrc --tuples-only \
    --file "$(dirname "${BASH_SOURCE[0]}")/../grafana/role.sql"
say "$NAVI_GRAFANA_ROLE reads what the dashboards show."
