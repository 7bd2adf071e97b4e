-- What clients report about themselves. Names of tables and columns are those that dashboards and
-- operators already query by hand.

-- A batch that was stored. Clients send a batch again when the answer was lost on its way, and
-- what must then be recognised is the batch: the rows of a partitioned table can be unique only
-- together with their time, and a repeated batch comes at another time. The row is inserted first,
-- in the transaction of the batch's events; whoever finds it there stores nothing and gives the
-- same answer again.
create table telemetry_batches (
    org_id text not null,
    user_id text not null,
    batch_id text not null,
    answer jsonb not null,
    created_at timestamptz not null default now(),
    -- The user is part of the key, so that no one can occupy another's batch ids.
    primary key (org_id, user_id, batch_id)
);

create table telemetry_events (
    id bigint generated always as identity,
    org_id text not null,
    user_id text not null,
    batch_id text,
    event_type text not null,
    event_category text,
    event_name text not null,
    event_data jsonb,
    session_id text,
    user_agent text,
    ip_address text,
    source text,
    source_version text,
    duration_ms bigint,
    error_message text,
    error_stack text,
    error_code text,
    extra_metadata jsonb,
    -- When the client says it happened. Partitions and retention go by when we received it, which
    -- is ours to say: a client with a wrong clock could otherwise write into any month.
    occurred_at timestamptz,
    created_at timestamptz not null default now(),
    -- The key serves the events of an organisation by time.
    primary key (org_id, created_at, id)
) partition by range (created_at);

create table telemetry_events_default partition of telemetry_events default;

create table performance_metrics (
    id bigint generated always as identity,
    org_id text not null,
    user_id text not null,
    metric_name text not null,
    metric_type text not null,
    -- Not whole numbers: a layout shift is a fraction, and so is a cache's hit rate.
    value double precision not null,
    unit text not null,
    p50 double precision,
    p95 double precision,
    p99 double precision,
    min_value double precision,
    max_value double precision,
    avg_value double precision,
    sample_count bigint,
    operation text,
    component text,
    session_id text,
    extra_metadata jsonb,
    created_at timestamptz not null default now(),
    -- The key serves all measurements of an organisation by time.
    primary key (org_id, created_at, id)
) partition by range (created_at);

create table performance_metrics_default partition of performance_metrics default;

-- One metric of an organisation over time, the panel people look at.
create index performance_metrics_name on performance_metrics (org_id, metric_name, created_at);

create table error_events (
    id bigint generated always as identity,
    org_id text not null,
    user_id text not null,
    error_type text not null,
    error_code text,
    severity text not null,
    error_message text not null,
    stack_trace text,
    component text,
    operation text,
    session_id text,
    environment text,
    version text,
    -- Zero or one rather than booleans: existing queries compare them with numbers.
    user_visible integer not null default 1 check (user_visible in (0, 1)),
    recovery_attempted integer not null default 0 check (recovery_attempted in (0, 1)),
    resolved integer not null default 0 check (resolved in (0, 1)),
    resolution_notes text,
    extra_metadata jsonb,
    created_at timestamptz not null default now(),
    resolved_at timestamptz,
    -- The key serves the errors of an organisation by time.
    primary key (org_id, created_at, id),
    constraint error_events_resolved_at_a_time check ((resolved = 1) = (resolved_at is not null))
) partition by range (created_at);

create table error_events_default partition of error_events default;

-- The last day's errors by type and severity over all organisations, for operators.
create index error_events_time on error_events using brin (created_at);

-- What is still open, newest first, and the one that is being resolved by its id. Few errors stay
-- open, so this stays small however many there were.
create index error_events_open on error_events (org_id, id desc) where resolved = 0;
