-- A role for Grafana, which reads what the dashboards show and nothing else: scripts/grafana-role.sh
-- runs this, as often as one likes.
--
-- Columns are granted and not tables, so what people wrote, who they are, prompts, stacks and sealed
-- tokens stay where they are. The rows are those of all organisations: dashboards are for operators,
-- and the variable `org` is a filter, not a wall.
\set ON_ERROR_STOP on
\getenv role NAVI_GRAFANA_ROLE
\getenv password NAVI_GRAFANA_PASSWORD

begin;

select format('create role %I', :'role')
where not exists (select from pg_roles where rolname = :'role') \gexec

-- A dashboard that is left open must not keep the database from its work.
alter role :"role" login password :'password' connection limit 10;
alter role :"role" set default_transaction_read_only = on;
alter role :"role" set statement_timeout = '15s';
alter role :"role" set lock_timeout = '2s';
alter role :"role" set idle_in_transaction_session_timeout = '15s';

revoke all on all tables in schema public from :"role";
grant usage on schema public to :"role";

grant select (org_id, created_at, provider, model, status, input_tokens, output_tokens, total_tokens,
              cache_read_tokens, total_cost, latency_ms, ttft_ms)
    on llm_metrics to :"role";
grant select (org_id, day, model, total_cost) on llm_days to :"role";
grant select (org_id, created_at, run_id, trace_id, task_type, status, error_type, completion_time_ms,
              llm_time_ms, llm_iterations, total_tokens, total_cost)
    on task_metrics to :"role";

grant select (org_id, id, created_at, group_id, error_type, severity, source, component, operation,
              version, resolved, trace_id, run_id)
    on error_events to :"role";
grant select (org_id, group_id, error_type, message, source, status, regressions, regressed_at)
    on error_groups to :"role";
grant select (org_id, group_id, occurrences, affected_users, first_seen, last_seen, severity, component)
    on error_group_activity to :"role";

grant select (org_id, created_at, category, feedback_type, rating) on learning_suggestions to :"role";
grant select (org_id, insight_type, title, status, confidence, sample_size, times_applied, last_applied,
              last_updated)
    on learning_insights to :"role";
grant select (org_id, pattern_type, pattern_key, confidence, occurrences, positive_feedback,
              negative_feedback, last_seen)
    on learning_patterns to :"role";
grant select (org_id, analyzed_on, failed_at, problem) on learning_orgs to :"role";
grant select (started_at, ended_at, outcome, orgs, orgs_failed, rows_read, insights_made,
              insights_changed, insights_retired)
    on learning_passes to :"role";

commit;
