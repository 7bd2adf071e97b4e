"""Errors: of clients, of the server and of runs, and what the server could not record."""

from panels import bars, falling, pie, prom, rising, row, series, sql, stat, table

ABOUT = {
    "uid": "navi-errors",
    "title": "NAVI - Error Tracking",
    "about": "Errors of clients, of the server and of runs; requests that failed; what could not be recorded.",
    "tags": ["errors"],
    "since": "now-24h",
    "runbooks": ["http-errors", "auth-issues", "database-failures", "llm-api-outage"],
}

EVENTS = "from error_events where $__timeFilter(created_at) and org_id in (${org:sqlstring})"


def by(column, least=""):
    return sql(f"""
        select $__timeGroupAlias(created_at, $__interval), {column} as metric, count(*)::float8 as value
        {EVENTS} {least} group by 1, 2 order by 1""", over_time=True)


PARTS = [
    row("In the chosen time"),
    stat("Errors", "Of clients, of the server and of runs.", sql(f"select count(*) as errors {EVENTS}"), "short", rising(10, 50), decimals=0),
    stat("Errors of this server", "Requests and background work that failed on our side.", sql(f"select count(*) as errors {EVENTS} and source = 'server'"), "short", rising(1, 10), decimals=0, runbooks=["http-errors"]),
    stat("Critical and not resolved", "Errors of severity critical that belong to no resolved group, of the chosen time.", sql(f"select count(*) as errors {EVENTS} and severity = 'critical' and resolved = 0"), "short", rising(1, 5), decimals=0, runbooks=["database-failures"]),
    stat("Resolved", "Errors that somebody resolved, with their group.", sql(f"select count(*) filter (where resolved = 1)::float8 / nullif(count(*), 0) as share {EVENTS}"), "percentunit", falling(0.5, 0.8), none="no errors", least=0, most=1),
    stat("Groups that came back", "Groups that were resolved, and happened again in a later version.", sql("""
        select count(*) as groups from error_groups
        where status = 'regressed' and $__timeFilter(regressed_at) and org_id in (${org:sqlstring})"""), "short", rising(1, 5), decimals=0),
    stat("Requests that failed", "Answers of 500 and above, without probes and without routes that are not built.", prom('sum(increase(http_requests_total{job="$job",status=~"5..",path!~"/health.*|/metrics|/ping|/version|/api/telemetry/health|<not built>"}[$__range])) / (sum(increase(http_requests_total{job="$job",path!~"/health.*|/metrics|/ping|/version|/api/telemetry/health|<not built>"}[$__range])) > 0)'), "percentunit", rising(0.005, 0.01), none="no requests", least=0, most=1, runbooks=["http-errors"]),

    row("Errors"),
    series("Errors by kind", "By the type of the error.", by("error_type"), "short", stacked=True, bars=True, interval="1m"),
    series("Errors by severity", "As clients said, or as they were classed here.", by("severity"), "short", stacked=True, bars=True, interval="1m"),
    pie("Kinds", "The ten most frequent types.", sql(f"select error_type, count(*)::float8 as errors {EVENTS} group by 1 order by 2 desc limit 10")),
    pie("Where they come from", "Clients, this server, or runs that failed.", sql(f"select source, count(*)::float8 as errors {EVENTS} group by 1 order by 2 desc")),
    pie("Groups", "Groups that were seen in the chosen time: open, resolved, come back.", sql("""
        select status, count(*)::float8 as groups
        from error_groups join error_group_activity using (org_id, group_id)
        where $__timeFilter(last_seen) and org_id in (${org:sqlstring}) group by 1 order by 2 desc""")),
    bars("Components", "The twenty components with the most errors.", sql(f"select coalesce(component, '(none)') as component, count(*)::float8 as errors {EVENTS} group by 1 order by 2 desc limit 20")),
    bars("Versions", "The twenty versions of clients and servers with the most errors.", sql(f"select coalesce(version, '(none)') as version, count(*)::float8 as errors {EVENTS} group by 1 order by 2 desc limit 20")),
    table("Groups of errors", "Errors that are one, those seen last at the top. Resolve one with POST /api/telemetry/errors/{id}/resolve.", sql("""
        select last_seen as "Last seen", first_seen as "First seen", org_id as "Organisation", group_id as "Group", status as "Status", severity as "Severity",
               source as "From", error_type as "Type", message as "Message", component as "Component",
               occurrences as "Occurrences", affected_users as "People", regressions as "Came back"
        from error_groups join error_group_activity using (org_id, group_id)
        where $__timeFilter(last_seen) and org_id in (${org:sqlstring}) order by last_seen desc limit 100"""), high=10),
    table("Errors, one by one", "The last hundred of the chosen time. The trace leads to the run, its calls and its cost.", sql("""
        select e.created_at as "When", org_id as "Organisation", e.id as "Error", e.severity as "Severity", e.source as "From",
               e.error_type as "Type", g.message as "Message", e.component as "Component", e.operation as "Operation",
               case e.resolved when 1 then 'resolved' else 'open' end as "Status", e.trace_id as "Trace", e.run_id as "Run"
        from error_events e left join error_groups g using (org_id, group_id)
        where $__timeFilter(e.created_at) and org_id in (${org:sqlstring}) order by e.created_at desc limit 100"""), high=10),

    row("Requests"),
    series("Requests that failed, by route", "Answers of 500 and above in an hour's time.", prom('sum by (method, path) (increase(http_requests_total{job="$job",status=~"5..",path!="<not built>"}[1h])) > 0', "{{method}} {{path}}"), "short", stacked=True, bars=True, runbooks=["http-errors"]),
    series("Requests that were not let in", "Answers of 401, 403 and 429 in an hour's time.", prom('sum by (status) (increase(http_requests_total{job="$job",status=~"401|403|429"}[1h]))', "{{status}}"), "short", stacked=True, bars=True, runbooks=["auth-issues"]),

    row("What clients report"),
    series("Events of clients", "Events a second: stored, stored before, rejected.", prom('sum by (outcome) (rate(navi_telemetry_events_total{job="$job"}[$__rate_interval]))', "{{outcome}}"), "cps", wide=8, stacked=True),
    series("Batches that were refused", "Batches in an hour's time of which nothing was stored, by reason.", prom('sum by (reason) (increase(navi_telemetry_batches_refused_total{job="$job"}[1h]))', "{{reason}}"), "short", wide=8, stacked=True, bars=True, runbooks=["telemetry-refused"]),
    series("What was not recorded", "In an hour's time: errors of the server, records of the audit log that failed or were lost, checkpoints, rows of accounting tried again, tables of retention.", [
        prom('sum(increase(navi_telemetry_errors_lost_total{job="$job"}[1h]))', "errors lost"),
        prom('sum(increase(navi_audit_failures_total{job="$job"}[1h]))', "audit records failed"),
        prom('sum(increase(navi_audit_records_lost_total{job="$job"}[1h]))', "audit records lost"),
        prom('sum(increase(navi_audit_checkpoint_failures_total{job="$job"}[1h]))', "audit checkpoints failed"),
        prom('sum(increase(navi_ledger_write_retries_total{job="$job"}[1h]))', "accounting tried again"),
        prom('sum(increase(navi_retention_failures_total{job="$job"}[1h]))', "retention failed"),
    ], "short", wide=8, runbooks=["audit-failures", "telemetry-refused", "retention-failing"]),
]
