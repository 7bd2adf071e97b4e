-- What clients report about themselves: events, measurements, errors, what belongs together among
-- the errors, and what stays countable when the rows themselves are gone.
--
-- Names of tables and columns are those that dashboards and operators query by hand.

---------------------------------------------------------------------------------------------------
-- Batches
---------------------------------------------------------------------------------------------------

-- A batch that was stored. Clients send a batch again when the answer was lost on its way, and
-- what must then be recognised is the batch: the rows of a partitioned table can be unique only
-- together with their time, and a repeated batch comes at another time. The row is written in the
-- transaction of the batch's events.
--
-- Some of the events of a batch may have been refused. What is stored of it is therefore known by
-- index: all below `received` that are not among `rejected`. A repetition stores what is not stored
-- yet, which is nothing unless the client mended a refused event or added some.
create table telemetry_batches (
    org_id text not null,
    user_id text not null,
    batch_id text not null,
    created_at timestamptz not null default now(),
    received integer not null default 0 check (received >= 0),
    rejected integer[] not null default '{}',
    -- The user is part of the key, so that no one can occupy another's batch ids.
    primary key (org_id, user_id, batch_id)
);

-- Batches are forgotten after some days, a few thousand rows at a time; they arrive in the order of
-- time, so a block range index finds the old ones.
create index telemetry_batches_time on telemetry_batches using brin (created_at);

---------------------------------------------------------------------------------------------------
-- Events
---------------------------------------------------------------------------------------------------

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
    -- Which event of its batch it was.
    batch_index integer,
    -- The trace and the run it belongs to, if the client said so: the thread to everything else.
    trace_id text,
    run_id uuid,
    -- The key serves the events of an organisation by time.
    primary key (org_id, created_at, id)
) partition by range (created_at);

-- Client events are the widest rows there are. LZ4 compresses them in half the time that the
-- built-in method takes, but a server may have been built without it; then that stays. Partitions
-- take over what their parent has: the default one, because it is made afterwards, and months,
-- because `make_month_partitions` says so.
do $$
begin
    alter table telemetry_events alter event_data set compression lz4;
exception when feature_not_supported then
    raise notice 'this Postgres has no LZ4; client events are compressed with pglz';
end
$$;

create table telemetry_events_default partition of telemetry_events default;

-- How many events of a type and a version came in an hour, over all people. Types beyond the first
-- few hundred of an organisation in an hour are counted as `<other>`: a client can invent a million.
create table telemetry_hours (
    org_id text not null,
    hour timestamptz not null,
    event_type text not null,
    -- Empty when the client did not say.
    source_version text not null,
    events bigint not null check (events > 0),
    primary key (org_id, hour, event_type, source_version)
) partition by range (hour);

create table telemetry_hours_default partition of telemetry_hours default;

---------------------------------------------------------------------------------------------------
-- Measurements
---------------------------------------------------------------------------------------------------

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
    trace_id text,
    run_id uuid,
    -- The key serves all measurements of an organisation by time.
    primary key (org_id, created_at, id)
) partition by range (created_at);

create table performance_metrics_default partition of performance_metrics default;

-- One metric of an organisation over time, the panel people look at.
create index performance_metrics_name on performance_metrics (org_id, metric_name, created_at);

-- The distribution of a metric in an hour, as counts of values by logarithmic bucket (DDSketch,
-- https://www.vldb.org/pvldb/vol12/p2195-masson.pdf): any number of hours can be added up, and a
-- percentile of the sum is within 2.5 % of the true one.
--
-- `bucket` orders as values do: 0 holds zeros; 10000 + k holds values in (1.05^(k-1), 1.05^k], and
-- -(10000 + k) those of the same size below zero.
create table performance_hours (
    org_id text not null,
    metric_name text not null,
    unit text not null,
    hour timestamptz not null,
    bucket integer not null,
    samples bigint not null check (samples > 0),
    total double precision not null,
    min_value double precision not null,
    max_value double precision not null,
    primary key (org_id, metric_name, unit, hour, bucket)
) partition by range (hour);

create table performance_hours_default partition of performance_hours default;

-- Percentiles of each metric by hour, in the names of `performance_metrics`.
create view performance_hourly as
with ranked as (
    select *,
           sum(samples) over upwards as below,
           sum(samples) over (partition by org_id, metric_name, unit, hour) as all_samples,
           case when bucket = 0 then 0
                -- The middle of the bucket, which is off by 2.44 % of it at most.
                else sign(bucket) * power(1.05::float8, abs(bucket) - 10000) * 2 / 2.05
           end as middle
    from performance_hours
    window upwards as (partition by org_id, metric_name, unit, hour order by bucket)
)
select org_id, metric_name, unit, hour,
       least(max(max_value), greatest(min(min_value),
           min(middle) filter (where below >= 0.50 * all_samples))) as p50,
       least(max(max_value), greatest(min(min_value),
           min(middle) filter (where below >= 0.95 * all_samples))) as p95,
       least(max(max_value), greatest(min(min_value),
           min(middle) filter (where below >= 0.99 * all_samples))) as p99,
       min(min_value) as min_value,
       max(max_value) as max_value,
       sum(total) / sum(samples) as avg_value,
       sum(samples)::bigint as sample_count
from ranked
group by org_id, metric_name, unit, hour;

---------------------------------------------------------------------------------------------------
-- Errors
---------------------------------------------------------------------------------------------------

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
    -- The row of `error_groups` that it is an occurrence of.
    group_id bigint,
    -- Who reported it, as in `error_groups`.
    source text not null default 'client' check (source in ('client', 'server', 'run')),
    -- When the client says it happened, as in `telemetry_events`.
    occurred_at timestamptz,
    trace_id text,
    run_id uuid,
    -- The key serves the errors of an organisation by time.
    primary key (org_id, created_at, id),
    constraint error_events_resolved_at_a_time check ((resolved = 1) = (resolved_at is not null))
) partition by range (created_at);

create table error_events_default partition of error_events default;

-- The last day's errors by type and severity over all organisations, for operators.
create index error_events_time on error_events using brin (created_at);

-- The occurrences of a group, newest first, and those that are to be marked when somebody resolves
-- it. A row that was written past the service has no group, and costs nothing here.
create index error_events_of_group on error_events (org_id, group_id, created_at desc)
    where group_id is not null;

-- The errors of a run or a trace: the way from what somebody looks at to what went wrong there. Most
-- errors of clients name neither, and cost nothing here.
create index error_events_of_run on error_events (org_id, run_id) where run_id is not null;
create index error_events_of_trace on error_events (org_id, trace_id) where trace_id is not null;

-- An error by its number alone, without its time. Numbers grow as rows are added, so a block range
-- index finds the few pages at a thousandth of a b-tree's size; new pages are summed up at once, or
-- they would all be read until the next vacuum.
create index error_events_id on error_events
    using brin (id) with (pages_per_range = 16, autosummarize = on);

-- Errors that are one: the same type, the same message apart from what varies in it, the same top
-- frames. This half says what the group is and what was decided about it; it changes rarely, so that
-- it can have an index for words. What is counted stands in `error_group_activity`.
create table error_groups (
    org_id text not null,
    group_id bigint generated always as identity,
    -- SHA-256, in hexadecimal, of the version of the rules and the parts below.
    fingerprint text not null,
    -- The parts, so that a person can see why two errors are one group.
    error_type text not null,
    message text not null,
    frames text[] not null default '{}',
    -- Who reported it: a client, this server, or a run of the agent.
    source text not null check (source in ('client', 'server', 'run')),
    first_version text,
    created_at timestamptz not null,
    status text not null default 'open' check (status in ('open', 'resolved', 'regressed')),
    resolved_at timestamptz,
    resolved_by text,
    resolution_notes text,
    -- When it last came back after somebody had resolved it, and how often it did.
    regressed_at timestamptz,
    regressions integer not null default 0 check (regressions >= 0),
    -- Whether events of a resolved group are still marked as open; see `error_events_of_group`.
    unmarked boolean not null default false,
    words tsvector not null generated always as
        (to_tsvector('simple'::regconfig, error_type || ' ' || message)) stored,
    primary key (org_id, group_id),
    constraint error_groups_one_per_fingerprint unique (org_id, fingerprint),
    constraint error_groups_resolved_at_a_time
        check (status <> 'resolved' or resolved_at is not null)
);

-- The search for words in the list of errors.
create index error_groups_words on error_groups using gin (words);

-- Groups whose events are still to be marked as resolved; normally empty.
create index error_groups_unmarked on error_groups (resolved_at) where unmarked;

-- How a group is doing: updated with every commit that holds an occurrence.
create table error_group_activity (
    org_id text not null,
    group_id bigint not null,
    occurrences bigint not null default 0 check (occurrences >= 0),
    -- How many people were affected. Grows with `error_group_users`, and stays when one of them is
    -- erased.
    affected_users bigint not null default 0 check (affected_users >= 0),
    -- By the client's time, as far as it can be believed.
    first_seen timestamptz not null,
    last_seen timestamptz not null,
    -- Of the last occurrence.
    severity text not null,
    component text,
    last_version text,
    last_message text not null,
    primary key (org_id, group_id),
    foreign key (org_id, group_id) references error_groups (org_id, group_id) on delete cascade
) with (fillfactor = 70);

-- The list of errors, the last first, page by page.
create index error_group_activity_recent on error_group_activity
    (org_id, last_seen desc, group_id desc);

-- Whom a group affected, so that nobody is counted twice.
create table error_group_users (
    org_id text not null,
    group_id bigint not null,
    user_id text not null,
    primary key (org_id, group_id, user_id),
    foreign key (org_id, group_id) references error_groups (org_id, group_id) on delete cascade
);

-- Trends, which outlive the rows that they count. The hour is the server's.
create table error_group_hours (
    org_id text not null,
    group_id bigint not null,
    hour timestamptz not null,
    occurrences bigint not null check (occurrences > 0),
    primary key (org_id, group_id, hour)
) partition by range (hour);

create table error_group_hours_default partition of error_group_hours default;
