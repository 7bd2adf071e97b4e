-- What clients report is taken in: which events of a batch are stored, what belongs together among
-- the errors, and what stays countable when the rows themselves are gone.

-- A batch may be sent again, and some of its events may have been refused. What is stored of it is
-- therefore known by index: all below `received` that are not among `rejected`. A repetition stores
-- what is not stored yet, which is nothing unless the client mended a refused event or added some.
alter table telemetry_batches
    drop column answer,
    add column received integer not null default 0 check (received >= 0),
    add column rejected integer[] not null default '{}';

-- Batches are forgotten after some days, a few thousand rows at a time; they arrive in the order of
-- time, so a block range index finds the old ones.
create index telemetry_batches_time on telemetry_batches using brin (created_at);

alter table telemetry_events
    -- Which event of its batch it was.
    add column batch_index integer,
    -- The trace and the run it belongs to, if the client said so: the thread to everything else.
    add column trace_id text,
    add column run_id uuid;

alter table performance_metrics
    add column trace_id text,
    add column run_id uuid;

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

alter table error_events
    add column group_id bigint,
    add column source text not null default 'client' check (source in ('client', 'server', 'run')),
    add column occurred_at timestamptz,
    add column trace_id text,
    add column run_id uuid;

-- Open errors are now found by their group.
drop index error_events_open;

-- The occurrences of a group, newest first, and those that are to be marked when somebody resolves
-- it. Errors from before there were groups have none and are not in it.
create index error_events_of_group on error_events (org_id, group_id, created_at desc)
    where group_id is not null;

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

-- As before, and months take over how the parent's columns are compressed.
create or replace function make_month_partitions(first_month timestamptz, months integer)
returns integer
language plpgsql
-- Months are months in UTC whatever the session thinks: a partition's bounds must not depend on
-- who made it. The second setting makes both the truncation and the additions below follow.
set lock_timeout = '5s'
set timezone = 'UTC'
as $$
declare
    parent record;
    month record;
    partition_name text;
    moved bigint;
    made integer := 0;
begin
    perform pg_advisory_xact_lock(hashtextextended('make_month_partitions', 0));
    for parent in
        select c.relname as name, n.nspname as schema, a.attname as key,
               d.relname as fallback
        from pg_partitioned_table p
        join pg_class c on c.oid = p.partrelid
        join pg_namespace n on n.oid = c.relnamespace
        join pg_attribute a on a.attrelid = c.oid and a.attnum = p.partattrs[0]
        join pg_class d on d.oid = p.partdefid
        where n.nspname = current_schema()
          and p.partstrat = 'r' and p.partnatts = 1
          and a.atttypid = 'timestamptz'::regtype
        -- Always in the same order, so that two callers could not deadlock even without the lock.
        order by c.relname
    loop
        for month in
            select date_trunc('month', first_month) + make_interval(months => step) as lower,
                   date_trunc('month', first_month) + make_interval(months => step + 1) as upper
            from generate_series(0, months - 1) as step
        loop
            partition_name := parent.name || '_' || to_char(month.lower, 'YYYY_MM');
            continue when
                to_regclass(format('%I.%I', parent.schema, partition_name)) is not null;

            -- No identity and no indexes: the first belongs to the parent, the second are made by
            -- attaching. Comments are not copied either; the parent's are the ones people read.
            execute format(
                'create table %1$I.%2$I (like %1$I.%3$I including defaults including constraints
                     including compression)',
                parent.schema, partition_name, parent.name);
            -- Nobody may add to the default partition between looking and attaching.
            execute format('lock table %I.%I in access exclusive mode',
                parent.schema, parent.fallback);
            execute format(
                'with moved as (
                     delete from %1$I.%2$I where %3$I >= %4$L and %3$I < %5$L returning *
                 )
                 insert into %1$I.%6$I select * from moved',
                parent.schema, parent.fallback, parent.key, month.lower, month.upper,
                partition_name);
            get diagnostics moved = row_count;
            if moved > 0 then
                raise log 'moved % rows from % to %', moved, parent.fallback, partition_name;
            end if;
            execute format(
                'alter table %1$I.%2$I attach partition %1$I.%3$I for values from (%4$L) to (%5$L)',
                parent.schema, parent.name, partition_name, month.lower, month.upper);
            made := made + 1;
        end loop;
    end loop;
    return made;
end
$$;

-- Client events are the widest rows there are. LZ4 compresses them in half the time that the
-- built-in method takes, but a server may have been built without it; then that stays.
do $$
declare
    relation regclass;
begin
    for relation in
        select 'telemetry_events'::regclass
        union all
        select inhrelid::regclass from pg_inherits where inhparent = 'telemetry_events'::regclass
    loop
        execute format('alter table %s alter event_data set compression lz4', relation);
    end loop;
exception when feature_not_supported then
    raise notice 'this Postgres has no LZ4; client events are compressed with pglz';
end
$$;
