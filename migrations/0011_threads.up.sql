-- One thread through everything: the trace of the request that began it. What a client reports about
-- an error, the run it happened in, the calls, what they cost, and what people thought of the answer
-- are joined by `trace_id` and `run_id`; see docs/thread.md.
--
-- A trace id is 32 hexadecimal digits in lower case, as in the header `traceparent`
-- (https://www.w3.org/TR/trace-context/). The view joins the tables of six slices and belongs to
-- none of them, so it comes last; the indexes that carry it stand beside their tables.

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
