"""Objectives, the budgets that are left, and the signals of the service."""

from panels import falling, prom, rising, row, series, stat

ABOUT = {
    "uid": "navi-slo",
    "title": "NAVI - Objectives and Signals",
    "about": "Whether objectives are met, how much may still fail, and what the service, its database and its processes do.",
    "tags": ["slo"],
    "since": "now-24h",
    "runbooks": ["slo-budget", "http-errors", "server-down", "database-failures"],
}

# Probes, scrapes and routes that are not built are no requests of people. The objectives themselves are
# defined in prometheus/slos.toml; here they are computed from what is measured, so that the dashboard
# shows something also where the recording rules are not loaded.
PEOPLE = 'job="$job",path!~"/health.*|/metrics|/ping|/version|/api/telemetry/health|<not built>"'
REPORTS = 'job="$job",method="POST",path="/api/telemetry"'


def share(good, every, within):
    """The share of events that were good, where there were any."""
    return f"sum(rate({good}[{within}])) / (sum(rate({every}[{within}])) > 0)"


def failed(within):
    return "(" + share(f'http_requests_total{{{PEOPLE},status=~"5.."}}', f"http_requests_total{{{PEOPLE}}}", within) + ")"


def answers(within):
    name = "http_request_duration_seconds"
    return share(f'{name}_bucket{{job="$job",kind="answer",le="5"}}', f'{name}_count{{job="$job",kind="answer"}}', within)


def first_token(within):
    name = "navi_llm_time_to_first_token_seconds"
    return share(f'{name}_bucket{{job="$job",le="5"}}', f'{name}_count{{job="$job"}}', within)


def model_time(within):
    name = "aep_llm_latency_ms"
    return share(f'{name}_bucket{{job="$job",le="5000"}}', f'{name}_count{{job="$job"}}', within)


def model_errors(within):
    name = "aep_llm_calls_total"
    return share(f'{name}{{job="$job",status=~"error|timeout"}}', f'{name}{{job="$job",status!="cancelled"}}', within)


def tasks(within):
    name = "aep_task_completion_time_ms_count"
    return share(f'{name}{{job="$job",status="success"}}', f'{name}{{job="$job",status!="cancelled"}}', within)


def reports(within):
    return share(f'http_requests_total{{{REPORTS},status=~"2.."}}', f'http_requests_total{{{REPORTS},status=~"2..|5.."}}', within)


def http(quantile, kind):
    return f'histogram_quantile({quantile}, sum by (le) (rate(http_request_duration_seconds_bucket{{job="$job",kind="{kind}"}}[$__rate_interval])))'


SHARE = {"least": 0, "most": 1}

PARTS = [
    row("Objectives, over thirty days"),
    stat("Availability", "Requests that did not fail on our side; the objective is 99.5 %.", prom(f"1 - {failed('30d')}"), "percentunit", falling(0.995, 0.997), decimals=3, none="no requests", runbooks=["http-errors"], **SHARE),
    stat("Budget that is left", "Of the 0.5 % of requests that may fail in thirty days. Below zero it is spent.", prom(f"1 - {failed('30d')} / 0.005"), "percentunit", falling(0.25, 0.5), none="no requests", runbooks=["slo-budget"]),
    stat("Answers within 5 s", "Answers other than streams; the objective is 95 %.", prom(answers("30d")), "percentunit", falling(0.95, 0.97), decimals=2, none="no requests", runbooks=["slow-answers"], **SHARE),
    stat("First token within 5 s", "Calls to models; the objective is 95 %.", prom(first_token("30d")), "percentunit", falling(0.95, 0.97), decimals=2, none="no calls", runbooks=["slow-models"], **SHARE),
    stat("Whole call within 5 s", "Calls to models; the objective is 95 %.", prom(model_time("30d")), "percentunit", falling(0.95, 0.97), decimals=2, none="no calls", runbooks=["slow-models"], **SHARE),
    stat("Calls to models that failed", "Of those that were not cancelled; the objective is less than 1 %.", prom(model_errors("30d")), "percentunit", rising(0.005, 0.01), decimals=2, none="no calls", runbooks=["llm-api-outage"], **SHARE),
    stat("Tasks that succeeded", "Of those that were not cancelled; the objective is 95 %.", prom(tasks("30d")), "percentunit", falling(0.95, 0.97), decimals=2, none="no tasks", runbooks=["failing-tasks"], **SHARE),
    stat("Reports of clients kept", "Batches of telemetry that could be stored and were; the objective is 99.9 %.", prom(reports("30d")), "percentunit", falling(0.999, 0.9995), decimals=3, none="no batches", runbooks=["telemetry-refused"], **SHARE),
    stat("Audit records lost", "The objective is none.", prom('sum(increase(navi_audit_records_lost_total{job="$job"}[30d]))'), "short", rising(1, 1), decimals=0, runbooks=["audit-failures"]),
    stat("Cost of the last hour", "Of calls whose price is known.", prom('sum(increase(aep_llm_cost_usd_total{job="$job"}[1h]))'), "currencyUSD", rising(50, 100), runbooks=["high-llm-costs"]),
    stat("Analyzer's last success", "How long ago a pass last looked at every organisation that was due; the objective is an hour.", prom('time() - max(navi_analyzer_last_success_timestamp_seconds{job="$job"})'), "s", rising(1800, 3600), runbooks=["analyzer-stale"]),
    stat("Servers that are ready", "Processes that should be sent requests.", prom('sum(navi_ready{job="$job"})'), "short", falling(1, 1), decimals=0, runbooks=["server-down"]),
    series("How fast the budget is spent", "1 spends it in exactly thirty days. 14.4 over an hour, or 6 over six hours, wakes somebody.", [prom(f"{failed(window)} / 0.005", window) for window in ("5m", "1h", "6h", "3d")], "none", limit=14.4, runbooks=["http-errors", "slo-budget"]),
    series("Objectives, over an hour", "The hour before each moment.", [
        prom(f"1 - {failed('1h')}", "availability"),
        prom(answers("1h"), "answers within 5 s"),
        prom(first_token("1h"), "first token within 5 s"),
        prom(model_time("1h"), "whole call within 5 s"),
        prom(f"1 - ({model_errors('1h')})", "calls that did not fail"),
        prom(tasks("1h"), "tasks that succeeded"),
        prom(reports("1h"), "reports of clients kept"),
    ], "percentunit", most=1, runbooks=["slo-budget"]),

    row("Requests"),
    series("Requests", "Requests a second by the class of their answer, without probes.", prom(f'sum by (class) (label_replace(rate(http_requests_total{{{PEOPLE}}}[$__rate_interval]), "class", "${{1}}xx", "status", "(.)..")) > 0', "{{class}}"), "reqps", wide=8, stacked=True),
    series("Requests by route", "The ten busiest, without probes.", prom(f'topk(10, sum by (method, path) (rate(http_requests_total{{{PEOPLE}}}[$__rate_interval]))) > 0', "{{method}} {{path}}"), "reqps", wide=8),
    series("Duration of answers", "Until the last byte. Streams, which last as long as their run, and probes are not in it.", [prom(http(q, "answer"), name) for q, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))], "s", wide=8, limit=5, runbooks=["slow-answers"]),
    series("Failed and refused", "Shares of requests: 5xx on our side, 401 and 403 not let in, 429 too many.", [
        prom(failed("$__rate_interval"), "5xx"),
        prom(f'sum(rate(http_requests_total{{{PEOPLE},status=~"401|403"}}[$__rate_interval])) / (sum(rate(http_requests_total{{{PEOPLE}}}[$__rate_interval])) > 0)', "401 403"),
        prom(f'sum(rate(http_requests_total{{{PEOPLE},status="429"}}[$__rate_interval])) / (sum(rate(http_requests_total{{{PEOPLE}}}[$__rate_interval])) > 0)', "429"),
    ], "percentunit", limit=0.01, most=1, runbooks=["auth-issues", "http-errors"]),
    series("What clients see of models", "As clients reported it: the first token, whole streams, and generations of their own.", [
        prom('histogram_quantile(0.95, sum by (le) (rate(navi_client_time_to_first_token_seconds_bucket{job="$job"}[$__rate_interval])))', "first token, p95"),
        prom('histogram_quantile(0.95, sum by (le) (rate(navi_client_stream_duration_seconds_bucket{job="$job"}[$__rate_interval])))', "stream, p95"),
        prom('histogram_quantile(0.95, sum by (le) (rate(navi_client_generation_seconds_bucket{job="$job"}[$__rate_interval])))', "generation, p95"),
    ], "s", runbooks=["slow-models"]),

    row("Queues and the database"),
    series("Runs and streams", "Worked on, waiting for a worker, and streams that are open.", [
        prom('sum(navi_runs_active{job="$job"})', "runs active"),
        prom('max(navi_runs_waiting{job="$job"})', "runs waiting"),
        prom('sum(navi_streams_open{job="$job"})', "streams open"),
    ], "short", wide=8, runbooks=["stuck-runs"]),
    series("Database connections", "Of each process, by state, and callers that wait for one.", [
        prom('sum by (instance, state) (navi_db_connections{job="$job"})', "{{instance}} {{state}}"),
        prom('sum by (instance) (navi_db_waiting_callers{job="$job"})', "{{instance}} waiting"),
    ], "short", wide=8, runbooks=["database-failures"]),
    series("Rows that wait", "Rows of accounting and of the audit log. They are written within seconds; queues that grow mean that the database does not take them.", [
        prom('sum(navi_ledger_queue_depth{job="$job"})', "accounting"),
        prom('sum(navi_audit_queue_depth{job="$job"})', "audit log"),
    ], "short", wide=8, runbooks=["database-failures", "audit-failures"]),
    series("Audit log", "Records a second, and attempts that failed.", [
        prom('sum(rate(navi_audit_records_total{job="$job"}[$__rate_interval]))', "records"),
        prom('sum(rate(navi_audit_failures_total{job="$job"}[$__rate_interval]))', "failed"),
        prom('sum(rate(navi_audit_checkpoint_failures_total{job="$job"}[$__rate_interval]))', "checkpoints failed"),
    ], "cps", wide=8, runbooks=["audit-failures"]),
    series("Events of clients", "Events a second: stored, stored before, rejected.", prom('sum by (outcome) (rate(navi_telemetry_events_total{job="$job"}[$__rate_interval]))', "{{outcome}}"), "cps", wide=8, stacked=True, runbooks=["telemetry-refused"]),
    series("Errors of providers", "In an hour's time, by provider and kind.", prom('sum by (provider, error_type) (increase(aep_provider_errors_total{job="$job"}[1h])) > 0', "{{provider}} {{error_type}}"), "short", wide=8, stacked=True, bars=True, runbooks=["llm-api-outage"]),

    row("Processes"),
    series("Checks of readiness", "1 passes, 0 does not.", prom('min by (check) (navi_health_check_ok{job="$job"})', "{{check}}"), "none", wide=8, most=1, runbooks=["server-down", "database-failures"]),
    series("Room on disks", "Free, of each disk that a server writes to.", prom('min by (place) (navi_disk_free_bytes{job="$job"} / (navi_disk_size_bytes{job="$job"} > 0))', "{{place}}"), "percentunit", wide=8, most=1, runbooks=["disk-full"]),
    stat("Retention's last success", "How long ago; since 1970 before the first.", prom('time() - max(navi_retention_last_success_timestamp_seconds{job="$job"})'), "s", rising(7200, 14400), runbooks=["retention-failing"]),
    stat("Servers that answer", "Processes that Prometheus reaches.", prom('sum(up{job="$job"})'), "short", falling(1, 1), decimals=0, runbooks=["server-down"]),
    series("Memory", "Resident, of each process.", prom('process_resident_memory_bytes{job="$job"}', "{{instance}}"), "bytes", wide=8),
    series("Processor", "Cores that are used, of each process.", prom('rate(process_cpu_seconds_total{job="$job"}[$__rate_interval])', "{{instance}}"), "none", wide=8),
    series("Open files", "Of each process, and how many it may have.", [prom('process_open_fds{job="$job"}', "{{instance}} open"), prom('process_max_fds{job="$job"}', "{{instance}} allowed")], "short", wide=8, runbooks=["server-down"]),
]
