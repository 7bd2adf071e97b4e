-- Money and work by the day: what stays countable when the rows themselves were dropped, and when a
-- person behind them was erased. No row here knows a person.
--
-- They are kept by triggers, in the statement that writes the rows, and not by the programs that write
-- them: the rows and their sums are there together or not at all, whoever writes them, also a binary of
-- the version before during a rollout, and an operator at a prompt. The triggers fire once for a
-- statement and see only what it really wrote: a batch that is sent again and meets
-- `on conflict do nothing` counts nothing a second time. Months that are dropped, rows that move out of
-- a default partition and rows that `pg_restore` puts into a month take no part; none of those changes
-- what was spent.
--
-- Several writers may add to one day at once. Each of them takes the rows of the day in the order of
-- their key, so no two wait for each other.
--
-- A day is one in UTC, and the row's own: the day of its `created_at`. Sums are wider than the
-- columns that they add up, so that no number of rows overflows them.

create table llm_days (
    org_id text not null,
    day timestamptz not null,
    model text not null,
    provider text not null,
    phase text not null,
    status text not null,
    calls bigint not null,
    input_tokens numeric not null,
    output_tokens numeric not null,
    total_tokens numeric not null,
    cache_read_tokens numeric not null,
    cache_write_tokens numeric not null,
    reasoning_tokens numeric not null,
    -- US dollars. Sums of what is known; how many calls have no known cost stands beside them.
    input_cost numeric(38, 9) not null,
    output_cost numeric(38, 9) not null,
    total_cost numeric(38, 9) not null,
    unpriced_calls bigint not null,
    primary key (org_id, day, model, provider, phase, status)
) partition by range (day);

create table llm_days_default partition of llm_days default;

create table rag_days (
    org_id text not null,
    day timestamptz not null,
    phase text not null,
    retrievals bigint not null,
    chunks_retrieved numeric not null,
    -- Over the retrievals whose use was counted, which may be fewer than all.
    chunks_used numeric not null,
    uncounted_retrievals bigint not null,
    retrieval_latency_ms numeric not null,
    primary key (org_id, day, phase)
) partition by range (day);

create table rag_days_default partition of rag_days default;

create table task_days (
    org_id text not null,
    day timestamptz not null,
    task_type text not null,
    status text not null,
    tasks bigint not null,
    llm_iterations numeric not null,
    rag_retrievals numeric not null,
    completion_time_ms numeric not null,
    llm_time_ms numeric not null,
    rag_time_ms numeric not null,
    total_tokens numeric not null,
    total_cost numeric(38, 9) not null,
    -- Tasks of which a call has no known price.
    unpriced_tasks bigint not null,
    primary key (org_id, day, task_type, status)
) partition by range (day);

create table task_days_default partition of task_days default;

-- From here to the end of this transaction nobody else writes the three tables: what is there is
-- counted below, and what comes later by the triggers.
lock table llm_metrics, rag_metrics, task_metrics in share row exclusive mode;

-- Adds what a statement wrote; after an update, what it wrote less what was there. Calls that get a
-- price later, and rows that lose their person, go through the second way.
create function count_llm_days() returns trigger
language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        insert into llm_days as d
        select org_id, date_trunc('day', created_at, 'UTC'), model, provider, phase, status,
               count(*), sum(input_tokens), sum(output_tokens), sum(total_tokens),
               sum(cache_read_tokens), sum(cache_write_tokens), sum(reasoning_tokens),
               coalesce(sum(input_cost), 0), coalesce(sum(output_cost), 0),
               coalesce(sum(total_cost), 0), count(*) filter (where total_cost is null)
        from written
        group by 1, 2, 3, 4, 5, 6
        order by 1, 2, 3, 4, 5, 6
        on conflict (org_id, day, model, provider, phase, status) do update set
            calls = d.calls + excluded.calls,
            input_tokens = d.input_tokens + excluded.input_tokens,
            output_tokens = d.output_tokens + excluded.output_tokens,
            total_tokens = d.total_tokens + excluded.total_tokens,
            cache_read_tokens = d.cache_read_tokens + excluded.cache_read_tokens,
            cache_write_tokens = d.cache_write_tokens + excluded.cache_write_tokens,
            reasoning_tokens = d.reasoning_tokens + excluded.reasoning_tokens,
            input_cost = d.input_cost + excluded.input_cost,
            output_cost = d.output_cost + excluded.output_cost,
            total_cost = d.total_cost + excluded.total_cost,
            unpriced_calls = d.unpriced_calls + excluded.unpriced_calls;
        return null;
    end if;
    insert into llm_days as d
    select org_id, date_trunc('day', created_at, 'UTC'), model, provider, phase, status,
           sum(sign), sum(sign * input_tokens), sum(sign * output_tokens), sum(sign * total_tokens),
           sum(sign * cache_read_tokens), sum(sign * cache_write_tokens),
           sum(sign * reasoning_tokens), coalesce(sum(sign * input_cost), 0),
           coalesce(sum(sign * output_cost), 0), coalesce(sum(sign * total_cost), 0),
           coalesce(sum(sign) filter (where total_cost is null), 0)
    from (select 1 as sign, * from written union all select -1, * from overwritten) changed
    group by 1, 2, 3, 4, 5, 6
    -- An erasure changes no sum, and must not wait for those who do.
    having (sum(sign), sum(sign * input_tokens), sum(sign * output_tokens),
            sum(sign * total_tokens), sum(sign * cache_read_tokens),
            sum(sign * cache_write_tokens), sum(sign * reasoning_tokens),
            coalesce(sum(sign * input_cost), 0), coalesce(sum(sign * output_cost), 0),
            coalesce(sum(sign * total_cost), 0),
            coalesce(sum(sign) filter (where total_cost is null), 0))
           is distinct from (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    order by 1, 2, 3, 4, 5, 6
    on conflict (org_id, day, model, provider, phase, status) do update set
        calls = d.calls + excluded.calls,
        input_tokens = d.input_tokens + excluded.input_tokens,
        output_tokens = d.output_tokens + excluded.output_tokens,
        total_tokens = d.total_tokens + excluded.total_tokens,
        cache_read_tokens = d.cache_read_tokens + excluded.cache_read_tokens,
        cache_write_tokens = d.cache_write_tokens + excluded.cache_write_tokens,
        reasoning_tokens = d.reasoning_tokens + excluded.reasoning_tokens,
        input_cost = d.input_cost + excluded.input_cost,
        output_cost = d.output_cost + excluded.output_cost,
        total_cost = d.total_cost + excluded.total_cost,
        unpriced_calls = d.unpriced_calls + excluded.unpriced_calls;
    return null;
end
$$;

create trigger llm_metrics_counted after insert on llm_metrics
    referencing new table as written
    for each statement execute function count_llm_days();

create trigger llm_metrics_recounted after update on llm_metrics
    referencing new table as written old table as overwritten
    for each statement execute function count_llm_days();

create function count_rag_days() returns trigger
language plpgsql as $$
begin
    insert into rag_days as d
    select org_id, date_trunc('day', created_at, 'UTC'), phase, count(*), sum(chunks_retrieved),
           coalesce(sum(chunks_used), 0), count(*) filter (where chunks_used is null),
           sum(retrieval_latency_ms)
    from written
    group by 1, 2, 3
    order by 1, 2, 3
    on conflict (org_id, day, phase) do update set
        retrievals = d.retrievals + excluded.retrievals,
        chunks_retrieved = d.chunks_retrieved + excluded.chunks_retrieved,
        chunks_used = d.chunks_used + excluded.chunks_used,
        uncounted_retrievals = d.uncounted_retrievals + excluded.uncounted_retrievals,
        retrieval_latency_ms = d.retrieval_latency_ms + excluded.retrieval_latency_ms;
    return null;
end
$$;

create trigger rag_metrics_counted after insert on rag_metrics
    referencing new table as written
    for each statement execute function count_rag_days();

create function count_task_days() returns trigger
language plpgsql as $$
begin
    insert into task_days as d
    select org_id, date_trunc('day', created_at, 'UTC'), task_type, status, count(*),
           sum(llm_iterations), sum(rag_retrievals), sum(completion_time_ms),
           coalesce(sum(llm_time_ms), 0), coalesce(sum(rag_time_ms), 0), sum(total_tokens),
           coalesce(sum(total_cost), 0), count(*) filter (where total_cost is null)
    from written
    group by 1, 2, 3, 4
    order by 1, 2, 3, 4
    on conflict (org_id, day, task_type, status) do update set
        tasks = d.tasks + excluded.tasks,
        llm_iterations = d.llm_iterations + excluded.llm_iterations,
        rag_retrievals = d.rag_retrievals + excluded.rag_retrievals,
        completion_time_ms = d.completion_time_ms + excluded.completion_time_ms,
        llm_time_ms = d.llm_time_ms + excluded.llm_time_ms,
        rag_time_ms = d.rag_time_ms + excluded.rag_time_ms,
        total_tokens = d.total_tokens + excluded.total_tokens,
        total_cost = d.total_cost + excluded.total_cost,
        unpriced_tasks = d.unpriced_tasks + excluded.unpriced_tasks;
    return null;
end
$$;

create trigger task_metrics_counted after insert on task_metrics
    referencing new table as written
    for each statement execute function count_task_days();

-- What is there already.
insert into llm_days
select org_id, date_trunc('day', created_at, 'UTC'), model, provider, phase, status,
       count(*), sum(input_tokens), sum(output_tokens), sum(total_tokens),
       sum(cache_read_tokens), sum(cache_write_tokens), sum(reasoning_tokens),
       coalesce(sum(input_cost), 0), coalesce(sum(output_cost), 0), coalesce(sum(total_cost), 0),
       count(*) filter (where total_cost is null)
from llm_metrics
group by 1, 2, 3, 4, 5, 6;

insert into rag_days
select org_id, date_trunc('day', created_at, 'UTC'), phase, count(*), sum(chunks_retrieved),
       coalesce(sum(chunks_used), 0), count(*) filter (where chunks_used is null),
       sum(retrieval_latency_ms)
from rag_metrics
group by 1, 2, 3;

insert into task_days
select org_id, date_trunc('day', created_at, 'UTC'), task_type, status, count(*),
       sum(llm_iterations), sum(rag_retrievals), sum(completion_time_ms),
       coalesce(sum(llm_time_ms), 0), coalesce(sum(rag_time_ms), 0), sum(total_tokens),
       coalesce(sum(total_cost), 0), count(*) filter (where total_cost is null)
from task_metrics
group by 1, 2, 3, 4;

-- Which months `drop_old_months` would drop with the same arguments, oldest first.
create function old_months(parent regclass, keep interval)
returns text[]
language sql stable
set timezone = 'UTC'
as $$
    select coalesce(array_agg(name order by name), '{}') from (
        select c.relname::text as name,
               substring(pg_get_expr(c.relpartbound, c.oid)
                         from 'TO \(''([^'']+)''\)')::timestamptz as upper
        from pg_inherits i
        join pg_class c on c.oid = i.inhrelid
        where i.inhparent = parent and pg_get_expr(c.relpartbound, c.oid) <> 'DEFAULT'
    ) months
    where upper <= now() - keep
$$;
