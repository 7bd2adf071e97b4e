"""Learning: what people say of answers, and what the analyzer makes of it."""

from panels import bars, falling, pie, prom, rising, row, series, sql, stat, table

ABOUT = {
    "uid": "navi-learning",
    "title": "NAVI - Learning System",
    "about": "Ratings, what became of answers, and the analyzer that learns from them.",
    "tags": ["learning"],
    "since": "now-7d",
    "runbooks": ["analyzer-stale"],
}

SAID = "from learning_suggestions where $__timeFilter(created_at) and org_id in (${org:sqlstring})"

PARTS = [
    row("In the chosen time"),
    stat("Feedback", "Answers that were rated or otherwise judged.", sql(f"select count(*) as answers {SAID}"), "short", decimals=0),
    stat("Thumbs up", "Among ratings up and down.", sql(f"select count(*) filter (where rating = 1)::float8 / nullif(count(*) filter (where rating <> 0), 0) as share {SAID}"), "percentunit", falling(0.5, 0.8), none="no ratings", least=0, most=1),
    stat("Patterns", "Regularities that were seen in the chosen time.", sql("select count(*) as patterns from learning_patterns where $__timeFilter(last_seen) and org_id in (${org:sqlstring})"), "short", decimals=0),
    stat("Insights made or changed", "In the chosen time.", sql("select count(*) as insights from learning_insights where $__timeFilter(last_updated) and org_id in (${org:sqlstring})"), "short", decimals=0),
    stat("Analyzer's last success", "How long ago a pass last looked at every organisation that was due; since 1970 when none ever did.", prom('time() - max(navi_analyzer_last_success_timestamp_seconds{job="$job"})'), "s", rising(1800, 3600), runbooks=["analyzer-stale"]),
    stat("Passes that failed", "Passes of the analyzer that failed or left an organisation out.", prom('max(sum by (instance) (increase(navi_analyzer_passes_total{job="$job",outcome=~"failed|partly"}[$__range])))'), "short", rising(1, 3), decimals=0, runbooks=["analyzer-stale"]),

    row("What people say"),
    series("Feedback by type", "Accepted, modified, rejected.", sql(f"""
        select $__timeGroupAlias(created_at, $__interval), feedback_type as metric, count(*)::float8 as value
        {SAID} group by 1, 2 order by 1""", over_time=True), "short", stacked=True, bars=True, interval="1m"),
    series("Thumbs up, by day", "Among ratings up and down; days in UTC.", sql(f"""
        select $__timeGroupAlias(created_at, 1d), 'thumbs up' as metric,
               count(*) filter (where rating = 1)::float8 / count(*) as value
        {SAID} and rating <> 0 group by 1 order by 1""", over_time=True), "percentunit", most=1),
    pie("Shares of types", "Shares of the chosen time.", sql(f"select feedback_type, count(*)::float8 as answers {SAID} group by 1 order by 2 desc")),
    pie("Shares of ratings", "Shares of the chosen time.", sql(f"select case rating when 1 then 'up' when -1 then 'down' when 0 then 'withdrawn' else 'not rated' end as rating, count(*)::float8 as answers {SAID} group by 1 order by 2 desc")),
    bars("Feedback by category", "What was asked for.", sql(f"select category, count(*)::float8 as answers {SAID} group by 1 order by 2 desc limit 20"), wide=8),
    series("Ratings", "Ratings in an hour's time, as they come in.", prom('sum by (rating) (increase(navi_feedback_ratings_total{job="$job"}[1h]))', "{{rating}}"), "short", stacked=True, bars=True),
    series("What became of answers", "In an hour's time, as clients said: kept, edited, reverted.", prom('sum by (signal) (increase(navi_feedback_signals_total{job="$job"}[1h]))', "{{signal}}"), "short", stacked=True, bars=True),

    row("The analyzer"),
    series("Passes", "Passes in an hour's time by outcome. Every server counts every pass, so the largest count is the true one.", prom('max by (outcome) (sum by (instance, outcome) (increase(navi_analyzer_passes_total{job="$job"}[1h])))', "{{outcome}}"), "short", wide=8, stacked=True, bars=True, runbooks=["analyzer-stale"]),
    series("Duration of passes", "Passes of the hour before each moment.", [prom(f'histogram_quantile({q}, max by (le) (sum by (instance, le) (increase(navi_analyzer_pass_seconds_bucket{{job="$job"}}[1h]))))', name) for q, name in ((0.5, "p50"), (0.95, "p95"))], "s", wide=8),
    series("Rows and insights", "In an hour's time: rows that passes read, and insights that they made, changed or retired.", [
        prom('max(sum by (instance) (increase(navi_analyzer_rows_total{job="$job"}[1h])))', "rows read"),
        prom('max by (change) (sum by (instance, change) (increase(navi_analyzer_insights_total{job="$job"}[1h])))', "insights {{change}}"),
    ], "short", wide=8),
    table("Passes, one by one", "The last fifty of the chosen time.", sql("""
        select started_at as "Began", extract(epoch from ended_at - started_at)::float8 as "Duration", outcome as "Outcome", orgs as "Organisations",
               orgs_failed as "Failed", rows_read as "Rows", insights_made as "Made", insights_changed as "Changed", insights_retired as "Retired"
        from learning_passes where $__timeFilter(ended_at) order by started_at desc limit 50"""), wide=16, units={"Duration": "s"}, high=8),
    table("Organisations", "When each was last analyzed, and what failed.", sql("""
        select org_id as "Organisation", analyzed_on as "Analyzed", failed_at as "Failed", problem as "Problem"
        from learning_orgs where org_id in (${org:sqlstring})
          and greatest(analyzed_on, failed_at) between $__timeFrom()::timestamptz - interval '1 day' and $__timeTo()::timestamptz order by failed_at desc nulls last, 1 limit 50"""), wide=8, high=8),

    row("What was learned"),
    table("Insights", "The fifty that were made or changed last. `Applied` counts prompts that held it.", sql("""
        select last_updated as "Changed", org_id as "Organisation", insight_type as "Type", title as "Insight", status as "Status",
               confidence as "Confidence", sample_size as "Samples", times_applied as "Applied", last_applied as "Last applied"
        from learning_insights where $__timeFilter(last_updated) and org_id in (${org:sqlstring})
        order by last_updated desc limit 50"""), units={"Confidence": "percentunit"}),
    table("Patterns, one by one", "The fifty that were seen last.", sql("""
        select last_seen as "Last seen", org_id as "Organisation", pattern_type as "Type", pattern_key as "Pattern",
               confidence as "Confidence", occurrences as "Seen", positive_feedback as "For", negative_feedback as "Against"
        from learning_patterns where $__timeFilter(last_seen) and org_id in (${org:sqlstring})
        order by last_seen desc limit 50"""), units={"Confidence": "percentunit"}),
]
