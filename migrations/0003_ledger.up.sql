-- What it cost: one row for each call to a model and each finished run, their sums by the day, and
-- the prices that they are computed with.
--
-- The names of the tables and columns are those that dashboards and operators query by hand. Calls
-- and tasks only grow, are read by time, and are dropped month by month.
--
-- Their primary keys begin with organisation and time, because nearly every question asked of them
-- does, and end with an id that the writer makes *before* it writes. Rows are written in batches
-- that are tried again when a connection breaks, and then nobody knows whether the first attempt
-- was committed. With the key, `on conflict do nothing` makes the second attempt harmless; one
-- index serves both purposes.

---------------------------------------------------------------------------------------------------
-- Calls and tasks
---------------------------------------------------------------------------------------------------

create table llm_metrics (
    id bigint generated always as identity,
    org_id text not null,
    user_id text not null,
    -- Made by the caller before the request is sent.
    call_id uuid not null,
    -- Null for calls outside a run, such as plain chat.
    run_id uuid,
    model text not null,
    provider text not null,
    phase text not null,
    -- Input includes what was read from and written to the provider's cache, output includes
    -- reasoning, whoever the provider is: the sum over this table can then be held against both
    -- the provider's invoice and our own counters.
    input_tokens bigint not null default 0 check (input_tokens >= 0),
    output_tokens bigint not null default 0 check (output_tokens >= 0),
    total_tokens bigint not null default 0 check (total_tokens >= 0),
    cache_read_tokens bigint not null default 0 check (cache_read_tokens >= 0),
    cache_write_tokens bigint not null default 0 check (cache_write_tokens >= 0),
    reasoning_tokens bigint not null default 0 check (reasoning_tokens >= 0),
    -- US dollars. Null means that no price was known at the time; it is never zero for that
    -- reason, so a sum can be wrong only by what `total_cost is null` counts, and those rows can
    -- be priced later.
    input_cost numeric(20, 9) check (input_cost >= 0),
    output_cost numeric(20, 9) check (output_cost >= 0),
    total_cost numeric(20, 9) check (total_cost >= 0),
    -- Null when the call never got that far.
    latency_ms bigint check (latency_ms >= 0),
    ttft_ms bigint check (ttft_ms >= 0),
    task_type text,
    session_id text,
    extra_metadata jsonb,
    -- A call is recorded whatever became of it.
    status text not null default 'success'
        check (status in ('success', 'error', 'timeout', 'cancelled')),
    error_message text,
    created_at timestamptz not null default now(),
    -- The trace of the request that it was made for, as in `runs`.
    trace_id text,
    primary key (org_id, created_at, call_id),
    constraint llm_metrics_priced_wholly_or_not
        check (num_nulls(input_cost, output_cost, total_cost) in (0, 3))
) partition by range (created_at);

create table llm_metrics_default partition of llm_metrics default;

-- The last month's cost by model over all organisations, for operators. Rows arrive in the order
-- of time, so a block range index answers it at a thousandth of a b-tree's size.
create index llm_metrics_time on llm_metrics using brin (created_at);

-- The calls of one run, shown at its end and summed into its `task_metrics` row.
create index llm_metrics_run on llm_metrics (org_id, run_id) where run_id is not null;

-- The calls of a trace that belong to no run: chats. Those of a run are found by `llm_metrics_run`,
-- so they are not here, and the index stays as small as the chats.
create index llm_metrics_of_trace on llm_metrics (org_id, trace_id)
    where run_id is null and trace_id is not null;

-- The calls that wait for a price, for `navi ledger reprice`; normally empty.
create index llm_metrics_unpriced on llm_metrics (provider, model, created_at)
    where total_cost is null;

create table task_metrics (
    id bigint generated always as identity,
    org_id text not null,
    user_id text not null,
    run_id uuid not null,
    -- What clients call the run; text, because theirs need not be ours.
    task_id text,
    task_type text not null,
    llm_iterations integer not null default 0 check (llm_iterations >= 0),
    rag_retrievals integer not null default 0 check (rag_retrievals >= 0),
    completion_time_ms bigint not null check (completion_time_ms >= 0),
    llm_time_ms bigint check (llm_time_ms >= 0),
    rag_time_ms bigint check (rag_time_ms >= 0),
    total_tokens bigint not null default 0 check (total_tokens >= 0),
    -- Null when the price of any of the run's calls is unknown: a sum with a hole is no cost.
    total_cost numeric(20, 9) check (total_cost >= 0),
    status text not null check (status in ('success', 'error', 'timeout', 'cancelled')),
    error_type text,
    extra_metadata jsonb,
    created_at timestamptz not null default now(),
    trace_id text,
    -- The key serves the tasks of an organisation by time.
    primary key (org_id, created_at, run_id)
) partition by range (created_at);

create table task_metrics_default partition of task_metrics default;

---------------------------------------------------------------------------------------------------
-- Prices
---------------------------------------------------------------------------------------------------

-- What a model costs, and since when. A price is never changed: a new one is a new row, and what
-- was computed with the old one can be computed again. The price of a call is the newest row that
-- is not younger than the call, and a row that an operator entered goes before the built-in ones,
-- whatever their dates. Prices are the same for every organisation, the one table here without
-- one.
create table model_prices (
    provider text not null,
    model text not null,
    valid_from timestamptz not null,
    -- US dollars for a million tokens.
    input_per_million numeric(20, 9) not null check (input_per_million >= 0),
    output_per_million numeric(20, 9) not null check (output_per_million >= 0),
    -- Null when the list gives no discount: those tokens cost what fresh input costs.
    cache_read_per_million numeric(20, 9) check (cache_read_per_million >= 0),
    -- Null when the list does not say. Providers bill these tokens above fresh input, so a call
    -- that has any of them has no known cost.
    cache_write_per_million numeric(20, 9) check (cache_write_per_million >= 0),
    -- Who says so: the built-in list, or the operator who entered it.
    source text not null,
    primary key (provider, model, valid_from)
);

---------------------------------------------------------------------------------------------------
-- Sums by the day
---------------------------------------------------------------------------------------------------

-- Money and work by the day: what stays countable when the rows themselves were dropped, and when a
-- person behind them was erased. No row here knows a person.
--
-- They are kept by triggers, in the statement that writes the rows, and not by the programs that
-- write them: the rows and their sums are there together or not at all, whoever writes them, also
-- another version of the program during a rollout, and an operator at a prompt. The triggers fire
-- once for a statement and see only what it really wrote: a batch that is sent again and meets
-- `on conflict do nothing` counts nothing a second time. Months that are dropped, rows that move out
-- of a default partition and rows that `pg_restore` puts into a month take no part; none of those
-- changes what was spent.
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
