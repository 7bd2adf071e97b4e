do $$
declare
    relation regclass;
begin
    for relation in
        select 'telemetry_events'::regclass
        union all
        select inhrelid::regclass from pg_inherits where inhparent = 'telemetry_events'::regclass
    loop
        execute format('alter table %s alter event_data set compression default', relation);
    end loop;
end
$$;

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
                'create table %1$I.%2$I (like %1$I.%3$I including defaults including constraints)',
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

drop view performance_hourly;
drop table performance_hours;
drop table telemetry_hours;

drop index error_events_of_group;
alter table error_events
    drop column run_id,
    drop column trace_id,
    drop column occurred_at,
    drop column source,
    drop column group_id;
create index error_events_open on error_events (org_id, id desc) where resolved = 0;

drop table error_group_hours;
drop table error_group_users;
drop table error_group_activity;
drop table error_groups;

alter table performance_metrics
    drop column run_id,
    drop column trace_id;

alter table telemetry_events
    drop column run_id,
    drop column trace_id,
    drop column batch_index;

drop index telemetry_batches_time;
alter table telemetry_batches
    drop column rejected,
    drop column received,
    -- The answers themselves are gone; the batches stay known.
    add column answer jsonb not null default '{}';
alter table telemetry_batches alter answer drop default;
