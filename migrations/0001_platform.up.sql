-- What every slice stands on: months of what is partitioned by month, and requests that are
-- remembered by their key.

---------------------------------------------------------------------------------------------------
-- Months
---------------------------------------------------------------------------------------------------

-- Makes the months of every table that is partitioned by time.
--
-- The tables are found in the catalog, not listed: a migration that creates one more table
-- `partition by range` of a `timestamptz` has nothing to add here, and nothing to forget.
--
-- Every such table also has a default partition. It is the net: when this function has not run for
-- months, an insert still succeeds, it lands in the default partition, and the next call moves the
-- rows to where they belong. Retention drops months, so rows must not stay in the default.
--
-- A month is created beside the table and then attached. `create table … partition of` would take
-- an exclusive lock on the parent and stop every insert; attaching takes one on the default
-- partition alone, which is normally empty and in nobody's way.
--
-- Answers how many partitions were made. Doing it again makes none; two sessions at once take
-- turns. The lock time-out covers the wait for the turn as well: whoever cannot have it within
-- five seconds fails, and tries again at its next hour, instead of queueing in front of inserts.
create function make_month_partitions(first_month timestamptz, months integer)
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

-- Drops the months of a table that are too old, as a whole: nothing is deleted row by row, nothing
-- has to be vacuumed.
--
-- A month goes once all of it is older than `keep`, by the bounds of the partition and not by its
-- rows. The default partition never goes. Like the making of months it gives way after five seconds
-- instead of queueing in front of readers, takes its turn, and can be called again at any time.
--
-- Answers with the names of what was dropped.
create function drop_old_months(parent regclass, keep interval)
returns text[]
language plpgsql
set lock_timeout = '5s'
set timezone = 'UTC'
as $$
declare
    month record;
    dropped text[] := '{}';
begin
    perform pg_advisory_xact_lock(hashtextextended('make_month_partitions', 0));
    for month in
        select c.relname as name, n.nspname as schema,
               substring(pg_get_expr(c.relpartbound, c.oid)
                         from 'TO \(''([^'']+)''\)')::timestamptz as upper
        from pg_inherits i
        join pg_class c on c.oid = i.inhrelid
        join pg_namespace n on n.oid = c.relnamespace
        where i.inhparent = parent and pg_get_expr(c.relpartbound, c.oid) <> 'DEFAULT'
        order by c.relname
    loop
        continue when month.upper > now() - keep;
        execute format('drop table %I.%I', month.schema, month.name);
        dropped := dropped || month.name::text;
    end loop;
    return dropped;
end
$$;

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

-- The end of the newest month that `drop_old_months` would drop with the same arguments: what the
-- audit log has to sign before it goes. Null when nothing would.
create function months_older_than(parent regclass, keep interval)
returns timestamptz
language sql stable
set timezone = 'UTC'
as $$
    select max(upper) from (
        select substring(pg_get_expr(c.relpartbound, c.oid)
                         from 'TO \(''([^'']+)''\)')::timestamptz as upper
        from pg_inherits i
        join pg_class c on c.oid = i.inhrelid
        where i.inhparent = parent and pg_get_expr(c.relpartbound, c.oid) <> 'DEFAULT'
    ) months
    where upper <= now() - keep
$$;

---------------------------------------------------------------------------------------------------
-- Requests by their key
---------------------------------------------------------------------------------------------------

-- Requests that create something and were answered, by the key that their client gave them.
--
-- The row is written in the transaction that creates the thing. Either both are there or neither,
-- so a request that is sent again after a crash, a lost answer or a time-out creates nothing twice
-- and never finds a key without its thing. Whoever comes while that transaction is open finds its
-- advisory lock taken, and is told so instead of being made to wait.
create table idempotency_keys (
    org_id text not null,
    user_id text not null,
    -- What the client sent, 1 to 255 characters.
    key text not null,
    -- SHA-256 of method, path and body: the same key with another request is a mistake.
    fingerprint bytea not null check (octet_length(fingerprint) = 32),
    status smallint not null,
    answer jsonb not null,
    created_at timestamptz not null,
    primary key (org_id, user_id, key)
);

-- Keys are forgotten after a day: oldest first, over all organisations.
create index idempotency_keys_age on idempotency_keys using brin (created_at);
