# The faults, sourced by run.sh: how each is injected and how it is healed.
# shellcheck shell=bash disable=SC2154,SC2317,SC2329 # world.sh sets the world; run.sh calls by name

DRILLS=(model-outage slow-provider error-burst cost-burst database-gone analyzer-stopped disk-nearly-full)
# The alert that has to arrive for each.
declare -A ALERTS=(
    [model-outage]=ProviderFailing
    [slow-provider]=FirstTokenBurn1h
    [error-burst]=AvailabilityBurn1h
    [cost-burst]=CostHourVeryHigh
    [database-gone]=DatabaseUnreachable
    [analyzer-stopped]=AnalyzerStale
    [disk-nearly-full]=DiskNearlyFull
)

alert_of() {
    [[ -n ${ALERTS[$1]:-} ]] || fail "There is no drill $1; there are: ${DRILLS[*]}"
    printf '%s\n' "${ALERTS[$1]}"
}

# The provider answers 503 to everything.
inject_model_outage() { model down; }
heal_model_outage() { model ok; }

# The first token comes after eight seconds.
inject_slow_provider() { model slow; }
heal_slow_provider() { model ok; }

# A table is not where the code looks for it, as after a migration by hand: every list is a 500.
inject_error_burst() { sql 'alter table conversations rename to conversations_elsewhere'; }
heal_error_burst() { sql 'alter table conversations_elsewhere rename to conversations'; }

# Every prompt becomes very long.
inject_cost_burst() { model costly; }
heal_cost_burst() { model ok; }

inject_database_gone() { stop_database; }
heal_database_gone() { start_database; }

inject_analyzer_stopped() { end analyzer; }
heal_analyzer_stopped() { start_analyzer; }

# The data folder lies on a disk of its own, of 64 MiB in memory: the machine's stays as it is.
inject_disk_nearly_full() { head --bytes 62M /dev/zero >"$world/data/filling" 2>/dev/null || true; }
heal_disk_nearly_full() { rm "$world/data/filling"; }
