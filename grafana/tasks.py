"""Tasks of the agent: whether they succeed, how long they take, what waits."""

from panels import falling, joined, pie, prom, rising, row, series, sql, stat, table

ABOUT = {
    "uid": "navi-task-metrics",
    "title": "NAVI - Task Metrics",
    "about": "Runs of the agent: success, duration, iterations, retrievals, and the queue.",
    "tags": ["tasks"],
    "since": "now-6h",
    "runbooks": ["failing-tasks", "stuck-runs"],
}

COUNT = 'aep_task_completion_time_ms_count{job="$job"}'
ENDED = 'aep_task_completion_time_ms_count{job="$job",status!="cancelled"}'
GOOD = 'aep_task_completion_time_ms_count{job="$job",status="success"}'
MEAN_ITERATIONS = 'sum by (status) (increase(aep_task_iterations_sum{job="$job"}[$__range])) / (sum by (status) (increase(aep_task_iterations_count{job="$job"}[$__range])) > 0)'
MEAN_TIME = 'sum by (status) (increase(aep_task_completion_time_ms_sum{job="$job"}[$__range])) / (sum by (status) (increase(aep_task_completion_time_ms_count{job="$job"}[$__range])) > 0)'


def duration(quantile, within="$__rate_interval"):
    return f'histogram_quantile({quantile}, sum by (le) (rate(aep_task_completion_time_ms_bucket{{job="$job"}}[{within}])))'


def retrieval(quantile):
    return f'histogram_quantile({quantile}, sum by (le) (rate(aep_rag_retrieval_latency_ms_bucket{{job="$job"}}[$__rate_interval])))'


PARTS = [
    row("In the chosen time"),
    stat("Tasks that succeeded", "Of those that were not cancelled; the objective is 95 %.", prom(f"sum(increase({GOOD}[$__range])) / (sum(increase({ENDED}[$__range])) > 0)"), "percentunit", falling(0.9, 0.95), none="no tasks", least=0, most=1, runbooks=["failing-tasks"]),
    stat("Tasks", "Tasks that ended.", prom(f"sum(increase({COUNT}[$__range]))"), "short", decimals=0),
    stat("Iterations of a task", "Rounds of work and of the project's checks, in the mean. One has any number of calls to models.", prom('sum(increase(aep_task_iterations_sum{job="$job"}[$__range])) / (sum(increase(aep_task_iterations_count{job="$job"}[$__range])) > 0)'), "short", rising(10, 20), none="no tasks", decimals=1),
    stat("Duration, p95", "95 of 100 tasks ended within this time.", prom(duration(0.95, "$__range")), "ms", rising(300000, 1800000), none="no tasks"),
    stat("Waiting", "Runs that wait for a worker now. Every process counts the same ones.", prom('max(navi_runs_waiting{job="$job"})'), "short", rising(5, 20), decimals=0, runbooks=["stuck-runs"]),
    stat("Taken over", "Runs that were taken over from a process that was lost.", prom('sum(increase(navi_lease_takeovers_total{job="$job"}[$__range]))'), "short", rising(1, 5), decimals=0, runbooks=["stuck-runs"]),

    row("Tasks"),
    series("Tasks that ended in an hour, by outcome", "The hour before each moment.", prom(f"sum by (status) (increase({COUNT}[1h]))", "{{status}}"), "short", stacked=True, bars=True),
    series("Tasks that succeeded, over an hour", "Of those that ended in the hour before each moment and were not cancelled.", prom(f"sum(increase({GOOD}[1h])) / (sum(increase({ENDED}[1h])) > 0)", "succeeded"), "percentunit", limit=0.95, most=1, runbooks=["failing-tasks"]),
    series("Duration", "From the start of a task to its end.", [prom(duration(q), name) for q, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))], "ms"),
    series("Iterations of a task, by outcome", "The mean of the hour before each moment.", prom('sum by (status) (increase(aep_task_iterations_sum{job="$job"}[1h])) / (sum by (status) (increase(aep_task_iterations_count{job="$job"}[1h])) > 0)', "{{status}}"), "short"),
    pie("Shares of outcomes", "Shares of the chosen time.", prom(f"sum by (status) (increase({COUNT}[$__range])) > 0", "{{status}}")),
    table("Outcomes", "Of the chosen time.", [
        prom(f"sum by (status) (increase({COUNT}[$__range])) > 0", instant=True),
        prom(f"sum by (status) (increase({COUNT}[$__range])) / on () group_left () (sum(increase({COUNT}[$__range])) > 0) > 0", instant=True),
        prom(MEAN_ITERATIONS, instant=True),
        prom(MEAN_TIME, instant=True),
    ], wide=16, high=8, units={"Share": "percentunit", "Duration": "ms"}, transformations=joined("status", ["Tasks", "Share", "Iterations", "Duration"])),

    row("Work in hand"),
    series("Runs", "Runs that are worked on, and runs that wait for a worker.", [prom('sum(navi_runs_active{job="$job"})', "active"), prom('max(navi_runs_waiting{job="$job"})', "waiting")], "short"),
    series("Streams", "Event streams that are open.", prom('sum by (instance) (navi_streams_open{job="$job"})', "{{instance}}"), "short"),

    row("Retrievals of code"),
    series("Retrievals", "From the question to the chunks.", [prom(retrieval(q), name) for q, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))], "ms", wide=8),
    series("Chunks", "Chunks a second that were retrieved, by phase.", prom('sum by (phase) (rate(aep_rag_chunks_retrieved_total{job="$job"}[$__rate_interval]))', "{{phase}}"), "cps", wide=8),
    series("Connections out of runs", "Connections in an hour's time out of the networks of runs, by what became of them.", prom('sum by (verdict) (increase(navi_egress_connections_total{job="$job"}[1h]))', "{{verdict}}"), "short", wide=8, bars=True, stacked=True),

    row("Exact, from the rows"),
    table("Kinds of task", "Of the chosen time.", sql("""
        select task_type as "Kind", status as "Outcome", count(*) as "Tasks",
               percentile_disc(0.5) within group (order by completion_time_ms) as "Duration p50",
               percentile_disc(0.95) within group (order by completion_time_ms) as "Duration p95",
               sum(llm_time_ms)::float8 / nullif(sum(completion_time_ms), 0) as "Waiting for models",
               avg(llm_iterations)::float8 as "Iterations", avg(total_tokens)::float8 as "Tokens", avg(total_cost)::float8 as "Cost"
        from task_metrics where $__timeFilter(created_at) and org_id in (${org:sqlstring})
        group by 1, 2 order by 3 desc"""),
        units={"Duration p50": "ms", "Duration p95": "ms", "Waiting for models": "percentunit", "Cost": "currencyUSD"}, high=8),
    table("Tasks that failed", "The last hundred of the chosen time. A run and its trace lead to its log, calls and errors.", sql("""
        select created_at as "When", org_id as "Organisation", run_id as "Run", trace_id as "Trace", status as "Outcome", error_type as "Error",
               completion_time_ms as "Duration", llm_iterations as "Iterations", total_cost::float8 as "Cost"
        from task_metrics where $__timeFilter(created_at) and org_id in (${org:sqlstring}) and status in ('error', 'timeout')
        order by created_at desc limit 100"""),
        units={"Duration": "ms", "Cost": "currencyUSD"}, runbooks=["failing-tasks"]),
]
