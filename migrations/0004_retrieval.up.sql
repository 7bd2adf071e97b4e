-- What was looked up: one row for each retrieval, and the sums by the day.
--
-- Shaped as the calls in the ledger are, for the same reasons: the names are those that people query
-- by hand, the key begins with organisation and time and ends with an id that makes a second attempt
-- harmless, and months are dropped as a whole.

create table rag_metrics (
    id bigint generated always as identity,
    org_id text not null,
    user_id text not null,
    -- A writer that may try again sends its own.
    retrieval_id uuid not null default gen_random_uuid(),
    run_id uuid,
    phase text not null,
    query text,
    chunks_retrieved integer not null default 0 check (chunks_retrieved >= 0),
    -- Null when nobody counted, which is not the same as none.
    chunks_used integer check (chunks_used >= 0),
    retrieval_latency_ms bigint not null check (retrieval_latency_ms >= 0),
    relevance_score double precision,
    session_id text,
    task_id text,
    extra_metadata jsonb,
    created_at timestamptz not null default now(),
    -- The trace of the request that it was made for, as in `runs`.
    trace_id text,
    -- The key serves the retrievals of an organisation by time.
    primary key (org_id, created_at, retrieval_id)
) partition by range (created_at);

create table rag_metrics_default partition of rag_metrics default;

-- The retrievals of a run. There are a few for each, so the index grows more slowly than the one over
-- its calls.
create index rag_metrics_run on rag_metrics (org_id, run_id) where run_id is not null;

-- By the day, kept by a trigger as `llm_days` is, and argued there.
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
