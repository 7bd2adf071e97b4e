-- One thread through everything: the trace of the request that began it. What a client reports about
-- an error, the run it happened in, the calls, what they cost, and what people thought of the answer
-- are joined by `trace_id` and `run_id`; see docs/thread.md.
--
-- A trace id is 32 hexadecimal digits in lower case, as in the header `traceparent`
-- (https://www.w3.org/TR/trace-context/). Rows of earlier versions have none.

alter table runs add column trace_id text;
alter table llm_metrics add column trace_id text;
alter table rag_metrics add column trace_id text;
alter table task_metrics add column trace_id text;
alter table ai_generation_log add column trace_id text;

-- The run of a trace, when a client reports an error with the trace alone. A client may keep one trace
-- for many runs; the newest is the last entry.
create index runs_of_trace on runs (org_id, trace_id, created_at) where trace_id is not null;

-- The calls of a trace that belong to no run: chats. Those of a run are found by `llm_metrics_run`,
-- so they are not here, and the index stays as small as the chats.
create index llm_metrics_of_trace on llm_metrics (org_id, trace_id)
    where run_id is null and trace_id is not null;

-- The retrievals of a run. There are a few for each, so the index grows more slowly than the one over
-- its calls.
create index rag_metrics_run on rag_metrics (org_id, run_id) where run_id is not null;

-- The generation of a run, and that of a chat, which names its conversation there and not a run.
create index ai_generation_log_result on ai_generation_log (org_key, result_ref)
    where result_ref is not null;
create index ai_generation_log_of_trace on ai_generation_log (org_key, trace_id)
    where trace_id is not null;

-- The errors of a run or a trace: the way from what somebody looks at to what went wrong there. Most
-- errors of clients name neither, and cost nothing here.
create index error_events_of_run on error_events (org_id, run_id) where run_id is not null;
create index error_events_of_trace on error_events (org_id, trace_id) where trace_id is not null;

-- An error by its number alone, without its time. Numbers grow as rows are added, so a block range
-- index finds the few pages at a thousandth of a b-tree's size; new pages are summed up at once, or
-- they would all be read until the next vacuum.
create index error_events_id on error_events
    using brin (id) with (pages_per_range = 16, autosummarize = on);

-- What the audit log says about a trace. All entries of a run carry the run's trace, so no second
-- index over runs is needed, and the second record of an entry is left out. The log is where every
-- change waits for its commit, so this was weighed: it adds one entry to one index for each change,
-- beside two in each of the three that are there.
create index audit_records_of_trace on audit_records (org_id, trace_id)
    where trace_id is not null and phase <> 'completed';

-- What stands around an error that was reported: one row for each.
--
-- `run_id` is the error's own, else the newest run of its trace. It is put together from three parts,
-- each a plain join, and not by a subquery for each row: only so can a condition on `run_id` or
-- `trace_id` choose the errors by an index. Whatever is looked up for a row names the organisation,
-- so nothing of another one is ever joined.
create view error_threads as
select error.*,
       run.status as run_status,
       call.calls,
       call.failed_calls,
       call.total_tokens,
       call.total_cost,
       retrieval.retrievals,
       generation.id as gen_id,
       feedback.rating,
       feedback.reason,
       audit.audit_entries
from (
    select e.org_id, e.id as error_id, e.created_at, e.error_type, e.error_message, e.severity,
           e.group_id, e.user_id, e.session_id, e.trace_id, e.run_id
    from error_events e
    where e.run_id is not null
    union all
    select e.org_id, e.id, e.created_at, e.error_type, e.error_message, e.severity,
           e.group_id, e.user_id, e.session_id, e.trace_id, r.run_id
    from error_events e
    join runs r on r.org_id = e.org_id and r.trace_id = e.trace_id
    where e.run_id is null
      and not exists (
          select from runs later
          where later.org_id = r.org_id and later.trace_id = r.trace_id
            and (later.created_at, later.run_id) > (r.created_at, r.run_id))
    union all
    select e.org_id, e.id, e.created_at, e.error_type, e.error_message, e.severity,
           e.group_id, e.user_id, e.session_id, e.trace_id, null::uuid
    from error_events e
    where e.run_id is null
      and not exists (
          select from runs r where r.org_id = e.org_id and r.trace_id = e.trace_id)
) error
left join runs run on run.org_id = error.org_id and run.run_id = error.run_id
cross join lateral (
    select count(*) as calls,
           count(*) filter (where c.status <> 'success') as failed_calls,
           coalesce(sum(c.total_tokens), 0)::bigint as total_tokens,
           -- A sum with a hole is no cost, as in task_metrics; no calls cost nothing.
           case when count(*) = count(c.total_cost) then coalesce(sum(c.total_cost), 0)
           end as total_cost
    from (
        select status, total_tokens, total_cost from llm_metrics
        where org_id = error.org_id and run_id = error.run_id
        union all
        select status, total_tokens, total_cost from llm_metrics
        where error.run_id is null
          and org_id = error.org_id and trace_id = error.trace_id and run_id is null
    ) c
) call
cross join lateral (
    select count(*) as retrievals from rag_metrics
    where org_id = error.org_id and run_id = error.run_id
) retrieval
-- A run has one generation at most. A trace may hold several chats: the last one counts.
left join lateral (
    select g.id, g.user_sub from (
        select id, user_sub from ai_generation_log
        where org_key = error.org_id and result_ref = error.run_id::text
        union all
        select id, user_sub from ai_generation_log
        where error.run_id is null and org_key = error.org_id and trace_id = error.trace_id
    ) g
    order by g.id desc limit 1
) generation on true
-- There is one at most; the limit has it looked up for each row instead of joined to all of them.
left join lateral (
    select f.rating, f.reason from ai_feedback f
    where f.org_key = error.org_id and f.gen_id = generation.id
      and f.user_sub = generation.user_sub
    limit 1
) feedback on true
cross join lateral (
    select count(*) as audit_entries from audit_records
    where org_id = error.org_id and trace_id in (error.trace_id, run.trace_id)
      and phase <> 'completed'
) audit;
