"""Calls to language models: how many, how fast, how often they fail, what they cost."""

from panels import pie, prom, rising, row, series, sql, stat, table

ABOUT = {
    "uid": "navi-llm-metrics",
    "title": "NAVI - LLM Metrics",
    "about": "Calls to language models: rate, latency, failures, tokens and cost.",
    "tags": ["llm"],
    "since": "now-6h",
    "runbooks": ["high-llm-costs", "llm-api-outage", "slow-models"],
}

CALLS = 'aep_llm_calls_total{job="$job"}'
FAILED = 'aep_llm_calls_total{job="$job",status=~"error|timeout"}'
ENDED = 'aep_llm_calls_total{job="$job",status!="cancelled"}'


def latency(quantile, within="$__rate_interval"):
    return f'histogram_quantile({quantile}, sum by (le) (rate(aep_llm_latency_ms_bucket{{job="$job"}}[{within}])))'


def first_token(quantile, within="$__rate_interval"):
    return f'histogram_quantile({quantile}, sum by (le) (rate(navi_llm_time_to_first_token_seconds_bucket{{job="$job"}}[{within}])))'


PARTS = [
    row("In the chosen time"),
    stat("Calls", "Calls to models, whatever became of them.", prom(f"sum(increase({CALLS}[$__range]))"), "short", decimals=0),
    stat("Cost per hour", "What the last hour cost, of calls whose price is known.", prom('sum(increase(aep_llm_cost_usd_total{job="$job"}[1h]))'), "currencyUSD", rising(50, 100), runbooks=["high-llm-costs"]),
    stat("Calls that failed", "Errors and timeouts among calls that were not cancelled.", prom(f"sum(rate({FAILED}[$__range])) / (sum(rate({ENDED}[$__range])) > 0)"), "percentunit", rising(0.01, 0.05), runbooks=["llm-api-outage"], none="no calls", least=0, most=1),
    stat("Time to first token, p95", "95 of 100 calls began to answer within this time.", prom(first_token(0.95, "$__range")), "s", rising(3, 5), none="no calls"),
    stat("Whole call, p95", "95 of 100 calls were over within this time. There is no bucket below a second.", prom(latency(0.95, "$__range")), "ms", rising(3000, 5000), none="no calls"),
    stat("Calls without a price", "Calls whose model has no known price. Their cost is missing in every sum until they are priced.", prom('sum(increase(navi_llm_unknown_price_total{job="$job"}[$__range]))'), "short", rising(1, 10), decimals=0, runbooks=["high-llm-costs"]),

    row("Calls"),
    series("Calls by model", "Calls a second. Models beyond the best-known are counted as other.", prom(f"sum by (model) (rate({CALLS}[$__rate_interval])) > 0", "{{model}}"), "reqps", stacked=True),
    series("Calls by outcome", "Calls a second, by what became of them.", prom(f"sum by (status) (rate({CALLS}[$__rate_interval]))", "{{status}}"), "reqps", stacked=True, runbooks=["llm-api-outage"]),
    series("Calls by phase", "Calls a second: plans, turns of runs, chats.", prom(f"sum by (phase) (rate({CALLS}[$__rate_interval]))", "{{phase}}"), "reqps", wide=8, stacked=True),
    pie("Shares of models", "Shares of the chosen time.", prom(f"sum by (model) (increase({CALLS}[$__range])) > 0", "{{model}}")),
    series("Calls that failed, by model", "Errors and timeouts among calls that were not cancelled.", prom(f"sum by (model) (rate({FAILED}[$__rate_interval])) / (sum by (model) (rate({ENDED}[$__rate_interval])) > 0)", "{{model}}"), "percentunit", wide=8, limit=0.01, most=1, runbooks=["llm-api-outage"]),

    row("Latency"),
    series("Time to first token", "From sending a call to its first token.", [prom(first_token(q), name) for q, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))], "s", limit=5, runbooks=["slow-models"]),
    series("Whole calls", "From sending a call to its end. Below a second the value is a guess within the first bucket.", [prom(latency(q), name) for q, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))], "ms", limit=5000, runbooks=["slow-models"]),

    row("Providers"),
    series("Requests to providers", "Requests a second, tries again included, by provider and outcome.", prom('sum by (provider, status) (rate(aep_provider_calls_total{job="$job"}[$__rate_interval])) > 0', "{{provider}} {{status}}"), "reqps", stacked=True, runbooks=["llm-api-outage"]),
    series("Errors of providers", "Failed requests in an hour's time, by provider and kind.", prom('sum by (provider, error_type) (increase(aep_provider_errors_total{job="$job"}[1h])) > 0', "{{provider}} {{error_type}}"), "short", stacked=True, bars=True, runbooks=["llm-api-outage"]),

    row("Tokens"),
    series("Tokens by kind", "Tokens a second. What was read from and written to a cache is part of input, reasoning part of output.", prom('sum by (kind) (rate(navi_llm_tokens_by_kind_total{job="$job"}[$__rate_interval]))', "{{kind}}"), "cps"),
    series("Tokens by model", "Tokens a second, input and output together.", prom('sum by (model) (rate(aep_llm_tokens_total{job="$job"}[$__rate_interval])) > 0', "{{model}}"), "cps", stacked=True),

    row("Cost"),
    series("Cost of an hour, by model", "What the hour before each moment cost.", prom('sum by (model) (increase(aep_llm_cost_usd_total{job="$job"}[1h])) > 0', "{{model}}"), "currencyUSD", stacked=True, runbooks=["high-llm-costs"]),
    series("Cost of a day, by model", "Days in UTC, from the sums that outlive the rows.", sql("""
        select day as time, model as metric, sum(total_cost)::float8 as value
        from llm_days where day between $__timeFrom()::timestamptz - interval '1 day' and $__timeTo()::timestamptz and org_id in (${org:sqlstring})
        group by 1, 2 order by 1""", over_time=True), "currencyUSD", stacked=True, bars=True, runbooks=["high-llm-costs"]),
    stat("Cost of the month", "Of the month, in UTC, in which the chosen time ends, up to that day.", sql("""
        select coalesce(sum(total_cost), 0)::float8 as cost from llm_days
        where day between date_trunc('month', $__timeTo()::timestamptz, 'UTC') and $__timeTo()::timestamptz and org_id in (${org:sqlstring})"""), "currencyUSD", wide=6),
    stat("Forecast of the month", "What that month costs when it goes on like this.", sql("""
        with month as (select $__timeTo()::timestamptz as now, date_trunc('month', $__timeTo()::timestamptz, 'UTC') as began)
        select (coalesce(sum(total_cost), 0) * extract(epoch from began + interval '1 month' - began)
                / greatest(extract(epoch from now - began), 3600))::float8 as forecast
        from month left join llm_days on day between began and now and org_id in (${org:sqlstring})
        group by now, began"""), "currencyUSD", wide=6, runbooks=["high-llm-costs"]),
    table("Organisations that spend most", "Of the chosen time.", sql("""
        select org_id as "Organisation", count(*) as "Calls", sum(total_tokens) as "Tokens",
               coalesce(sum(total_cost), 0)::float8 as "Cost", count(*) filter (where total_cost is null) as "Without price"
        from llm_metrics where $__timeFilter(created_at) and org_id in (${org:sqlstring})
        group by 1 order by 4 desc, 2 desc limit 20"""), wide=12, units={"Cost": "currencyUSD"}, high=8, runbooks=["high-llm-costs"]),
    table("Models", "Every call of the chosen time, by provider and model, exact and not by buckets.", sql("""
        select provider as "Provider", model as "Model", count(*) as "Calls",
               (count(*) filter (where status in ('error', 'timeout')))::float8
                   / nullif(count(*) filter (where status <> 'cancelled'), 0) as "Failed",
               percentile_disc(0.5) within group (order by ttft_ms) as "First token p50",
               percentile_disc(0.95) within group (order by ttft_ms) as "First token p95",
               percentile_disc(0.95) within group (order by latency_ms) as "Whole p95",
               sum(input_tokens) as "Input", sum(output_tokens) as "Output",
               sum(cache_read_tokens)::float8 / nullif(sum(input_tokens), 0) as "From cache",
               sum(total_cost)::float8 as "Cost"
        from llm_metrics where $__timeFilter(created_at) and org_id in (${org:sqlstring})
        group by 1, 2 order by 3 desc"""),
        units={"Failed": "percentunit", "First token p50": "ms", "First token p95": "ms", "Whole p95": "ms", "From cache": "percentunit", "Cost": "currencyUSD"}),
]
